"""The reader of a Dockerfile: the last stage and the stages it builds on, instruction by instruction."""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from collections.abc import Callable, Iterator

from mlspec.advice.draft.readers.instructions import (
    DockerfileInstruction,
    DockerfileStage,
    expand,
    find_variables,
    read_instructions,
    read_pairs,
    read_stages,
    split_last,
)
from mlspec.advice.draft.readers.parent_image import read_base
from mlspec.advice.draft.readers.shell import read_run, split_commands
from mlspec.advice.draft.readers.statements import Statement, ToolFile, carry_variable
from mlspec.spec.banner import MARK
from mlspec.spec.values import Refused, working_dir

# Variables that configure the build and mean nothing to the program.
_OF_THE_BUILD = re.compile(r"PIP_\w+|DEBIAN_FRONTEND|UV_\w+|POETRY_\w+|PATH|VIRTUAL_ENV|PYTHON_VERSION|APP_HOME")
_NO_LOSS = {
    "LABEL": "write it under labels",
    "MAINTAINER": "write it under labels",
    "USER": "images of mlspec already have a user without privileges; to set another, write `user`",
    "HEALTHCHECK": "write it under healthcheck",
    "STOPSIGNAL": "write it under stop_signal",
    "ARG": "only the build has it",
}
_LOSS = {
    "SHELL": "mlspec runs steps with sh",
    "ONBUILD": "mlspec does not support it",
    "VOLUME": "files written there are lost with the container: write a folder of the host under mounts",
}


def read_dockerfile(source: ToolFile) -> Iterator[Statement]:
    """Yield the statements of a Dockerfile; nothing for a Dockerfile that mlspec wrote."""
    if MARK in source.text:
        return
    head, stages = read_stages(read_instructions(source.text))
    if not stages:
        yield source.leave(0, "", "it has no FROM")
        return
    if source.file == "Dockerfile":
        why = "mlspec render writes its own, and does not overwrite yours: mv Dockerfile Dockerfile.old"
        yield source.leave(0, "", why, matters=False)
    chain, others = split_last(stages)
    for stage in others:
        end = stage.instructions[-1].number
        text = f"stage {stage.name or stage.base}, to line {end}"
        yield source.leave(stage.instructions[0].number, text, "only the last stage is read", matters=False)
    yield from _DockerfileReader(source, head).read(chain)


