"""The specs of a command: choose them, render each, and show its warnings."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.cli.editors import renew_schema
from mlspec.cli.quick import up_to_date, using
from mlspec.cli.terminal import ProgressLine, format_problem, say, show, tell
from mlspec.host.cache.proofs import proofs
from mlspec.host.cache.witness import Witness, witness_reads
from mlspec.host.files.find import is_above
from mlspec.spec.targets import OPTIONAL_TARGETS, TARGETS

if TYPE_CHECKING:
    from mlspec.errors import MlspecError, Problem
    from mlspec.host.rendered import Rendered
    from mlspec.lock.state import LockOptions


def each(specs: Sequence[str], act: Callable[[Path], bool]) -> None:
    """Run ``act`` on every spec, show all problems, and exit with the gravest code."""
    sys.exit(gravest(specs, act, show))


def gravest(specs: Sequence[str], act: Callable[[Path], bool], tell: Callable[[Problem], None]) -> int:
    """Run ``act`` on every spec, ``tell`` the problems of raised errors, and return the gravest exit code."""
    from mlspec.errors import MlspecError

    code, paths = 0, list[Path]()
    try:
        paths += choose_specs(specs)
    except MlspecError as error:
        code = _show_error(error, tell)
    for path in paths:
        finish(path)
        try:
            code = max(code, 0 if act(path) else 1)
        except MlspecError as error:
            code = max(code, _show_error(error, tell))
    return code


def choose_specs(named: Sequence[str]) -> tuple[Path, ...]:
    """Return the named specs, or else those found here or above; print the path of a spec from a folder above.

    Raises SpecError if there is no spec.
    """
    from mlspec.host.files.reading import list_specs

    paths = list_specs(named)
    if not named and is_above(str(paths[0])):
        say(using(paths[0].as_posix()))
    return paths


def finish(spec: Path) -> None:
    """Finish or remove the files that a killed command left beside a spec, and print the names of finished files."""
    from mlspec.host.files import unfinished

    # If the spec is a symbolic link, also look in the folder of its target.
    for folder in dict.fromkeys((spec.parent, spec.resolve().parent)):
        if finished := unfinished.finish(folder):
            say(f"wrote {', '.join(finished)}, left over from a killed command")


def _show_error(error: MlspecError, tell: Callable[[Problem], None]) -> int:
    for problem in error.problems:
        tell(problem)
    return error.exit_code


def today() -> str:
    """Return today's ISO date in local time, because the user of this machine reads the warnings."""
    from datetime import date

    return date.today().isoformat()


@dataclass(frozen=True, slots=True)
class SpecOutcome:
    """The outcome of a command on one spec; ``current`` is the rendered spec if its files are current, or else None."""

    is_well: bool
    current: Rendered | None = None


def each_unproven(question: str, specs: Sequence[str], act: Callable[[Path], SpecOutcome]) -> None:
    """Run ``act`` on every spec without a proof of the answer to ``question``, and keep the new proofs."""
    known = proofs()

    def answer(path: Path) -> bool:
        spec = path.as_posix()
        if (shown := known.holds(question, spec)) is not None:
            for _, text in shown:
                tell(text)
            say(up_to_date(spec))
            return True
        with witness_reads() as witness:
            # each() did this already. Here the witness records it, so later unfinished files invalidate the proof.
            finish(path)
            outcome = act(path)
        if outcome.current:
            known.keep(question, spec, witness, format_warnings(outcome.current.warnings))
        return outcome.is_well

    try:
        each(specs, answer)
    finally:
        known.save()


def keep_proof(question: str, path: Path, witness: Witness, rendered: Rendered) -> None:
    """Keep the proof that the answer to ``question`` is good for a spec, given the reads of its rendering."""
    known = proofs()
    known.keep(question, path.as_posix(), witness, format_warnings(rendered.warnings))
    known.save()


def format_warnings(warnings: Iterable[Problem]) -> list[tuple[str, str]]:
    """Format warnings as pairs of plain text and styled text."""
    return [(str(warning), format_problem(warning)) for warning in warnings]


_MANY_CHANGES = 24


def rendered_of(path: Path, wish: LockOptions, targets: Iterable[str] = ()) -> Rendered:
    """Render a spec and show its warnings."""
    from mlspec import api
    from mlspec.host import waiting

    with waiting.watch(ProgressLine()):
        rendered = api.render(path, wish, targets=targets, say=say, today=today())
    ProgressLine.clear()
    for warning in rendered.warnings:
        show(warning)
    return rendered


def find_folder_warnings(rendered: Rendered) -> tuple[Problem, ...]:
    """Return the warnings about the files in the spec's folder."""
    from mlspec import api

    return api.inspect(rendered)


def one_spec(file: str | None) -> Path:
    """Return the spec that ``file`` names, or the only spec here. Raises SpecError if there are several."""
    from mlspec.errors import Problem, SpecError

    paths = choose_specs([file] if file else [])
    if len(paths) > 1:
        names = ", ".join(path.as_posix() for path in paths)
        raise SpecError(
            Problem(code="MLS406", message=f"there are several specs here: {names}", hint="name one: -f SPEC")
        )
    finish(paths[0])
    return paths[0]


def write(path: Path, wish: LockOptions, targets: Sequence[str], *, force: bool, fails: bool = False) -> SpecOutcome:
    """Write the outdated files of a spec and print their names; with ``fails``, a written file is a bad outcome."""
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
    if once := [name for name in targets if name in OPTIONAL_TARGETS and name not in rendered.spec.targets]:
        key = _target_key(rendered.spec.targets, once)
        say(f"{spec}: it does not name {' and '.join(once)}; to keep the file up to date, write in the spec: {key}")
    leftovers = api.leftovers(rendered)
    for leftover in leftovers:
        say(f"{leftover.as_posix()} is no longer generated; {_after(leftover, rendered.spec.targets)}")
    return SpecOutcome(not (fails and written), None if written or leftovers else rendered)


def _target_key(named: Sequence[str], more: Sequence[str]) -> str:
    return f"targets: [{', '.join(name for name in (*named, *more) if name in OPTIONAL_TARGETS)}]"


def _after(leftover: Path, named: Sequence[str]) -> str:
    """Return a hint for a leftover file, which may be the file of a target that only the command line named."""
    target = next((name for name in OPTIONAL_TARGETS if leftover.name.endswith(TARGETS[name].file)), "")
    keep = f"to keep it, write in the spec: {_target_key(named, [target])}; " if target and target not in named else ""
    return f"{keep}to remove it: rm {_quote_path(leftover)}"


def _quote_path(path: Path) -> str:
    """Quote a path as an argument for a shell, so that no program takes it for an option."""
    name = path.as_posix()
    return shlex.quote(f"./{name}" if name.startswith("-") else name)


def how_to(command: str, file: str | None) -> str:
    """Return the command line of another command on the same spec."""
    return f"mlspec {command}{f' -f {shlex.quote(file)}' if file else ''}"
