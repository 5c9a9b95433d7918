"""The error for a value that cannot be right, and the check for texts of one line."""

from __future__ import annotations

import re

from mlspec.errors import KeyPath


class Refused(ValueError):
    """A value that cannot be right; ``path`` leads from the value to the wrong part.

    ``meant`` is the certain meaning of the text: another text in place of ``value``, or entries of a list.
    """

    def __init__(
        self,
        code: str,
        message: str,
        hint: str = "",
        path: KeyPath = (),
        *,
        shows_secret: bool = False,
        value: str = "",
        meant: str | tuple[str, ...] = "",
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.hint, self.path = code, message, hint, path
        self.shows_secret, self.value, self.meant = shows_secret, value, meant


_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


def one_line(value: str) -> str:
    """Return ``value`` unchanged; raises Refused if it contains a line break or another control character."""
    if _CONTROL.search(value):
        raise Refused("MLS118", "this value contains a line break or a control character", "write it on one line")
    return value
