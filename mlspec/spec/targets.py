"""The kinds of files that a spec compiles to: one row for each, which all that speaks of targets reads.

Validation and the schema, the ignore file, leftovers, the command line and the documentation read the rows;
``mlspec.targets`` draws the files. The answer from proofs imports this module, and so it imports nothing heavy.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing alone would take longer than all of this
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


class Target:
    """A kind of output.

    ``file`` is its name beside ``mlspec.yaml``, perhaps in a folder; ``about`` what it is, for messages and help.
    With a ``template``, each image has one of its own, which is always written. Without, there is one for all images of
    a spec that names the target: the module of the target's name in ``mlspec.targets`` draws it. ``refuse`` yields the
    problems of an image that it cannot draw.
    """

    def __init__(
        self,
        file: str,
        about: str,
        *,
        template: str = "",
        is_executable: bool = False,
        refuse: Refusals = _nothing,
    ) -> None:
        self.file, self.about, self.template = file, about, template
        self.is_executable, self.refuse = is_executable, refuse

    @property
    def is_shared(self) -> bool:
        """Tell whether there is one file for all images of a spec."""
        return not self.template

    def path(self, files: Files) -> str:
        """Return the path of the file beside a spec, for one of its images."""
        return files.path_of(self.file, is_shared=self.is_shared)


TARGETS: Mapping[str, Target] = {
    "dockerfile": Target("Dockerfile", "the Dockerfile", template="Dockerfile.j2"),
    "ignore": Target("Dockerfile.dockerignore", "its ignore file", template="dockerignore.j2"),
    "run": Target("run.sh", "the run script", template="run.sh.j2", is_executable=True),
    "compose": Target("compose.yaml", "a Compose file"),
    "kubernetes": Target("kubernetes.yaml", "the objects of a Kubernetes cluster", refuse=_refuse_in_cluster),
}

ALWAYS = tuple(name for name, target in TARGETS.items() if not target.is_shared)
"""The targets that are written for every spec, a file for each image."""

SHARED_TARGETS = tuple(name for name, target in TARGETS.items() if target.is_shared)
"""The targets that a spec asks for below ``targets``."""
