"""Find what would stop a build or a run on a host, each with its fix."""

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
    """Return the findings about a host, from the docker command to the network; those without a problem too."""
    return tuple(finding for rules in _RULES for finding in rules(facts))
