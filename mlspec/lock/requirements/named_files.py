"""Read the files that requirements name, and the comments in them that ignore warnings."""

from __future__ import annotations

import contextlib
import posixpath
import tomllib
from collections.abc import Callable

from mlspec.errors import Problem
from mlspec.lock.requirements import other_files
from mlspec.lock.requirements.other_files import Look
from mlspec.spec import suppressions
from mlspec.spec.place import Place
from mlspec.spec.suppressions import Ignores


class NamedFiles:
    """The files that mlspec read, by their paths, and their comments; each unreadable file adds to ``problems``."""

    def __init__(self, read: Callable[[str], str], look: Look, root: str, problems: list[Problem]) -> None:
        self._read, self._look, self._root, self._problems = read, look, root, problems
        self.paths: list[str] = []
        self.ignores: list[Ignores] = []

    def read(self, path: str, place: Place) -> str | None:
        """Return the text of the file named at ``place``, with LF line ends; None and a problem if it is unreadable."""
        try:
            text = self._read(path)
        except FileNotFoundError:
            shown = posixpath.join(self._root, path)
            other = other_files.suggest_case(path, self._look)
            hint = f"did you mean: {other}" if other else f"create it, or correct its name: {path}"
            self._refuse(place, "MLS201", f"there is no file {shown}", hint)
        except IsADirectoryError:
            self._refuse(place, *other_files.refuse_folder(path, self._look))
        except UnicodeError:
            self._refuse(place, "MLS201", f"{path} is not text", "save the file as UTF-8")
        except OSError as error:
            self._refuse(place, "MLS201", f"{path} cannot be read: {(error.strerror or str(error)).lower()}")
        else:
            self.paths.append(path)
            text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
            self._note_ignores(path, text)
            return text
        return None

    def note(self, path: str, text: str) -> None:
        """Record a file that mlspec read because it belongs to a named file."""
        self.paths.append(path)
        self._note_ignores(path, text)

    def _refuse(self, place: Place, code: str, message: str, hint: str = "") -> None:
        self._problems.append(place.problem(code, message, hint))

    def _note_ignores(self, path: str, text: str) -> None:
        """Record the comments that ignore warnings; the reader of pyproject.toml reports a damaged one."""
        shown = posixpath.join(self._root, path)
        with contextlib.suppress(tomllib.TOMLDecodeError):
            found = (suppressions.in_toml if path.endswith(".toml") else suppressions.in_requirements)(text, shown)
            self.ignores.append(found)
            self._problems += [problem for problem in found.problems if problem.severity == "error"]
