"""Facts of a host to what would stop a build or a run on it, each with its fix."""

from __future__ import annotations

from mlspec.advice.doctor import engine_rules, hardware, network, project_folder, user_configuration
from mlspec.advice.doctor.facts import Facts
from mlspec.advice.doctor.findings import Finding

_RULES = (
    engine_rules.findings,
    hardware.findings,
    project_folder.findings,
    user_configuration.findings,
    network.findings,
)


def examine(facts: Facts) -> tuple[Finding, ...]:
    """Return everything that is to be said of a host, what is fine included, from the command to the network."""
    return tuple(finding for rules in _RULES for finding in rules(facts))
