"""The search for the files of a project that a program imports, directly or through others."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping

_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]+(\([^)]*\)|[\w, \t]+)|import[ \t]+([\w., \t]+))", re.MULTILINE
)


def files_of_module(module: str) -> tuple[str, ...]:
    """Return the possible paths of a module's code, relative to a folder that Python searches."""
    path = module.replace(".", "/")
    return (f"{path}.py", f"{path}/__main__.py", f"{path}/__init__.py")


def find_imported_files(
    starts: Iterable[str], texts: Mapping[str, str], roots: Iterable[str] = ("",)
) -> Iterator[tuple[str, str]]:
    """Yield path and text of the started files, and of the project's files that they import.

    ``roots`` are the folders that Python searches besides the folder of the importing file.
    """
    todo = [path for path in starts if path in texts]
    seen = set(todo)
    while todo:
        path = todo.pop(0)
        yield path, texts[path]
        found = {file for name in find_imports(texts[path]) for file in _near(path, name, roots)} - seen
        todo += sorted(found & texts.keys())
        seen |= found


def find_imports(text: str) -> Iterator[str]:
    """Yield the modules that a text may import; ``from X import Y`` gives X and X.Y."""
    for module, names, modules in _IMPORT.findall(text):
        yield from (name.split()[0] for name in modules.split(",") if name.strip())
        if module:
            yield module
            parts = re.sub(r"#.*", "", names).strip("()").split(",")
            yield from (f"{module.rstrip('.')}.{part.split()[0]}" for part in parts if part.strip())


def _near(path: str, module: str, roots: Iterable[str]) -> Iterator[str]:
    """Yield the possible paths of a module that the file at ``path`` imports: beside the file, in a root, or above."""
    folder = posixpath.dirname(path)
    name = module.lstrip(".")
    above = len(module) - len(name)
    places = (folder, *roots) if not above else (posixpath.normpath(posixpath.join(folder, *[".."] * (above - 1))),)
    for place in dict.fromkeys(places):
        if name:
            yield from (posixpath.normpath(posixpath.join(place, file)) for file in files_of_module(name))
