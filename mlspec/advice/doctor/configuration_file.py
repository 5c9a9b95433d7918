"""A rule about the user's configuration file: its path, its values and its problems."""

from __future__ import annotations

from collections.abc import Iterator

from mlspec.advice.doctor.findings import Finding, as_finding, fine, join_names, problem
from mlspec.advice.doctor.observations import Observations, UserConfiguration, UserSetting
from mlspec.errors import Problem

_TOPIC = "configuration"


def findings(seen: Observations) -> Iterator[Finding]:
    """Yield a finding for the file, for each value, and for each problem."""
    own = seen.own
    for trouble in own.problems:
        yield Finding(topic=_TOPIC, message=f"{_place(trouble)}{trouble.message}", problem=trouble)
    if not own.problems:
        yield fine(_TOPIC, _file(own))
    yield from (fine(_TOPIC, _format_setting(setting, own)) for setting in own.settings)
    if own.outdated:
        message = f"expired certificates in the list of certificates to trust: {join_names(own.outdated)}"
        hint = "remove it from the file, and get its successor from that authority"
        yield as_finding(_TOPIC, problem("MLS568", message, hint, "warning"))


def _place(trouble: Problem) -> str:
    place = f":{trouble.span.line}:{trouble.span.column}" if trouble.span else ""
    return f"{trouble.file}{place}: " if trouble.file else ""


def _file(own: UserConfiguration) -> str:
    if not own.file:
        return "mlspec reads no file: MLSPEC_CONFIG=off"
    if not own.is_there:
        return f"there is no {own.file}"
    is_empty = all(setting.variable for setting in own.settings)
    return f"{own.file}{', without settings' if is_empty else ''}"


def _format_setting(setting: UserSetting, own: UserConfiguration) -> str:
    notes = [f"from {setting.variable}"] if setting.variable else []
    if setting.key == "certificates" and own.certificates:
        notes.append(f"{own.certificates} certificate{'s' if own.certificates > 1 else ''}")
    if setting.is_here:
        notes.append("only on this host: builds do not use it")
    return f"{setting.key} is {setting.value}{f' ({join_names(notes)})' if notes else ''}"
