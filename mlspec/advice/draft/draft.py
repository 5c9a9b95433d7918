"""The first spec for a folder: each key in its turn, and the whole checked before it is written."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from mlspec.advice.draft.devices import find_apt, find_device, find_memory
from mlspec.advice.draft.entry import Entry, find_entry, given
from mlspec.advice.draft.folder import Choice, Folder, Wanted, pyproject, table
from mlspec.advice.draft.other_tools import Others, minor, read_others
from mlspec.advice.draft.packages import find_requirements, named
from mlspec.advice.draft.scripts import Script, read_scripts
from mlspec.advice.draft.text import spec_text
from mlspec.errors import Problem, SpecError
from mlspec.facts import python as catalog
from mlspec.lock.requirements.collect import Entry as Listed
from mlspec.lock.requirements.collect import collect
from mlspec.spec import document, spec
from mlspec.spec import values as syntax

DEFAULT_PYTHON = "3.12"
_ROUTE = "a route that says whether it works"
_DATA_FOLDERS = ("data", "datasets", "models", "checkpoints", "outputs")


@dataclass(frozen=True, slots=True)
class Question:
    """What only a person knows: the key it is about, the question, and the answer that is guessed."""

    key: str
    text: str
    guess: str


@dataclass(frozen=True, slots=True)
class Draft:
    """The text of a first spec, what was chosen in it, and what a person might know better."""

    text: str
    choices: tuple[Choice, ...]
    questions: tuple[Question, ...] = ()


def draft(folder: Folder, wanted: Wanted | None = None) -> Draft:
    """Return the first spec for a folder; raises SpecError where what the caller wants cannot be right."""
    wanted = wanted or Wanted()
    scripts, others = read_scripts(folder.texts), read_others(folder)
    entry = find_entry(folder, scripts) if wanted.entrypoint is None else given(wanted.entrypoint)
    requirements = tuple(find_requirements(folder, scripts, entry, others, wanted))
    packages = named(_values(requirements, "requirements"), folder)
    device = find_device(folder, scripts, packages, wanted)
    ports = tuple(_ports(entry, others, wanted))
    choices = (
        _name(folder, wanted),
        _python(folder, others, wanted),
        *([Choice("base", wanted.base, "as asked")] if wanted.base else []),
        *device.choices,
        *requirements,
        *find_apt(packages, others, wanted),
        *([Choice("environment", entry.environment, "what the entrypoint needs")] if entry.environment else []),
        entry.choice,
        *ports,
        *([Choice("healthcheck", entry.health, _ROUTE)] if entry.health and ports else []),
        *find_memory(scripts, packages),
        *_mounts(folder, scripts, wanted),
        *(note for other in others for note in other.notes),
    )
    text = spec_text(choices)
    _check(text)
    _check_asked(wanted.requirements)
    return Draft(text, choices, tuple(_questions(choices, entry, wanted, is_open=device.is_open)))


def _values(choices: Iterable[Choice], key: str) -> tuple[str, ...]:
    found = next((choice.value for choice in choices if choice.key == key), ())
    return (found,) if isinstance(found, str) else found


def _check(text: str) -> None:
    try:
        settings = spec.validate(document.parse(text, "mlspec.yaml")).images[0].settings
    except SpecError as error:
        raise SpecError(*map(_unplaced, error.problems)) from None
    base = catalog.base_reference(settings.python, settings.base)
    if isinstance(base, catalog.BaseRefusal):
        raise SpecError(Problem(code="MLS105", message=base.message, hint=base.hint))


def _check_asked(requirements: Iterable[str]) -> None:
    """Raise SpecError where a requirement that the caller named is none; what files say is told when they are read."""
    try:
        collect([Listed(text, ("requirements",)) for text in requirements], lambda _: "", "mlspec.yaml")
    except SpecError as error:
        raise SpecError(*map(_unplaced, error.problems)) from None


def _unplaced(problem: Problem) -> Problem:
    # The file is not there yet: what is wrong came from the caller.
    return dataclasses.replace(problem, file="", span=None, excerpt="")


def _questions(choices: Iterable[Choice], entry: Entry, wanted: Wanted, *, is_open: bool) -> Iterator[Question]:
    for choice in choices:
        if choice.key == "python" and choice.why == _BY_DEFAULT:
            yield Question("python", "Python of the image", DEFAULT_PYTHON)
        if choice.key == "accelerator" and is_open:
            yield Question("accelerator", "cpu, or cuda for NVIDIA GPUs", "cpu")
        if choice.key == "entrypoint" and wanted.entrypoint is None and (not choice.value or entry.others):
            guess = choice.value if isinstance(choice.value, str) else ""
            example = f"python {entry.others[0]}" if entry.others else "python train.py"
            hint = "" if guess else "; Enter leaves it open"
            yield Question("entrypoint", f"What the image starts, such as: {example}{hint}", guess)


# Name and Python

_BY_DEFAULT = "the default"


def _name(folder: Folder, wanted: Wanted) -> Choice:
    if wanted.name:
        return Choice("name", wanted.name, "as asked")
    return Choice("name", syntax.slug(folder.name), "from the name of the folder")


def _python(folder: Folder, others: Iterable[Others], wanted: Wanted) -> Choice:
    if wanted.python:
        return Choice("python", wanted.python, "as asked")
    for line in folder.texts.get(".python-version", "").splitlines():
        if found := minor(line):
            why = f".python-version says {line.strip()}; its minor version keeps getting fixes"
            return Choice("python", found, why)
    required = str(table(pyproject(folder), "project").get("requires-python", ""))
    if required and (fitting := _fitting(required)):
        return Choice("python", fitting, f"pyproject.toml requires {required}")
    for other in others:
        if other.python:
            return Choice("python", other.python, f"{other.file} says so")
    return Choice("python", DEFAULT_PYTHON, _BY_DEFAULT)


def _fitting(required: str) -> str:
    """Return the default Python where it fits, or else the newest that does; an empty text where none is known to."""
    try:
        specifier = SpecifierSet(required)
    except InvalidSpecifier:
        return ""
    known = [row.python for row in reversed(catalog.python_versions())]
    return next((p for p in (DEFAULT_PYTHON, *known) if any(specifier.contains(f"{p}.{n}") for n in range(40))), "")


# Ports and mounts


def _ports(entry: Entry, others: Iterable[Others], wanted: Wanted) -> Iterator[Choice]:
    exposed = next((other for other in others if other.ports), None)
    if wanted.ports:
        yield Choice("ports", wanted.ports, "as asked")
    elif entry.port:
        yield Choice("ports", (f"{entry.port}:{entry.port}",), "where that answers")
    elif exposed:
        yield Choice("ports", exposed.ports, f"what {exposed.file} exposes")


def _mounts(folder: Folder, scripts: Iterable[Script], wanted: Wanted) -> Iterator[Choice]:
    if wanted.mounts:
        yield Choice("mounts", wanted.mounts, "as asked")
        return
    there = [name for name in _DATA_FOLDERS if name in folder.folders]
    code = [name for name in there if any(path.startswith(f"{name}/") for path in folder.texts)]
    kept = [name for name in there if name not in code]
    notebooks = {script.path.partition("/")[0] for script in scripts if script.is_notebook and "/" in script.path}
    saved = [name for name in sorted(notebooks) if name not in there and not _holds_code(folder, name)]
    if mounted := tuple(f"./{name}:/app/{name}" for name in (*kept, *saved)):
        why = "folders for data: seen by the program, and left out of the image"
        yield Choice("mounts", mounted, f"{why}; notebooks are saved there, too" if saved else why)
    for name in code:
        yield Choice("", f"{name}/ as a mount", "it holds code, so it is copied into the image like the rest")


def _holds_code(folder: Folder, name: str) -> bool:
    # A name that is not plain could not stand in the short form of a mount.
    is_plain = syntax.slug(name) == name
    return not is_plain or any(path.startswith(f"{name}/") and path.endswith(".py") for path in folder.texts)