class _DockerfileReader:
    """The reader of the image's stages; it keeps the variables and the working directory for later instructions."""

    def __init__(self, source: ToolFile, head: tuple[DockerfileInstruction, ...]) -> None:
        self.source = source
        self.environment: dict[str, str] = {}
        self.arguments = {name: value for line in head if line.name == "ARG" for name, value in read_pairs(line.rest)}
        self.folder = "/"
        self.place = head[0] if head else DockerfileInstruction(0, "", "")
        self.starts: dict[str, DockerfileInstruction] = {}
        self.read_by: dict[str, Callable[[DockerfileInstruction], Iterator[Statement]]] = {
            "RUN": self._run, "ENV": self._env, "ARG": self._arg, "WORKDIR": self._workdir, "EXPOSE": self._expose,
            "COPY": self._copy, "ADD": self._copy, "CMD": self._start, "ENTRYPOINT": self._start,
        }  # fmt: skip

    def read(self, chain: tuple[DockerfileStage, ...]) -> Iterator[Statement]:
        """Yield the statements of the stages in order, and the command of the image last."""
        first = chain[0].instructions[0]
        yield from read_base(self.source, first.number, expand(chain[0].base, self.arguments))
        for instruction in (line for stage in chain for line in stage.instructions[1:]):
            if read := self.read_by.get(instruction.name):
                yield from read(instruction)
            else:
                yield self._other(instruction)
        if self.folder not in {"/", "/app"}:
            yield from self._code_folder()
        yield from self._command()

    def _other(self, line: DockerfileInstruction) -> Statement:
        if line.name in _NO_LOSS:
            is_root = line.name == "USER" and line.rest in {"root", "0"}
            why = "steps run as root; the program does not" if is_root else _NO_LOSS[line.name]
            return self.source.leave(line.number, line.text, why, matters=False)
        return self.source.leave(line.number, line.text, _LOSS.get(line.name, "mlspec does not know it"))

    # Instructions

    def _run(self, line: DockerfileInstruction) -> Iterator[Statement]:
        text = line.body or re.sub(r"--(?:mount|network|security)=\S+\s*", "", line.rest)
        if text.startswith("["):
            text = shlex.join(_exec_form(text) or [text])
        known = self.arguments | self.environment
        for command in split_commands(text):
            yield from read_run(self.source, line.number, command, expand(command, known))

    def _env(self, line: DockerfileInstruction) -> Iterator[Statement]:
        for name, written in read_pairs(line.rest):
            value = expand(written, self.arguments | self.environment)
            text = f"ENV {name}={written}"
            if _OF_THE_BUILD.fullmatch(name):
                why = "it is about the build, or mlspec sets it"
                yield self.source.leave(line.number, text, why, matters=False)
            elif any(find_variables(value)):
                yield self.source.leave(line.number, text, "it uses a variable that is not set here")
            else:
                self.environment[name] = value
                yield carry_variable(self.source, line.number, text, name, value)

    def _arg(self, line: DockerfileInstruction) -> Iterator[Statement]:
        for name, value in read_pairs(line.rest):
            if value or name not in self.arguments:
                self.arguments[name] = expand(value, self.arguments)
        yield self._other(line)

    def _workdir(self, line: DockerfileInstruction) -> Iterator[Statement]:
        self.folder = posixpath.normpath(
            posixpath.join(self.folder, expand(line.rest.strip("\"'"), self._list_variables()))
        )
        self.place = line
        yield from ()

    def _list_variables(self) -> dict[str, str]:
        return self.arguments | self.environment

    def _code_folder(self) -> Iterator[Statement]:
        try:
            yield self.source.carry(self.place.number, self.place.text, "working_dir", working_dir(self.folder))
        except Refused as refused:
            yield self.source.leave(self.place.number, self.place.text, str(refused))

    def _expose(self, line: DockerfileInstruction) -> Iterator[Statement]:
        for word in expand(line.rest, self._list_variables()).split():
            port, _, protocol = word.partition("/")
            if protocol not in {"", "tcp"} or not re.fullmatch(r"[1-9]\d{0,4}", port) or int(port) > 65535:
                yield self.source.leave(line.number, f"EXPOSE {word}", "not a port of TCP: write it under ports")
            else:
                yield self.source.carry(line.number, f"EXPOSE {word}", "ports", f"{port}:{port}")

    def _copy(self, line: DockerfileInstruction) -> Iterator[Statement]:
        words = _exec_form(re.sub(r"--\S+\s*", "", line.rest)) or [w for w in line.rest.split() if w[:2] != "--"]
        if stage := re.search(r"--from=(\S+)", line.rest):
            yield self.source.leave(line.number, line.text, f"it comes from {stage[1]}, which is not read")
            return
        *sources, target = words or [""]
        target = posixpath.normpath(posixpath.join(self.folder, expand(target, self._list_variables())))
        for path in sources:
            if "://" in path:
                yield self.source.leave(line.number, line.text, "an image takes files from its folder: add it there")
            elif path.startswith("<<") or not self._lands_in_place(path, target, words[-1]):
                why = f"mlspec copies the whole folder to {self._home()}, so its path in the image differs"
                yield self.source.leave(line.number, line.text, why, matters=not _is_list_of_packages(path))

    def _home(self) -> str:
        return self.folder if self.folder != "/" else "/app"

    def _lands_in_place(self, path: str, target: str, written: str) -> bool:
        """Return whether a COPY puts a file where a spec would put it: at the same path below the code's folder."""
        is_folder = path.endswith(("/", ".")) or not re.search(r"\.|^[A-Z]\w*$", posixpath.basename(path))
        path = posixpath.normpath(path.lstrip("/") or ".")
        # COPY FILE FOLDER/ copies the file into the folder; of a source folder, COPY copies only the contents.
        goes_into = not is_folder and (written.endswith("/") or written in {".", "./"} or "*" in path)
        # Without a WORKDIR, relative paths begin at / in this image, and at /app in the image of a spec.
        wanted = [posixpath.normpath(posixpath.join(folder, path)) for folder in (self.folder, self._home())]
        return target in (map(posixpath.dirname, wanted) if goes_into else wanted)

    def _start(self, line: DockerfileInstruction) -> Iterator[Statement]:
        if line.name == "ENTRYPOINT":
            self.starts.pop("CMD", None)
        self.starts[line.name] = line
        yield from ()

    def _command(self) -> Iterator[Statement]:
        entry, command = self.starts.get("ENTRYPOINT"), self.starts.get("CMD")
        lines = [line for line in (entry, command) if line]
        if not lines:
            return
        if entry and command and not entry.rest.startswith("["):
            # Docker passes no arguments to an ENTRYPOINT in shell form.
            yield self.source.leave(command.number, command.text, "an ENTRYPOINT in shell form ignores it")
            lines = [entry]
        words = tuple(word for line in lines for word in _words(line))
        text = " + ".join(line.text for line in lines)
        if not all(word.isprintable() for word in words):
            why = "it contains a line break or a control character: write it under entrypoint"
            yield self.source.leave(lines[-1].number, text, why)
            return
        yield self.source.carry(lines[-1].number, text, "entrypoint", words)


def _is_list_of_packages(path: str) -> bool:
    return bool(re.search(r"requirements|pyproject\.toml|\.lock$|environment|Pipfile|setup\.(?:py|cfg)", path))


def _exec_form(text: str) -> list[str]:
    """Return the words of an instruction in exec form (JSON); empty for another form."""
    try:
        words = json.loads(text)
    except ValueError:
        return []
    return words if isinstance(words, list) and all(isinstance(word, str) for word in words) else []


_FOR_A_SHELL = re.compile(r"[|&;<>()$`*?\[\]#~{}!]|^\w+=")


def _words(line: DockerfileInstruction) -> list[str]:
    """Return the words of an ENTRYPOINT or a CMD, with ``sh -c`` in front if the command needs a shell."""
    if words := _exec_form(line.rest):
        return words
    plain = line.rest.removeprefix("exec ")
    try:
        if not _FOR_A_SHELL.search(plain):
            return shlex.split(plain)
    except ValueError:
        pass
    return ["sh", "-c", line.rest]
