"""The digests in mlspec.lock: of the inputs that decide on the packages of an image, and of the resulting locks."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable

from mlspec.lock.pins import LockTarget
from mlspec.lock.requirements.indexes import Index
from mlspec.lock.requirements.requirement_types import Requirements
from mlspec.lock.requirements_lock import digest_lines
from mlspec.spec.nested_build_keys import Cooldown

# Raise this number when the same inputs resolve to other packages.
_FORMAT = 1


def inputs_digest(
    target: LockTarget, requirements: Requirements, indexes: Iterable[Index], cooldown: Cooldown | None = None
) -> str:
    """Return the digest of all inputs of a lock: sha256 over canonical JSON, without comments, order and logins."""
    inputs: dict[str, object] = {
        "format": _FORMAT,
        "target": [target.python, target.platform, target.glibc],
        "requirements": sorted([r.text, *r.hashes] for r in requirements.without_tool_lock),
        "constraints": sorted([r.text, *r.hashes] for r in requirements.constraints),
        "options": sorted(requirements.options),
        # The first index with a fitting pattern serves a package, so the order of indexes decides.
        "indexes": [[index.url, sorted(index.packages)] for index in indexes],
    }
    # Add these keys only if they have values: otherwise locks that older versions of mlspec wrote would be out of date.
    if requirements.build_constraints:
        inputs["build_constraints"] = sorted(r.text for r in requirements.build_constraints)
    if cooldown:
        inputs["cooldown"] = [cooldown.days, *sorted(cooldown.exclude)]
    if requirements.stated:
        inputs["stated"] = sorted(map(dataclasses.astuple, requirements.stated))
    if requirements.local:
        inputs["local"] = sorted([package.path, package.name, *package.requires] for package in requirements.local)
    if requirements.wheels:
        inputs["wheels"] = sorted([wheel.path, wheel.sha256] for wheel in requirements.wheels)
    if requirements.tool_lock:
        pins = requirements.tool_lock.pins(target, requirements.built_from_source)
        inputs["pins"] = sorted([pin.requirement, *pin.hashes] for pin in pins)
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def body_digest(*texts: str) -> str:
    """Return the digest of the pins in lock texts: sha256 over their lines, without comments and blank lines."""
    return hashlib.sha256("\n".join(line for text in texts for line in digest_lines(text)).encode()).hexdigest()
