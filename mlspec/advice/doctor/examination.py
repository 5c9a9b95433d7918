"""The list of all rules about a host, in the order of their findings in the report."""

from __future__ import annotations

from mlspec.advice.doctor import configuration_file, engine_rules, hardware, network, project_folder
from mlspec.advice.doctor.findings import Finding
from mlspec.advice.doctor.observations import Observations

_RULES = (
    engine_rules.findings,
    hardware.findings,
    project_folder.findings,
    configuration_file.findings,
    network.findings,
)


def examine(seen: Observations) -> tuple[Finding, ...]:
    """Return the findings about a host, from the docker command to the network, with and without problems."""
    return tuple(finding for rules in _RULES for finding in rules(seen))
