"""The draft of the first spec for a folder: every key is decided, and the whole spec is checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from mlspec.advice.draft.devices import find_apt, find_device, find_memory
from mlspec.advice.draft.entry import Entrypoint, entry_from_caller, find_entry, set_start
from mlspec.advice.draft.fitted_start import check_start
from mlspec.advice.draft.folder import Choice, Decision, DraftOptions, Folder
from mlspec.advice.draft.mounts import find_env_file, find_mounts
from mlspec.advice.draft.named_lock import explain_locks, find_lock_bounds
from mlspec.advice.draft.own_package import correct_for_package, find_expectations, is_installed
from mlspec.advice.draft.project_modules import find_modules
from mlspec.advice.draft.project_requirements import FROM_IMPORTS, find_package_names, find_requirements, unclear_files
from mlspec.advice.draft.pythons import BY_DEFAULT, DEFAULT_PYTHON, choose_python
from mlspec.advice.draft.readers import Statement, ToolFile, find_tools_below, is_for_r, read_tools
from mlspec.advice.draft.required import list_required
from mlspec.advice.draft.scripts import Script, read_scripts
from mlspec.advice.draft.spec_text import spec_text
from mlspec.advice.draft.tool_settings import find_environment, find_ports, keep_base
from mlspec.errors import Problem, SpecError
from mlspec.facts import base_image
from mlspec.lock.requirements.collect import RequirementEntry as Listed
from mlspec.lock.requirements.collect import collect
from mlspec.spec import document, spec
from mlspec.spec.values import slug

_ROUTE = "a route for health checks"


@dataclass(frozen=True, slots=True)
class Question:
    """A question that only a person can answer: its key, its text, and the guessed answer."""

    key: str
    text: str
    guess: str


@dataclass(frozen=True, slots=True)
class Draft:
    """The text of a first spec, the choices in it, and the questions to a person.

    ``statements`` are the statements of the folder's files that the spec changed or left out.
    """

    text: str
    choices: tuple[Choice, ...]
    questions: tuple[Question, ...] = ()
    statements: tuple[Statement, ...] = ()

    @property
    def losses(self) -> int:
        """The number of statements and choices that were left out and that the program may miss."""
        return sum(item.is_loss for item in self.statements) + sum(choice.matters for choice in self.choices)


def draft_spec(folder: Folder, wanted: DraftOptions | None = None) -> Draft:
    """Return the first spec for a folder; raise SpecError if the caller's options are invalid."""
    wanted = wanted or DraftOptions()
    scripts, statements = read_scripts(folder.texts), read_tools(folder.texts)
    _refuse_r(folder, scripts)
    home = _find_home(statements)
    entry = _find_entry(folder, scripts, statements, wanted, home)
    requirements = find_requirements(folder, scripts, entry, _of("requirements", statements), wanted)
    named = _values(requirements.choices, "requirements")
    required = list_required(named, folder)
    statements = tuple(explain_locks(statements, named, folder))
    has_package = is_installed(named, folder)
    if has_package:
        entry, statements = entry.for_package(), tuple(correct_for_package(statements))
    python = choose_python(_of("python", statements), required, wanted, find_lock_bounds(named, folder))
    version = str(python.choices[0].value)
    device = find_device(scripts, required, _of("accelerator", statements), wanted)
    packages = find_package_names(named, folder)
    parts = (
        Decision((_name(folder, wanted),)),
        python,
        keep_base(_of("base", statements), version, wanted),
        device.chosen,
        requirements,
        Decision(tuple(find_apt(packages, _of("apt", statements), wanted))),
        *_program(folder, scripts, statements, wanted, _Program(entry, home, version, has_package)),
        Decision(tuple(find_memory(scripts, packages))),
        Decision((*find_mounts(folder, scripts, entry, wanted, home), *_tools_below(folder))),
    )
    choices = tuple(choice for part in parts for choice in part.choices)
    text = spec_text(choices)
    _check(text)
    _check_asked(wanted.requirements)
    questions = tuple(_questions(folder, choices, entry, wanted, is_open=device.is_open))
    return Draft(
        text, choices, questions, _report(statements, parts, _list_named_packages(requirements.choices[0], packages))
    )


@dataclass(frozen=True, slots=True)
class _Program:
    """The entrypoint of the image, the folder of its code, its Python, and whether the image has it as a package."""

    entry: Entrypoint
    home: str
    python: str
    is_installed: bool


def _program(
    folder: Folder, scripts: Sequence[Script], statements: Sequence[Statement], wanted: DraftOptions, program: _Program
) -> Iterator[Decision]:
    """Yield the decisions about the program: its variables, its folder, its command and its ports."""
    entry, home = program.entry, program.home
    roots = dict.fromkeys((*entry.roots, *find_modules(folder).find_roots(scripts)))
    if program.is_installed:
        roots.pop("src", None)
    path = ":".join(f"{home}/{root}" for root in roots)
    own = (*entry.environment, *([f"PYTHONPATH={path}"] if path else []))
    environment = find_environment(_of("environment", statements), own)
    yield environment
    yield Decision(tuple(find_env_file(folder, scripts)))
    if home != HOME:
        place = _of("working_dir", statements)[0].place
        yield Decision((Choice("working_dir", home, f"{place} says so"),))
    starts = _of("entrypoint", statements) if wanted.entrypoint is None else []
    if starts:
        variables = dict(value.partition("=")[::2] for value in _values(environment.choices, "environment"))
        start = check_start(starts[0], folder, variables, program.python, home)
        entry = set_start(entry, start.statement)
        others = tuple(other.leave(f"{starts[0].place} is started") for other in starts[1:])
        yield Decision(left=(*([start.statement] if start.statement.why else []), *start.missing, *others))
    ports = find_ports(_of("ports", statements), entry.port, wanted)
    health = [Choice("healthcheck", entry.health, _ROUTE)] if entry.health and ports.choices else []
    yield Decision((entry.choice, *entry.notes, *ports.choices, *health), ports.left)
    yield Decision(left=() if program.is_installed else tuple(find_expectations(folder, scripts, path)))


