"""The steps of a build in the words of the spec, matched to the names of BuildKit's vertexes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mlspec.plan.bytecode import BYTECODE
from mlspec.text import format_size

if TYPE_CHECKING:
    from mlspec.build.dockerfile import Instruction
    from mlspec.errors import KeyPath
    from mlspec.lock.pins import Layer, Pin
    from mlspec.plan.plan import Plan
    from mlspec.spec.nested_build_keys import RunStep

BYTECODE_LABEL = "the bytecode of the standard library"

Kind = Literal["base", "apt", "run", "requirements", "code", "copy", "other", "export"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a build, with a label for people.

    ``path`` is the key of the image that asks for the step, or empty for a default. ``line`` is the line of the
    Dockerfile, or 0. A minor step gets no line of its own. ``packages`` are the packages that the step installs.
    """

    kind: Kind
    label: str
    stage: str = ""
    number: int = 0
    keyword: str = ""
    line: int = 0
    path: KeyPath = ()
    packages: tuple[str, ...] = ()
    is_minor: bool = False

    @property
    def is_reading(self) -> bool:
        """Tell whether this step reads the project's files, for which the Dockerfile has no instruction."""
        return self.kind == "code" and not self.number


@dataclass(frozen=True, slots=True)
class _Context:
    plan: Plan
    run: tuple[RunStep, ...]
    layers: tuple[Layer, ...]
    vcs: tuple[Pin, ...]


def steps_of(
    plan: Plan, run: Sequence[RunStep], layers: Iterable[Layer], vcs: Iterable[Pin], dockerfile: str
) -> tuple[Step, ...]:
    """Return the steps of an image's ``dockerfile``, in their order.

    ``run`` are the user's steps in the settings of the image. ``layers`` and ``vcs`` are the layers and the git
    dependencies of its lock.
    """
    from mlspec.build.dockerfile import instructions

    context = _Context(plan, tuple(run), tuple(layers), tuple(vcs))
    found: list[Step] = []
    taken: set[int] = set()
    for instruction in instructions(dockerfile):
        if not instruction.number:
            continue
        index = _own_step(instruction, context.run, plan.folders.for_steps, taken)
        if index is not None:
            taken.add(index)
        found.append(_step(instruction, context) if index is None else _run_step(instruction, context.run, index))
    return tuple(found)


def _own_step(instruction: Instruction, run: Sequence[RunStep], folders: Sequence[str], taken: set[int]) -> int | None:
    """Return the index of the user's step that an instruction runs, or None for any other instruction."""
    if instruction.keyword != "RUN":
        return None
    command = _OPTIONS.sub("", instruction.text)
    for index, step in enumerate(run):
        from mlspec.targets.filters import script

        text = script(step.command, () if step.at == "before_install" else folders).replace(" \\\n", "")
        first, _, body = text.partition("\n")
        if index not in taken and command == first.strip() and instruction.body in body:
            return index
    return None


_OPTIONS = re.compile(r"^(?:--\S+\s+)+")


def _run_step(instruction: Instruction, run: Sequence[RunStep], index: int) -> Step:
    lines = [line.strip() for line in run[index].command.splitlines()]
    shown = [line for line in lines if line and not line.startswith("#")] or lines
    label = f"your step: {shown[0]}{' …' if len(shown) > 1 else ''}"
    return _make_step(instruction, "run", label, path=("run", index))


def _step(instruction: Instruction, context: _Context) -> Step:
    stage, keyword = instruction.stage, instruction.keyword
    layer = next((layer.name for layer in context.plan.packages.layers if layer.stage == stage), None)
    if keyword == "FROM":
        return _make_step(
            instruction, "base", f"base image {short_reference(instruction.text.split()[0])}", path=("base",)
        )
    if "apt-get install" in instruction.text and keyword == "RUN":
        return _apt(instruction, context)
    if layer is not None and keyword == "RUN":
        return _requirements(instruction, layer, context)
    if stage == "layer-git":
        names = tuple(pin.name for pin in context.vcs)
        return _make_step(
            instruction, "requirements", f"requirements: {', '.join(names)} from git", ("requirements",), names
        )
    if stage == "installer" and keyword == "RUN" and context.plan.packages.installer:
        installer = context.plan.packages.installer
        return _make_step(instruction, "other", f"the installer: {installer.name} {installer.version}")
    if keyword == "RUN" and BYTECODE in instruction.text:
        return _make_step(instruction, "other", BYTECODE_LABEL)
    if stage == "code" and keyword == "RUN":
        return _make_step(instruction, "code", "the code", path=("include",))
    return _make_step(instruction, "copy" if keyword == "COPY" else "other", _minor_label(instruction), is_minor=True)


def _make_step(
    instruction: Instruction,
    kind: Kind,
    label: str,
    path: KeyPath = (),
    packages: tuple[str, ...] = (),
    *,
    is_minor: bool = False,
) -> Step:
    return Step(
        kind=kind,
        label=label,
        stage=instruction.stage,
        number=instruction.number,
        keyword=instruction.keyword,
        line=instruction.line,
        path=path,
        packages=packages,
        is_minor=is_minor,
    )


