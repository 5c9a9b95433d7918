"""The user's configuration file: its path, its values and its problems."""

from __future__ import annotations

from collections.abc import Iterator

from mlspec.advice.doctor.facts import Facts, UserConfiguration, UserSetting
from mlspec.advice.doctor.findings import Finding, as_finding, fine, join_names, problem
from mlspec.errors import Problem

_TOPIC = "configuration"


def findings(facts: Facts) -> Iterator[Finding]:
    """Yield a finding for the file, for each value, and for each problem."""
    own = facts.own
    for trouble in own.problems:
        yield Finding(topic=_TOPIC, message=f"{_place(trouble)}{trouble.message}", problem=trouble)
    if not own.problems:
        yield fine(_TOPIC, _file(own))
    yield from (fine(_TOPIC, _format_setting(setting, own)) for setting in own.settings)
    if own.outdated:
        message = f"among the certificates to trust, the time of {join_names(own.outdated)} is over"
        hint = "take it out of the file, and ask whoever runs that authority for the new one"
        yield as_finding(_TOPIC, problem("MLS568", message, hint, "warning"))


def _place(trouble: Problem) -> str:
    place = f":{trouble.span.line}:{trouble.span.column}" if trouble.span else ""
    return f"{trouble.file}{place}: " if trouble.file else ""


def _file(own: UserConfiguration) -> str:
    if not own.file:
        return "no file is read: MLSPEC_CONFIG=off"
    if not own.is_there:
        return f"there is no {own.file}"
    is_empty = all(setting.variable for setting in own.settings)
    return f"{own.file}{', which sets nothing' if is_empty else ''}"


def _format_setting(setting: UserSetting, own: UserConfiguration) -> str:
    notes = [f"of {setting.variable}"] if setting.variable else []
    if setting.key == "certificates" and own.certificates:
        notes.append(f"{own.certificates} certificate{'s' if own.certificates > 1 else ''}")
    if setting.is_here:
        notes.append("on this host alone: builds go without it")
    return f"{setting.key} is {setting.value}{f' ({join_names(notes)})' if notes else ''}"