def _find_entry(
    folder: Folder, scripts: Sequence[Script], statements: Sequence[Statement], wanted: DraftOptions, home: str
) -> Entrypoint:
    if wanted.entrypoint is not None:
        return entry_from_caller(wanted.entrypoint)
    return find_entry(folder, scripts, _of("entrypoint", statements), home)


HOME = "/app"


def _find_home(statements: Iterable[Statement]) -> str:
    """Return the folder of the code in the image."""
    return next((str(statement.value) for statement in statements if statement.key == "working_dir"), HOME)


def _of(key: str, statements: Iterable[Statement]) -> list[Statement]:
    return [statement for statement in statements if statement.key == key]


def _list_named_packages(requirements: Choice, packages: frozenset[str]) -> frozenset[str]:
    """Return the packages of a requirement file or list; empty for requirements from imports, which have no version."""
    return frozenset() if requirements.why.startswith(FROM_IMPORTS) else packages


def _report(
    statements: Sequence[Statement], parts: Iterable[Decision], listed: frozenset[str]
) -> tuple[Statement, ...]:
    """Return the statements that were changed or left out, each once, ordered by file and line."""
    statements = [
        s.leave("the requirements name it too", matters=False) if canonicalize_name(s.package) in listed else s
        for s in statements
    ]
    left = [statement for part in parts for statement in part.left]
    said = {(statement.file, statement.number, statement.text) for statement in left}
    own = [s for s in statements if (not s.key or s.why) and (s.file, s.number, s.text) not in said]
    order = list(dict.fromkeys(statement.file for statement in (*statements, *left)))
    found = sorted((*own, *left), key=lambda s: (order.index(s.file), s.number))
    return tuple({str(statement): statement for statement in found}.values())


_MOST = 10


def _tools_below(folder: Folder) -> Iterator[Choice]:
    """Yield notes on folders with other tools' files, which are not read."""
    found = find_tools_below(folder.files | folder.texts.keys())
    for place, names in list(found.items())[:_MOST]:
        why = f"mlspec reads only the files at the top; for an image of this folder: mlspec init {place}"
        yield Choice("", ", ".join(f"{place}/{name}" for name in names), why)
    if len(found) > _MOST:
        yield Choice(
            "", f"{len(found) - _MOST} more folders with files of other tools", "mlspec reads only those at the top"
        )


def _refuse_r(folder: Folder, scripts: Sequence[Script]) -> None:
    """Raise SpecError for a project of R: a spec could not have any of its packages."""
    files = [path for path in folder.texts if path.endswith((".yml", ".yaml"))]
    of_r = [path for path in files if is_for_r(ToolFile(path, folder.texts[path]))]
    if of_r and not scripts:
        message = f"{of_r[0]} lists packages of R only; mlspec makes Python images"
        hint = "for R there is https://rocker-project.org; for Python too, add a script first"
        raise SpecError(Problem(code="MLS416", message=message, hint=hint))


def _values(choices: Iterable[Choice], key: str) -> tuple[str, ...]:
    found = next((choice.value for choice in choices if choice.key == key), ())
    return (found,) if isinstance(found, str) else found


def _check(text: str) -> None:
    try:
        settings = spec.validate(document.parse(text, "mlspec.yaml")).images[0].settings
    except SpecError as error:
        raise SpecError(*map(_drop_place, error.problems)) from None
    base = base_image.base_reference(settings.python, settings.base)
    if isinstance(base, base_image.BaseRefusal):
        raise SpecError(Problem(code="MLS105", message=base.message, hint=base.hint))


def _check_asked(requirements: Iterable[str]) -> None:
    """Raise SpecError if a requirement of the caller is invalid; the lock reports the contents of files."""
    try:
        collect([Listed(text, ("requirements",)) for text in requirements], lambda _: "", "mlspec.yaml")
    except SpecError as error:
        raise SpecError(*map(_drop_place, error.problems)) from None


def _drop_place(problem: Problem) -> Problem:
    # The spec is not written yet: the problem is in the caller's options and has no place in a file.
    return dataclasses.replace(problem, file="", span=None, excerpt="")


def _name(folder: Folder, wanted: DraftOptions) -> Choice:
    if wanted.name:
        return Choice("name", wanted.name, "your choice")
    return Choice("name", slug(folder.name), "from the name of the folder")


def _questions(
    folder: Folder, choices: Iterable[Choice], entry: Entrypoint, wanted: DraftOptions, *, is_open: bool
) -> Iterator[Question]:
    for choice in choices:
        if choice.key == "python" and choice.why == BY_DEFAULT:
            yield Question("python", "Python of the image", DEFAULT_PYTHON)
        if choice.key == "accelerator" and is_open:
            yield Question("accelerator", "cpu, or cuda for NVIDIA GPUs", "cpu")
        if choice.key == "requirements" and (files := unclear_files(folder, choice, wanted)):
            text = f"Requirement files to use, from {', '.join(files)}; Enter uses the packages that the code imports"
            yield Question("requirements", text, "")
        if choice.key == "entrypoint" and wanted.entrypoint is None and (not choice.value or entry.others):
            guess = choice.value if isinstance(choice.value, str) else ""
            example = f"python {entry.others[0]}" if entry.others else "python train.py"
            hint = "" if guess else "; Enter skips this"
            yield Question("entrypoint", f"Command that the image starts, such as: {example}{hint}", guess)