def _apt(instruction: Instruction, context: _Context) -> Step:
    if instruction.stage == "layer-git":
        return _make_step(instruction, "apt", "apt: git, for the requirements from it", ("requirements",))
    if instruction.stage != "base":
        layer = next((layer.name for layer in context.plan.packages.layers if layer.stage == instruction.stage), "")
        label = f"apt: what it takes to compile {layer}" if layer else "apt: the compilers"
        return _make_step(instruction, "apt", label, () if layer else ("build_apt",))
    return _make_step(
        instruction, "apt", f"apt: {', '.join(context.plan.system.apt)}", ("apt",), context.plan.system.apt
    )


_MOST_NAMES = 3


def _requirements(instruction: Instruction, name: str, context: _Context) -> Step:
    pins = next((layer.pins for layer in context.layers if layer.name == name), ())
    size = sum(pin.size or 0 for pin in pins)
    label = f"{packages_label(name, pins)}{f' ({format_size(size)})' if size else ''}"
    return _make_step(instruction, "requirements", label, ("requirements",), tuple(pin.name for pin in pins))


def packages_label(layer: str, pins: Sequence[Pin]) -> str:
    """Return one label for all packages of a layer."""
    band, underscore, _ = layer.partition("_")
    sources = ", from source" if any(pin.is_source for pin in pins) else ""
    if not pins:
        what = layer
    elif len(pins) <= _MOST_NAMES:
        what = ", ".join(pin.name for pin in pins)
    else:
        what = f"{len(pins)} {band + ' ' if underscore and not sources else ''}packages"
    return f"requirements: {what}{sources}"


def _minor_label(instruction: Instruction) -> str:
    source = re.search(r"--from=(\S+)", instruction.text)
    if instruction.keyword == "COPY" and source:
        is_bytecode = f" {BYTECODE} " in instruction.text
        return f"into the image: {BYTECODE_LABEL if is_bytecode else source[1].removeprefix('layer-')}"
    return {"lock": "the lock", "folders": "the folders"}.get(instruction.stage, instruction.keyword.lower())


def short_reference(reference: str) -> str:
    """Shorten an image reference to the form that people write: no digest, and no host for Docker Hub."""
    name = reference.partition("@")[0]
    return re.sub(r"^(?:docker\.io/)?(?:library/)?", "", name)


# BuildKit's names of vertexes

_NAME = re.compile(r"\[(?:(?P<platform>[a-z0-9]+/[a-z0-9/]+)(?:->\S+)? )?(?:(?P<stage>\S+) +)?(?P<number>\d+)/\d+\] ")
_LINK = re.compile(r"^LINK (?=COPY|ADD)")


def step_of(vertex: str, steps: Iterable[Step]) -> Step:
    """Return the step of the vertex named ``vertex``, or a new step with its name if the plan has none for it."""
    match = _NAME.match(vertex)
    if not match:
        return _inner_step(vertex)
    text = _LINK.sub("", vertex[match.end() :])
    for step in steps:
        # Compare the keyword too: an edited Dockerfile has other instructions.
        if (step.stage, step.number) == (match["stage"], int(match["number"])) and text.startswith(step.keyword):
            return step
    return Step(kind="other", label=" ".join(text.split()), stage=match["stage"] or "", number=int(match["number"]))


def _inner_step(vertex: str) -> Step:
    """Return the step of a vertex that belongs to no instruction."""
    for pattern, kind, label, is_minor in _INNER:
        if match := re.match(pattern, vertex):
            reference = short_reference(match[1]) if match.re.groups else ""
            return Step(kind=kind, label=label.format(reference), is_minor=is_minor)
    return Step(kind="other", label=" ".join(vertex.split()), is_minor=vertex.startswith(("[internal]", "[auth]")))


CACHE_IMPORT = "importing cache manifest"
"""The first words of the vertex that reads a build cache."""

# The names are from solver/llbsolver, frontend/dockerfile and the exporters of BuildKit and of the engine.
_INNER: tuple[tuple[str, Kind, str, bool], ...] = (
    (r"\[internal\] load metadata for (\S+)", "base", "base image {}, asking the registry", True),
    (r"\[internal\] load build context", "code", "reading the project's files", False),
    (r"\[internal\] load build definition from", "other", "reading the Dockerfile", True),
    (r"\[internal\] load \.dockerignore", "other", "reading the ignore file", True),
    (r"\[auth\] ", "base", "logging in to the registry", True),
    (r"\[internal\] booting buildkit", "other", "starting the builder", False),
    (r"exporting to ", "export", "exporting", False),
    (r"importing to docker|importing image", "export", "loading the image into the engine", False),
    (r"resolving provenance for metadata file", "export", "reading the metadata of the build", True),
    (r"exporting cache", "export", "exporting the cache", False),
    (rf"{CACHE_IMPORT} from (\S+)", "other", "the build cache {}", False),
)
