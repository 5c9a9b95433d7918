"""The syntax of requirements that are wheels of the project, such as ``./dist/x-1.0-py3-none-any.whl[extra]``."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from mlspec.lock.requirements.other_files import Look, Refusal, suggest_case
from mlspec.spec.values.paths import count_ups

_WHEEL = re.compile(
    r"^(?![~/\\]|[A-Za-z]:)([^@;\[\]]+\.whl)(?:\[([^\]]*)\])?\s*(;.*?)?(?:(?<!\s)\s+(--.*))?$", re.IGNORECASE
)
# A mount of a build holds no other characters.
_PLAIN = re.compile(r"[A-Za-z0-9_./+=~-]+")


@dataclass(frozen=True, slots=True)
class WheelEntry:
    """A requirement that is a wheel: its path, relative to the folder of the spec, extras, marker and options."""

    path: str
    extras: frozenset[str]
    marker: str
    options: str

    def refuse(self, look: Look, context: str, *, is_constraint: bool) -> Refusal | None:
        """Return the refusal of a wheel that is missing or outside the build context; None for any other."""
        if is_constraint:
            return "MLS226", "a wheel is not a constraint", "write it under `requirements`"
        if self.marker:
            message = "a wheel of the project is installed on each platform, so it cannot have a marker"
            return "MLS226", message, f"write: {self.path}"
        above = count_ups(self.path)
        if above > count_ups(context):
            where = "folder of the spec" if context == "." else "build context"
            hint = f"to build from the folder above: context: {'/'.join(['..'] * above)}"
            return "MLS206", f"{self.path} is outside the {where}", hint
        if look(self.path).kind != "file":
            other = suggest_case(self.path, look) or _find_other(self.path, look)
            hint = f"did you mean: {other}" if other else f"build it first: pip wheel --no-deps -w {self._folder} ."
            return "MLS201", f"there is no file {self.path}", hint
        if not _PLAIN.fullmatch(self.path):
            return "MLS226", f'"{self.path}" has characters that no mount of a build may have', "rename it"
        return None

    @property
    def _folder(self) -> str:
        return posixpath.dirname(self.path) or "."


def _find_other(path: str, look: Look) -> str:
    """Return the wheel of the same name in the folder of a missing one, such as that of another version, or ""."""
    folder, name = posixpath.split(path)
    wanted = canonicalize_name(name.partition("-")[0])
    names = (n for n in look(folder or ".").names if n.endswith(".whl") and "-" in n)
    same = sorted(n for n in names if canonicalize_name(n.partition("-")[0]) == wanted)
    return posixpath.join(folder, same[-1]) if same else ""


def parse_wheel_entry(text: str, folder: str) -> WheelEntry | None:
    """Return the wheel that a requirement names by a path from ``folder``; None for any other text."""
    found = _WHEEL.match(text.strip()) if "://" not in text else None
    if not found:
        return None
    path = posixpath.normpath(posixpath.join(folder, found[1].strip().replace("\\", "/")))
    extras = (canonicalize_name(extra.strip()) for extra in (found[2] or "").split(",") if extra.strip())
    return WheelEntry(path, frozenset(extras), found[3] or "", found[4] or "")
