"""The command ``mlspec doctor``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlspec.cli.options import engine_option, quiet_option, specs_argument
from mlspec.cli.specs import choose_specs
from mlspec.cli.terminal import answer, is_quiet, say, show

if TYPE_CHECKING:
    from mlspec.advice.doctor.findings import Finding
    from mlspec.host.demand import Demand
    from mlspec.targets.run_caller import EngineName

_TINTS = {"ok": "green", "warning": "yellow", "error": "red"}


@click.command()
@specs_argument
@engine_option
@click.option("--offline", is_flag=True, help="Do not use the network.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@quiet_option
def doctor(specs: tuple[str, ...], engine: EngineName | None, offline: bool, form: str) -> None:
    """Check this host for problems that would stop a build or a run.

    With a spec, check what its images need; without one, what every image needs. Exit 3 if there is an error.
    """
    from mlspec.advice.doctor.examination import examine
    from mlspec.host import checkup

    demands, code = _demands(specs)
    facts = checkup.gather(
        demands[0].folder if demands else Path(),
        [need for demand in demands for need in demand.needs],
        bases=[base for demand in demands for base in demand.bases],
        indexes=[index for demand in demands for index in demand.indexes],
        offline=offline,
        engine_name=_choose_engine(engine),
    )
    findings = examine(facts)
    for line in [_json(findings)] if form == "json" else _lines(findings):
        answer(line)
    errors = sum(finding.state == "error" for finding in findings)
    say(f"{errors} {'problem' if errors == 1 else 'problems'} would stop a build or a run" if errors else "no problems")
    sys.exit(3 if errors else code)


def _choose_engine(asked: EngineName | None) -> EngineName:
    """Return the engine to check. A configuration with problems is reported by its own rules."""
    from mlspec.errors import MlspecError
    from mlspec.host.engine.engine_choice import choose_engine, configured_engine

    try:
        return choose_engine(asked, asked or configured_engine())
    except MlspecError:
        return choose_engine(None, None)


def _demands(specs: Iterable[str]) -> tuple[list[Demand], int]:
    """Return the needs of the specs and an exit code: 1 if a spec has problems, which are shown, or else 0."""
    from mlspec import api
    from mlspec.errors import MlspecError

    named = tuple(specs)
    try:
        paths = choose_specs(named)
    except MlspecError:
        if named:
            raise
        # mlspec doctor works without a spec: users should run it before they write one.
        return [], 0
    demands, code = [], 0
    for path in paths:
        try:
            demands.append(api.demand(path))
        except MlspecError as error:
            code = 1
            for problem in error.problems:
                show(problem)
    return demands, code


def _lines(findings: Iterable[Finding]) -> Iterator[str]:
    for finding in findings:
        if is_quiet() and not finding.problem:
            continue
        state = click.style(f"{finding.state:<7}", fg=_TINTS[finding.state])
        yield f"{state}  {finding.topic}: {finding.message}{f' ({finding.problem.code})' if finding.problem else ''}"
        yield from (f"  {line}" for line in _hint(finding))


def _hint(finding: Finding) -> Iterator[str]:
    if finding.problem:
        first, *rest = finding.problem.hint.splitlines()
        yield f"hint: {first}"
        yield from (f"      {line}" for line in rest)


def _json(findings: Iterable[Finding]) -> str:
    import json

    rows = [
        {
            "topic": finding.topic,
            "state": finding.state,
            "message": finding.message,
            "code": finding.problem.code if finding.problem else None,
            "hint": finding.problem.hint if finding.problem else None,
        }
        for finding in findings
    ]
    counts = {f"{state}s": sum(row["state"] == state for row in rows) for state in ("error", "warning")}
    # As in the report of `mlspec check`: a new key does not raise the version; a new meaning of a key does.
    return json.dumps({"version": 1, **counts, "findings": rows}, indent=2)
