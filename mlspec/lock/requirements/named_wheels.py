"""Read the wheels that requirements name."""

from __future__ import annotations

from collections.abc import Callable

from mlspec.errors import Problem
from mlspec.lock.requirements import pip_options
from mlspec.lock.requirements.local_packages.local_wheel import LocalWheel
from mlspec.lock.requirements.local_packages.read_wheel import read_local_wheel
from mlspec.lock.requirements.local_packages.wheel_entries import WheelEntry
from mlspec.lock.requirements.other_files import Look
from mlspec.lock.requirements.requirement_lines import RequirementLine

Load = Callable[[str], bytes]
"""A function that returns the bytes of a file; it may raise OSError."""


def read_nothing(path: str) -> bytes:
    """Raise FileNotFoundError for any path: for requirements that come from no folder."""
    raise FileNotFoundError(path)


class NamedWheels:
    """The wheels that mlspec read; each that cannot be installed adds to ``problems``."""

    def __init__(self, load: Load, look: Look, context: str, problems: list[Problem]) -> None:
        self._load, self._look, self._context, self._problems = load, look, context, problems
        self.wheels: list[LocalWheel] = []

    def add(self, entry: WheelEntry, line: RequirementLine) -> tuple[str, ...]:
        """Add a wheel, and return its requirements."""
        if refusal := entry.refuse(self._look, self._context, is_constraint=line.is_constraint):
            self._problems.append(line.place.problem(*refusal))
            return ()
        try:
            data = self._load(entry.path)
        except OSError as error:
            message = f"{entry.path} cannot be read: {(error.strerror or str(error)).lower()}"
            self._problems.append(line.place.problem("MLS201", message))
            return ()
        found = read_local_wheel(entry.path, data, entry.extras, line.place)
        if isinstance(found, Problem):
            self._problems.append(found)
            return ()
        wheel, requires = found
        written = tuple(pip_options.hashes(entry.options, line.place)) if entry.options else ()
        self._problems += (item for item in written if isinstance(item, Problem))
        hashes = [item for item in written if isinstance(item, str)]
        if hashes and f"sha256:{wheel.sha256}" not in hashes:
            message = f"{entry.path} is not the wheel of this hash"
            self._problems.append(line.place.problem("MLS226", message, f"write: --hash=sha256:{wheel.sha256}"))
            return ()
        self.wheels.append(wheel)
        return requires
