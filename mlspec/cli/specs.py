"""The specs a command is about: one after the other, each rendered, with its warnings shown."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.cli.editors import renew_schema
from mlspec.cli.quick import up_to_date
from mlspec.cli.terminal import ProgressLine, format_problem, say, show, tell
from mlspec.host.cache.proofs import Witness, proofs, witnessed
from mlspec.spec.targets import SHARED_TARGETS, TARGETS

if TYPE_CHECKING:
    from mlspec.errors import MlspecError, Problem
    from mlspec.host.rendered import Rendered
    from mlspec.lock.state import LockOptions


def each(specs: Iterable[str], act: Callable[[Path], bool]) -> None:
    """Do ``act`` to every spec, show all their problems, and exit with the gravest code."""
    sys.exit(gravest(specs, act, show))


def gravest(specs: Iterable[str], act: Callable[[Path], bool], tell: Callable[[Problem], None]) -> int:
    """Do ``act`` to every spec, ``tell`` all that is raised, and return the gravest exit code."""
    from mlspec.errors import MlspecError
    from mlspec.host.files import read as disk

    code, paths = 0, list[Path]()
    try:
        paths += disk.list_specs(specs)
    except MlspecError as error:
        code = _show_error(error, tell)
    for path in paths:
        finish(path)
        try:
            code = max(code, 0 if act(path) else 1)
        except MlspecError as error:
            code = max(code, _show_error(error, tell))
    return code


def finish(spec: Path) -> None:
    """Put right what a command that was killed left beside a spec, and say so where that is more than to clear up."""
    from mlspec.host.files import unfinished

    # A spec that is a link is repaired where it really is.
    for folder in dict.fromkeys((spec.parent, spec.resolve().parent)):
        if finished := unfinished.finish(folder):
            say(f"wrote {', '.join(finished)}, which a command that was killed had ready")


def _show_error(error: MlspecError, tell: Callable[[Problem], None]) -> int:
    for problem in error.problems:
        tell(problem)
    return error.exit_code


def today() -> str:
    """Return the ISO day, by the clock of this machine, whose user reads the warnings."""
    from datetime import date

    return date.today().isoformat()


@dataclass(frozen=True, slots=True)
class SpecOutcome:
    """How a command on one spec ended: well or not; and what it compiled to, where its files are current."""

    is_well: bool
    current: Rendered | None = None


def each_unproven(question: str, specs: Iterable[str], act: Callable[[Path], SpecOutcome]) -> None:
    """Do ``act`` to every spec whose answer to ``question`` is not proven yet, and keep the proofs that result."""
    known = proofs()

    def answer(path: Path) -> bool:
        spec = path.as_posix()
        if (shown := known.holds(question, spec)) is not None:
            for _, text in shown:
                tell(text)
            say(up_to_date(spec))
            return True
        with witnessed() as witness:
            # Done already; here it is seen, and what is left in the folder later is no longer what was proven.
            finish(path)
            outcome = act(path)
        if outcome.current:
            known.keep(question, spec, witness, _format_warnings(outcome.current))
        return outcome.is_well

    try:
        each(specs, answer)
    finally:
        known.save()


def keep_proof(question: str, path: Path, witness: Witness, rendered: Rendered) -> None:
    """Keep the proof that a spec has the good answer to ``question``, for what was seen while it was rendered."""
    known = proofs()
    known.keep(question, path.as_posix(), witness, _format_warnings(rendered))
    known.save()


def _format_warnings(rendered: Rendered) -> list[tuple[str, str]]:
    """Return what is warned of, plain and styled."""
    return [(str(warning), format_problem(warning)) for warning in rendered.warnings]


_MANY_CHANGES = 24


def rendered_of(path: Path, wish: LockOptions, targets: Iterable[str] = ()) -> Rendered:
    """Return what a spec compiles to, after showing what it warns of."""
    from mlspec import api
    from mlspec.host import waiting

    with waiting.watch(ProgressLine()):
        rendered = api.render(path, wish, targets=targets, say=say, today=today())
    ProgressLine.clear()
    for warning in rendered.warnings:
        show(warning)
    return rendered


def show_folder_warnings(rendered: Rendered) -> int:
    """Show what is worth a warning in the spec's folder; return the number of all warnings, those of the spec too."""
    from mlspec import api

    found = api.inspect(rendered)
    for warning in found:
        show(warning)
    return len(rendered.warnings) + len(found)


def one_spec(file: str | None) -> Path:
    """Return the one spec that ``file`` names or that is here; raises SpecError where there are several."""
    from mlspec.errors import Problem, SpecError
    from mlspec.host.files import read as disk

    paths = disk.list_specs([file] if file else [])
    if len(paths) > 1:
        names = ", ".join(path.as_posix() for path in paths)
        raise SpecError(
            Problem(code="MLS406", message=f"there are several specs here: {names}", hint="name one: -f SPEC")
        )
    finish(paths[0])
    return paths[0]


def write(path: Path, wish: LockOptions, targets: Sequence[str], *, force: bool, fails: bool = False) -> SpecOutcome:
    """Write what is out of date of a spec and say so; with ``fails``, that is not well."""
    from mlspec import api
    from mlspec.host.files.generated import find_line_ends
    from mlspec.host.files.turns import alone

    with alone(path, say):
        rendered = rendered_of(path, wish, targets)
        for warning in find_line_ends(rendered.files):
            show(warning)
        written = api.write(rendered, force=force)
    changes = rendered.locked.changes
    for change in changes if len(changes) <= _MANY_CHANGES else (f"{len(changes)} packages changed in the lock",):
        say(f"  {change}")
    renew_schema(rendered.folder)
    spec, names = path.as_posix(), ", ".join(artifact.path for artifact in written)
    say(f"{spec}: wrote {names}" if written else up_to_date(spec))
    if once := [name for name in targets if name in SHARED_TARGETS and name not in rendered.spec.targets]:
        key = _target_key(rendered.spec.targets, once)
        say(f"{spec}: it does not name {' and '.join(once)}; to keep the file up to date, write in the spec: {key}")
    leftovers = api.leftovers(rendered)
    for leftover in leftovers:
        say(f"{leftover.as_posix()} is no longer generated; {_after(leftover, rendered.spec.targets)}")
    return SpecOutcome(not (fails and written), None if written or leftovers else rendered)


def _target_key(named: Sequence[str], more: Sequence[str]) -> str:
    return f"targets: [{', '.join((*named, *more))}]"


def _after(leftover: Path, named: Sequence[str]) -> str:
    """Return what to do about a file that no spec asks for: it may be one that was asked for on the command line."""
    target = next((name for name in SHARED_TARGETS if leftover.name.endswith(TARGETS[name].file)), "")
    keep = f"to keep it, write in the spec: {_target_key(named, [target])}; " if target and target not in named else ""
    return f"{keep}to remove it: rm {_quote_path(leftover)}"


def _quote_path(path: Path) -> str:
    """Return a path as it is typed behind a command: in quotes where a shell needs them, and never as an option."""
    name = path.as_posix()
    return shlex.quote(f"./{name}" if name.startswith("-") else name)


def how_to(command: str, file: str | None) -> str:
    """Return what to type for a command on the same spec."""
    return f"mlspec {command}{f' -f {shlex.quote(file)}' if file else ''}"
