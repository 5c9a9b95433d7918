"""The search for the paths that a program writes below its working directory."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from mlspec.advice.behaviour.dotted_names import dotted_name
from mlspec.advice.behaviour.expressions import Expressions
from mlspec.advice.behaviour.program import Program
from mlspec.advice.behaviour.program_options import Option, options_of
from mlspec.advice.behaviour.scopes import Scope
from mlspec.advice.behaviour.texts import UNKNOWN_PART
from mlspec.facts.writers import Writer, default_stores, taking_away, writers

# Folders and files that nobody keeps: programs make them again, or the engine's log has the same messages.
_PASSING = {"tmp", "temp", "cache", "__pycache__"}
_NOTES = {"log", "logs"}
_PASSING_FILES = (".log", ".lock", ".pid", ".sock", ".socket", ".pyc")


@dataclass(frozen=True, slots=True)
class WrittenPath:
    """A path that a program writes, relative to the working directory, and the line that writes it.

    ``opens`` is true if the program may only read a file that exists. ``is_made`` is true if the program makes a folder
    and its use is unknown.
    """

    path: str
    file: str
    line: int
    is_folder: bool = False
    opens: bool = False
    is_made: bool = False

    @property
    def folder(self) -> str:
        """The folder that has the file, or the path itself if it is a folder; empty for the working directory."""
        return self.path if self.is_folder else posixpath.dirname(self.path)

    @property
    def place(self) -> str:
        """The file and the line of the code that writes the path."""
        return f"{self.file}:{self.line}"


def find_written_paths(program: Program) -> tuple[WrittenPath, ...]:
    """Return the paths below its working directory that a program writes and keeps, each once, in order.

    Unknown paths are left out. The result is empty if the program changes its directory, or moves or uploads an unknown
    path.
    """
    values = Expressions(program)
    calls = [(call, scope, dotted_name(call.func, scope)) for call, scope in program.calls()]
    if any(_is_unsure(call, scope, dotted, values) for call, scope, dotted in calls):
        return ()
    gone = {path for call, scope, dotted in calls for path in _taken_away(call, scope, dotted, values)}
    found = [result for call, scope, dotted in calls for result in _find_written(program, values, call, scope, dotted)]
    found += _by_themselves(program, calls)
    found += _of_options(program, values)
    kept = {result.path: result for result in reversed(found) if not _is_below(result.path, gone)}
    return tuple(kept[path] for path in dict.fromkeys(result.path for result in found) if path in kept)


def _is_unsure(call: ast.Call, scope: Scope, dotted: str, values: Expressions) -> bool:
    """Return whether a call changes the working directory, or moves or uploads an unknown path."""
    if dotted in {"os.chdir", "contextlib.chdir"}:
        # Many scripts change to their own folder, which is the working directory already.
        folders = {posixpath.normpath(folder) for part in call.args for folder in values.texts(part, scope)}
        return folders != {posixpath.normpath(values.working_dir)}
    if dotted.rpartition(".")[2] == "main" and dotted.startswith("hydra."):
        return True
    words = call.args[0] if call.args else None
    is_command = dotted in {
        "os.system",
        "subprocess.run",
        "subprocess.check_call",
        "subprocess.call",
        "subprocess.Popen",
    }
    if is_command and words is not None:
        first = words.elts[0] if isinstance(words, ast.List | ast.Tuple) and words.elts else words
        program = (values.texts(first, scope) or ("",))[0].split(" ")[0]
        return program in {"aws", "gsutil", "gcloud", "rclone", "rsync", "scp", "azcopy", "dvc", "git", "mc"}
    is_handed_over = "." in dotted and dotted.rpartition(".")[2] in taking_away() - _REMOVING
    return is_handed_over and not all(values.texts(part, scope) for part in _paths_of(call))


_REMOVING = {"remove", "unlink", "rmtree", "removedirs", "rmdir"}


def _paths_of(call: ast.Call) -> Iterator[ast.expr]:
    """Yield the arguments that may be the path of a moved or uploaded file: the first, and keywords like ``path``."""
    yield from call.args[:1]
    named = re.compile("file|path|folder|dir", re.IGNORECASE)
    yield from (keyword.value for keyword in call.keywords if keyword.arg and named.search(keyword.arg))


def _arguments(call: ast.Call) -> Iterator[ast.expr]:
    yield from call.args
    yield from (keyword.value for keyword in call.keywords)


def _taken_away(call: ast.Call, scope: Scope, dotted: str, values: Expressions) -> Iterator[str]:
    attribute = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if {dotted.rpartition(".")[2], attribute} & taking_away():
        receiver = [call.func.value] if isinstance(call.func, ast.Attribute) else []
        for part in (*_arguments(call), *receiver):
            for text in values.texts(part, scope):
                yield from _relative(text, values.working_dir)


def _is_below(path: str, folders: set[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def _find_written(
    program: Program, values: Expressions, call: ast.Call, scope: Scope, dotted: str
) -> Iterator[WrittenPath]:
    is_own = program.is_own(dotted, scope)
    for writer in writers():
        if _is_meant(writer, call, dotted, is_own=is_own):
            yield from _by_writer(writer, values, call, scope)
            return
    if isinstance(call.func, ast.Attribute) and (method := _PATH_METHODS.get(call.func.attr)):
        if call.func.attr == "open" and not _writes(call, 0, values, scope):
            return
        for text in values.texts(call.func.value, scope):
            yield from _kept_paths(text, values, scope, call, method)


_PATH_METHODS = {
    name: Writer(method=name, is_plain=True, is_folder=name == "mkdir")
    for name in ("write_text", "write_bytes", "mkdir", "open")
}
# These calls make a folder into which the program may write nothing.
_FOLDER_MAKERS = {"os.mkdir", "os.makedirs", "mkdir"}


def _is_meant(writer: Writer, call: ast.Call, dotted: str, *, is_own: bool) -> bool:
    if writer.call:
        last = dotted.rpartition(".")[2]
        return dotted == writer.call or ("." not in writer.call and last == writer.call and not is_own)
    return isinstance(call.func, ast.Attribute) and call.func.attr == writer.method


def _writes(call: ast.Call, place: int, values: Expressions, scope: Scope) -> bool:
    named = next((keyword.value for keyword in call.keywords if keyword.arg == "mode"), None)
    mode = named or (call.args[place] if len(call.args) > place else None)
    return any(set(text) & set("wax+") for text in values.texts(mode, scope))


def _by_writer(writer: Writer, values: Expressions, call: ast.Call, scope: Scope) -> Iterator[WrittenPath]:
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    if None in keywords or keywords.keys() & set(writer.unless) or "push_to_hub" in keywords:
        return
    if writer.mode >= 0 and not _writes(call, writer.mode, values, scope):
        return
    given = next((keywords[name] for name in writer.keyword if name in keywords), None)
    if given is None and 0 <= writer.argument < len(call.args):
        given = call.args[writer.argument]
    texts = values.texts(given, scope) if given is not None else (writer.default,) if writer.default else ()
    for text in texts:
        if writer.needs_path and not ("/" in text or re.search(r"\.\w{1,11}$", text)):
            continue
        yield from _kept_paths(text, values, scope, call, writer)


def _kept_paths(text: str, values: Expressions, scope: Scope, call: ast.Call, writer: Writer) -> Iterator[WrittenPath]:
    """Yield the paths that a call of ``writer`` writes, without paths that nobody keeps, such as caches and logs."""
    is_file = writer.is_folder and bool(re.search(r"\.(?:keras|h5|hdf5|csv|pt|ckpt)$", text))
    for path in _relative(text, values.working_dir):
        parts = path.lower().split("/")
        passing = _PASSING | (_NOTES if writer.is_plain else set())
        is_passing = any(part.strip("._") in passing for part in parts) or path.endswith(_PASSING_FILES)
        if not is_passing:
            is_folder = writer.is_folder and not is_file
            is_made = (writer.call or writer.method) in _FOLDER_MAKERS
            yield WrittenPath(path, scope.module.path, call.lineno, is_folder, writer.opens, is_made)


_STORE = re.compile(r"(?:sqlite(?:\+\w+)?:///|file:(?://)?)(.*)")


def _relative(text: str, working_dir: str) -> Iterator[str]:
    """Yield a path relative to the working directory, with ``*`` for its unknown rest; nothing for other paths."""
    if stored := _STORE.match(text):
        text = stored[1]
    if "://" in text or text.startswith(("~", "$", ":", "-")) or not text.strip():
        return
    whole, found, _ = text.partition(UNKNOWN_PART)
    if found:
        # Of a partly known path, the folder or the beginning of the name is known.
        whole = f"{whole.rstrip('/')}/*" if whole.endswith("/") else f"{whole}*"
    path = posixpath.normpath(posixpath.join(working_dir, whole))
    if path.startswith(f"{working_dir.rstrip('/')}/"):
        yield posixpath.relpath(path, working_dir)


def _by_themselves(program: Program, calls: list[tuple[ast.Call, Scope, str]]) -> Iterator[WrittenPath]:
    for store in default_stores():
        is_decided = any(dotted in store.decided_by for _, _, dotted in calls)
        if (
            is_decided
            or not program.start.is_environment_known
            or program.start.environment.keys() & set(store.variables)
        ):
            continue
        for call, scope, dotted in calls:
            if dotted in store.calls:
                yield WrittenPath(store.path, scope.module.path, call.lineno, is_folder=True)
                break


_OUTPUT = re.compile(
    r"(?:out|output|save|result|results|export|checkpoint|checkpoints|ckpt)[-_]?(?:dir|folder|path|directory)"
)


def _of_options(program: Program, values: Expressions) -> Iterator[WrittenPath]:
    """Yield the defaults of options that are named after an output and passed to unknown code."""
    for option in options_of(program):
        if _OUTPUT.fullmatch(option.name) and option.default is not None:
            for text in values.option_texts(option):
                yield from _of_option(text, option, values)


def _of_option(text: str, option: Option, values: Expressions) -> Iterator[WrittenPath]:
    assert option.default is not None  # noqa: S101 - the caller asked
    is_folder = not re.search(r"\.\w{1,11}$", text)
    for path in _relative(text, values.working_dir):
        if not {part.strip("._") for part in path.lower().split("/")} & _PASSING:
            yield WrittenPath(path, option.scope.module.path, option.default.lineno, is_folder)
