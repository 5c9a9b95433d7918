"""Functions that replace parts of pip, and check that the replacement took effect."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from mlspec.host.resolver.child.child_errors import MismatchError


def nothing(_: object) -> Callable[..., None]:
    """Return a function that does nothing, as the replacement of any other."""
    return lambda *_, **__: None


def check(holds: bool, message: str) -> None:
    """Raise MismatchError with ``message`` unless a replacement took effect."""
    if not holds:
        raise MismatchError(message)


def replace(owner: Any, name: str, new: Callable[[Any], Any]) -> None:  # noqa: ANN401 - modules and classes of pip
    """Replace an attribute by ``new(original)``; raises MismatchError if the attribute does not exist."""
    check(hasattr(owner, name), f"{getattr(owner, '__name__', owner)} has no {name}")
    setattr(owner, name, new(getattr(owner, name)))


def replace_everywhere(replacements: Mapping[Callable[..., Any], Callable[..., Any]]) -> None:
    """Replace functions under every name in all loaded modules of pip and pip-tools; the keys are the originals."""
    by_identity = {id(original): new for original, new in replacements.items()}
    for module_name, module in list(sys.modules.items()):
        if module_name.startswith(("pip.", "piptools")):
            for name, value in list(vars(module).items()):
                if id(value) in by_identity:
                    setattr(module, name, by_identity[id(value)])
