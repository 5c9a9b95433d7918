"""Check the place in a registry that images are pushed to."""

from __future__ import annotations

import re

from mlspec.errors import quote_value
from mlspec.facts.image_reference import HOST_PART, PATH_PART
from mlspec.spec.values.refused import Refused, one_line

# Docker's rule: a first part without a dot, a port or `localhost` is a folder of Docker Hub, not a host.
_HOST = rf"(?:localhost(?::[0-9]+)?|{HOST_PART}(?:\.{HOST_PART})+(?::[0-9]+)?|{HOST_PART}:[0-9]+)"
REGISTRY = re.compile(rf"{_HOST}(?:/{PATH_PART})*")
_LONGEST = 200


def registry(value: str) -> str:
    """Return ``value`` if it is a registry, perhaps with a namespace: ``ghcr.io/acme``; raises Refused."""
    one_line(value)
    if REGISTRY.fullmatch(value) and len(value) <= _LONGEST:
        return value
    near = re.sub(r"^[a-z]+://", "", value).rstrip("/")
    host, slash, path = near.partition("/")
    near = f"{host}{slash}{path.lower()}"
    hint, meant = "write HOST/NAMESPACE, such as: ghcr.io/acme", ""
    untagged = re.sub(r":[A-Za-z0-9_.-]+$", "", near) if slash else near
    if REGISTRY.fullmatch(near):
        hint, meant = f"did you mean {near}?", near
    elif REGISTRY.fullmatch(untagged):
        hint = f"write {untagged}, and give the tag to the build: mlspec build --push --tag {near[len(untagged) :]}"
    elif re.fullmatch(rf"{PATH_PART}(?:/{PATH_PART})*", near):
        hint = f"write the registry too: docker.io/{near} for Docker Hub"
    raise Refused("MLS141", f"{quote_value(value)} is not a place in a registry", hint, value=value, meant=meant)
