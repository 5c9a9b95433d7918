"""The kinds of output files: one row for each, which all code about targets reads.

Validation and the schema, the ignore file, leftovers, the command line and the documentation read the rows;
``mlspec.targets`` draws the files. The answer from proofs imports this module, so it imports nothing heavy.
"""

from __future__ import annotations

TYPE_CHECKING = False  # The import of typing alone would take longer than the whole module.
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mlspec.errors import Problem
    from mlspec.spec.files import Files
    from mlspec.spec.spec import Image

    Refusals = Callable[[Image], Iterable[Problem]]


def _nothing(_: Image) -> Iterable[Problem]:
    return ()


def _refuse_in_cluster(image: Image) -> Iterable[Problem]:
    from mlspec.spec.kubernetes_limits import refusals

    return refusals(image)


def _refuse_in_editor(image: Image) -> Iterable[Problem]:
    from mlspec.spec.editor_limits import list_editor_problems

    return list_editor_problems(image)


def _refuse_in_workflow(image: Image) -> Iterable[Problem]:
    from mlspec.spec.pipeline_limits import list_workflow_problems

    return list_workflow_problems(image)


def _refuse_in_pipeline(image: Image) -> Iterable[Problem]:
    from mlspec.spec.pipeline_limits import list_pipeline_problems

    return list_pipeline_problems(image)


class Target:
    """A kind of output.

    ``file`` is its name beside ``mlspec.yaml``, perhaps in a folder; ``about`` names it in messages and help. A
    ``template`` draws it, or without one the module of the target's name in ``mlspec.targets``. All images of a spec
    share the file, unless ``for_each_image`` gives each image a file of its own. ``refuse`` yields the problems of an
    image that the target cannot draw.
    """

    def __init__(
        self,
        file: str,
        about: str,
        *,
        template: str = "",
        for_each_image: bool = False,
        refuse: Refusals = _nothing,
    ) -> None:
        self.file, self.about, self.template = file, about, template
        self.is_shared = not for_each_image
        # GitHub reads no subfolder of its folder, so there the name of a spec is part of the name of the file.
        self.in_one_folder = file.startswith(".github/")
        self.is_executable = file.endswith(".sh")
        self.refuse = refuse

    def path(self, files: Files) -> str:
        """Return the path of the file beside a spec, for one of its images."""
        return files.path_of(self.file, is_shared=self.is_shared, in_one_folder=self.in_one_folder)


TARGETS: Mapping[str, Target] = {
    "dockerfile": Target("Dockerfile", "the Dockerfile", template="Dockerfile.j2", for_each_image=True),
    "ignore": Target("Dockerfile.dockerignore", "its ignore file", template="dockerignore.j2", for_each_image=True),
    "run": Target("run.sh", "the run script", template="run.sh.j2", for_each_image=True),
    "compose": Target("compose.yaml", "a Compose file"),
    "bake": Target("docker-bake.json", "a Bake file"),
    "kubernetes": Target("kubernetes.yaml", "the objects of a Kubernetes cluster", refuse=_refuse_in_cluster),
    "devcontainer": Target(
        ".devcontainer/devcontainer.json", "a dev container", for_each_image=True, refuse=_refuse_in_editor
    ),
    "devcontainer-dockerfile": Target(
        ".devcontainer/Dockerfile",
        "the Dockerfile of a dev container",
        template="devcontainer.j2",
        for_each_image=True,
    ),
    "apptainer": Target("apptainer.sh", "a run script for Apptainer", template="apptainer.sh.j2", for_each_image=True),
    "github": Target(".github/workflows/mlspec.yml", "a workflow of GitHub", refuse=_refuse_in_workflow),
    "gitlab": Target("mlspec.gitlab-ci.yml", "a pipeline of GitLab", refuse=_refuse_in_pipeline),
}

_NEEDED_BY = {"devcontainer-dockerfile": "devcontainer"}
"""The targets whose file another target needs, with that target: a spec names only that one."""

ALWAYS = ("dockerfile", "ignore", "run")
"""The targets that every spec has."""

CLUSTER_TARGETS = frozenset({"apptainer", "kubernetes"})
"""The targets that start a program on several machines."""

OPTIONAL_TARGETS = tuple(name for name in TARGETS if name not in {*ALWAYS, *_NEEDED_BY})
"""The targets that a spec names below ``targets``."""


def add_needed_targets(names: Iterable[str]) -> tuple[str, ...]:
    """Return targets with those whose files they need."""
    wanted = tuple(names)
    return (*wanted, *(name for name, by in _NEEDED_BY.items() if by in wanted and name not in wanted))
