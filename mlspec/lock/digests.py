"""The digests in mlspec.lock: of all that decides on the packages of an image, and of the locks that came of it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable

from mlspec.lock.pins import LockTarget
from mlspec.lock.requirements.indexes import Index
from mlspec.lock.requirements.values import Requirements
from mlspec.lock.requirements_lock import digest_lines

# Raised whenever the same inputs would be resolved to something else.
_FORMAT = 1


def inputs_digest(target: LockTarget, requirements: Requirements, indexes: Iterable[Index]) -> str:
    """Return the digest of all that decides a lock: sha256 over canonical JSON, blind to comments, order and logins."""
    inputs: dict[str, object] = {
        "format": _FORMAT,
        "target": [target.python, target.platform, target.glibc],
        "requirements": sorted([r.text, *r.hashes] for r in requirements.requirements),
        "constraints": sorted([r.text, *r.hashes] for r in requirements.constraints),
        "options": sorted(requirements.options),
        # The first index whose pattern fits answers, so their order decides.
        "indexes": [[index.url, sorted(index.packages)] for index in indexes],
    }
    # Only where they are there, so that locks from before they were known hold.
    if requirements.build_constraints:
        inputs["build_constraints"] = sorted(r.text for r in requirements.build_constraints)
    if requirements.stated:
        inputs["stated"] = sorted(map(dataclasses.astuple, requirements.stated))
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def body_digest(*texts: str) -> str:
    """Return the digest of what lock texts pin: sha256 over their lines, blind to comments and blank lines."""
    return hashlib.sha256("\n".join(line for text in texts for line in digest_lines(text)).encode()).hexdigest()
