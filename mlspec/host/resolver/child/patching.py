"""How a place in pip is replaced, and that it took effect."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from mlspec.host.resolver.child.child_errors import MismatchError


def nothing(_: object) -> Callable[..., None]:
    """Return what does nothing, in the place of whatever stood there."""
    return lambda *_, **__: None


def check(holds: bool, message: str) -> None:
    """Raise MismatchError where a replacement did not take effect."""
    if not holds:
        raise MismatchError(message)


def replace(owner: Any, name: str, new: Callable[[Any], Any]) -> None:  # noqa: ANN401 - modules and classes of pip
    """Put ``new(original)`` in the place of an attribute, which must exist."""
    check(hasattr(owner, name), f"{getattr(owner, '__name__', owner)} has no {name}")
    setattr(owner, name, new(getattr(owner, name)))


def replace_everywhere(original: Callable[..., Any], new: Callable[..., Any]) -> None:
    """Replace a function under every name by which pip's and pip-tools' modules imported it."""
    for module_name, module in list(sys.modules.items()):
        if module_name.startswith(("pip.", "piptools")):
            for name, value in list(vars(module).items()):
                if value is original:
                    setattr(module, name, new)
