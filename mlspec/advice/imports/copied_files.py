"""The import of COPY and ADD: a spec copies a file anyway, a build step copies it elsewhere, or the file is lost."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mlspec.advice.draft.readers.instructions import HEREDOC, DockerfileInstruction
from mlspec.advice.imports.start_words import exec_form
from mlspec.advice.imports.verdicts import ImportSource, LineVerdict

# Paths of environments, packages and tools in other stages: mlspec makes them by itself.
_ENVIRONMENT = re.compile(
    r"(?:.*/)?(?:\.?v?env|\.venv|site-packages|dist-packages|wheels?|\.local|virtualenvs?|__pypackages__|conda|miniconda3?)"
    r"(?:/.*)?|/usr/local(?:/(?:lib|bin))?(?:/.*)?|/install(?:/.*)?|/opt/(?:venv|conda|env)\S*"
)
_INSTALLERS = re.compile(r"(?:ghcr\.io/astral-sh/uv|docker\.io/astral/uv|mambaorg/micromamba|astral/uv)(?::|@|$)")
_LISTS = re.compile(
    r"(?:.*/)?(?:[\w.*-]*require[\w.*-]*|pyproject\.toml|\*?\S*\.lock\*?|environment\S*|(?:conda|env)[\w.-]*\.ya?ml|Pipfile\S*|setup\.\w+)"
)

# ADD unpacks these, and COPY does not.
_ARCHIVE = re.compile(r"\.(?:tar|tar\.(?:gz|bz2|xz)|tgz|tbz2|txz)$")


@dataclass(frozen=True, slots=True)
class CopyContext:
    """The surroundings of a COPY: the working directory, the folder of the code, and the names of the stages."""

    folder: str
    home: str
    stages: frozenset[str]
    made: frozenset[str] = frozenset()
    """Folders of the stages that make the environment."""


def is_list(path: str) -> bool:
    """Return whether a path is that of a list of packages, which mlspec copies by itself."""
    return bool(_LISTS.fullmatch(path.rstrip("/")))


def stage_of(line: DockerfileInstruction) -> str:
    """Return the stage or the image from which a COPY takes files; empty for the project."""
    found = re.search(r"--from=(\S+)", line.rest)
    return found[1] if found else ""


def takes_environment(line: DockerfileInstruction) -> bool:
    """Return whether a COPY takes an environment or packages, which mlspec makes by itself."""
    sources, _ = split_copy(line)
    return bool(sources) and all(_ENVIRONMENT.fullmatch(path.rstrip("/")) for path in sources)


def split_copy(line: DockerfileInstruction) -> tuple[list[str], str]:
    """Return the sources and the target of a COPY or an ADD."""
    rest = re.sub(r"^(?:--\S+\s+)+", "", line.rest)
    words = exec_form(rest)
    if words is None:
        try:
            words = shlex.split(HEREDOC.sub("", rest) if line.body else rest)
        except ValueError:
            words = rest.split()
    return words[:-1], words[-1] if words else ""


def read_copy(source: ImportSource, line: DockerfileInstruction, context: CopyContext) -> Iterator[LineVerdict]:
    """Yield the verdicts on a COPY or an ADD."""
    for verdict in _read(source, line, context):
        yield replace(verdict, end=max(line.end, line.number))


def _read(source: ImportSource, line: DockerfileInstruction, context: CopyContext) -> Iterator[LineVerdict]:
    sources, written = split_copy(line)
    target = posixpath.normpath(posixpath.join(context.folder, written or ".")).replace("//", "/")
    if line.body:
        yield _write_file(source, line, target)
    elif origin := stage_of(line):
        yield _take_from(source, line, origin, context)
    else:
        for path in sources:
            yield _take_path(source, line, path, (target, written), context)


def _take_from(source: ImportSource, line: DockerfileInstruction, origin: str, context: CopyContext) -> LineVerdict:
    if _INSTALLERS.match(origin):
        return source.carry(line.number, line.text, why="mlspec has its own installer")
    if origin.lower() in context.stages or origin.isdigit():
        if takes_environment(line) or _takes_made(line, context):
            return source.change(
                line.number, line.text, "", None, "mlspec makes the environment, with the same packages"
            )
        return source.lose(
            line.number, line.text, f"stage {origin} makes it: write the commands that make it under run"
        )
    return source.lose(
        line.number, line.text, f"it comes from the image {origin}: copy it into the project, or use that image as base"
    )


def _takes_made(line: DockerfileInstruction, context: CopyContext) -> bool:
    """Return whether a COPY takes the project with its environment, or a list that the stage wrote."""
    sources, _ = split_copy(line)
    return bool(context.made) and all(
        posixpath.normpath(path) in context.made or _LISTS.fullmatch(path.rpartition("/")[2]) for path in sources
    )


def _write_file(source: ImportSource, line: DockerfileInstruction, target: str) -> LineVerdict:
    names = [name for _, name in HEREDOC.findall(line.rest)]
    if len(names) > 1:
        return source.doubt(
            line.number, line.text, "run", "one instruction with several files: put the files into the project"
        )
    if line.rest.rstrip().endswith("/"):
        target = posixpath.join(target, names[0])
    path = shlex.quote(target)
    mode = re.search(r"--chmod=([0-7]{3,4})", line.rest)
    command = f"{_make_folder(posixpath.dirname(target), chr(10))}cat > {path} <<'END_OF_FILE'\n{line.body}\n"
    command += f"END_OF_FILE\nchmod {mode[1]} {path}" if mode else "END_OF_FILE"
    value = {"command": command, "at": "after_code"}
    return source.change(line.number, line.text, "run", value, "a step writes the file")


def _take_path(
    source: ImportSource, line: DockerfileInstruction, path: str, target: tuple[str, str], context: CopyContext
) -> LineVerdict:
    place, written = target
    if "://" in path:
        why = "an image copies files of its folder only: download the file into the project, and check its checksum"
        return source.lose(line.number, line.text, why)
    if _LISTS.fullmatch(path):
        return source.carry(line.number, line.text, why="mlspec copies the requirements by itself")
    if path in {".", "./"} and re.fullmatch(r"\$\{?HOME\}?/?", written):
        return source.carry(line.number, line.text, why=f"the project is copied to {context.home}")
    if _lands_in_place(path, place, written, context):
        return source.carry(line.number, line.text, why=f"the project is copied to {context.home}")
    if "$" in path or "$" in place:
        return source.lose(line.number, line.text, "it contains a variable that is not set here")
    return _copy_on(source, line, path, (place, written))


def _copy_on(source: ImportSource, line: DockerfileInstruction, path: str, target: tuple[str, str]) -> LineVerdict:
    """Return the verdict on a file outside of the code's folder: a build step copies it there."""
    place, written = target
    is_folder = written.endswith("/") or written in {".", "./"}
    mode = re.search(r"--chmod=(\S+)", line.rest)
    folder = place if is_folder else posixpath.dirname(place)
    local = posixpath.normpath(path.lstrip("/") or ".")
    # COPY copies the contents of a folder, and not the folder itself.
    is_file = re.search(r"\.\w+$", local) or "*" in local or (is_folder and source.read(local) is not None)
    is_project_folder = local == "." or not is_file
    what = f"{local}/." if local == "." else local
    if line.name == "ADD" and _ARCHIVE.search(local):
        command = f"mkdir -p {shlex.quote(place)} && tar -xf {shlex.quote(local)} -C {shlex.quote(place)}"
        value = {"command": command, "at": "after_code"}
        return source.change(line.number, line.text, "run", value, "a step unpacks it there")
    quoted = what if re.fullmatch(r"[\w./*-]+", what) else shlex.quote(what)
    goal = shlex.quote(f"{place.rstrip('/')}/" if is_folder else place)
    command = f"{_make_folder(place if is_project_folder else folder, ' && ')}cp -r "
    command += f"{quoted}/. {goal}" if is_project_folder and local != "." else f"{quoted} {goal}"
    command += f" && chmod {shlex.quote(mode[1])} {goal}" if mode and not is_folder else ""
    value = {"command": command, "at": "after_code"}
    return source.change(line.number, line.text, "run", value, "a step copies it there")


def _make_folder(path: str, ending: str) -> str:
    return "" if path in {"/", ""} else f"mkdir -p {shlex.quote(path)}{ending}"


def _lands_in_place(path: str, target: str, written: str, context: CopyContext) -> bool:
    """Return whether a COPY puts a file where a spec puts it: at the same path below the code's folder."""
    is_folder = path.endswith(("/", ".")) or not re.search(r"\.|^[A-Z]\w*$", posixpath.basename(path))
    path = posixpath.normpath(path.lstrip("/") or ".")
    # COPY FILE FOLDER/ copies the file into the folder; of a source folder, COPY copies only the contents.
    goes_into = not is_folder and (written.endswith("/") or written in {".", "./"} or "*" in path)
    # Without a WORKDIR, relative paths begin at / in this image, and at /app in the image of a spec.
    folders = (context.home,) if written.startswith("/") else (context.folder, context.home)
    wanted = [posixpath.normpath(posixpath.join(folder, path)) for folder in folders]
    return target in (map(posixpath.dirname, wanted) if goes_into else wanted)
