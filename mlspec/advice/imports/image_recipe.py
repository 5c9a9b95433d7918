"""The import of a Dockerfile: the last stage and the stages it builds on, instruction by instruction."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

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
from mlspec.advice.imports.copied_files import CopyContext, is_list, read_copy, split_copy, stage_of
from mlspec.advice.imports.image_settings import forgive_shell, read_setting
from mlspec.advice.imports.maker_stages import INSTALLS, find_makers, list_made_paths, names_clone
from mlspec.advice.imports.parent_images import read_missing_programs, read_parent
from mlspec.advice.imports.run_mounts import read_mounts
from mlspec.advice.imports.script_steps import RunContext, read_script
from mlspec.advice.imports.shared_keys import TARGET
from mlspec.advice.imports.start_words import exec_form, read_start
from mlspec.advice.imports.variables import BY_ITSELF, read_variable
from mlspec.advice.imports.verdicts import ImportSource, LineVerdict
from mlspec.errors import Problem, Span, SpecError
from mlspec.facts import debian

_PYTHON = re.compile(r"\bpython(3\.\d+)(?:-(?:dev|venv|distutils))?\b|conda\s+.*\bpython=(3\.\d+)|--python[ =](3\.\d+)")
_WRITTEN = re.compile(r"(?:-o|--output|--output-file|>)[ =]?\s*(\S+\.txt)")
_ENVIRONMENTS = re.compile(r"venv|conda|\.local|/opt/|poetry|\.cargo|/uv")


def read_recipe(source: ImportSource) -> Iterator[LineVerdict]:
    """Yield the verdicts on a Dockerfile; raise SpecError if it has no FROM."""
    head, stages = read_stages(read_instructions(source.text))
    if not stages:
        message = f"{source.file} has no FROM, so it is not a Dockerfile"
        problem = Problem(code="MLS418", message=message, hint="name the Dockerfile that builds the image")
        raise SpecError(problem.at(source.file, Span(1, 1, 1, 2)))
    chain, others = split_last(stages, dict(source.arguments).get(TARGET, ""))
    makers = find_makers(chain, others)
    reader = _RecipeReader(source, head, (*makers, *chain), frozenset(stage.name for stage in stages if stage.name))
    reader.made = list_made_paths(makers, reader.arguments)
    found = list(reader.read_head(head))
    for stage in others:
        found += reader.read_maker(stage) if stage in makers else reader.skip_stage(stage, chain)
    found += reader.read_chain(chain)
    has_steps = any(verdict.key == "run" for verdict in found)
    found = [forgive_shell(verdict) if not has_steps else verdict for verdict in found]
    yield from sorted(found, key=lambda verdict: verdict.number)


class _RecipeReader:
    """The reader of an image's stages; it keeps the variables and the working directory for later instructions."""

    def __init__(
        self,
        source: ImportSource,
        head: Iterable[DockerfileInstruction],
        stages: Sequence[DockerfileStage],
        names: frozenset[str],
    ) -> None:
        self.source = source
        self.names = names
        self.environment: dict[str, str] = {}
        self.arguments = {name: value for line in head if line.name == "ARG" for name, value in read_pairs(line.rest)}
        self.given = dict(source.arguments)
        self.arguments |= {name: value for name, value in self.given.items() if name in self.arguments}
        self.lines = [line for stage in stages for line in stage.instructions]
        self.folder, self.home = "/", self._find_home(stages[-1])
        self.made: frozenset[str] = frozenset()
        self.written: set[str] = set()
        self.is_copied = self.is_installed = False
        self.codename = ""
        self.starts: dict[str, DockerfileInstruction] = {}
        self.read_by: dict[str, Callable[[DockerfileInstruction], Iterator[LineVerdict]]] = {
            "RUN": self._run, "ENV": self._env, "ARG": self._arg, "WORKDIR": self._workdir,
            "COPY": self._copy, "ADD": self._copy, "CMD": self._start, "ENTRYPOINT": self._start,
        }  # fmt: skip

    def _find_home(self, last: DockerfileStage) -> str:
        """Return the folder of the code: the last WORKDIR, or else the target of the project's COPY."""
        folder = home = "/"
        known = self.arguments
        for line in last.instructions:
            if line.name == "WORKDIR":
                folder = home = posixpath.normpath(posixpath.join(folder, expand(line.rest.strip("\"'"), known)))
            elif line.name == "COPY" and not stage_of(line) and home == "/" and split_copy(line)[0] in (["."], ["./"]):
                home = posixpath.normpath(posixpath.join(folder, split_copy(line)[1]))
        return home if home != "/" and "$" not in home else "/app"

    # Stages

    def read_head(self, head: Iterable[DockerfileInstruction]) -> Iterator[LineVerdict]:
        """Yield the verdicts on the instructions before the first FROM."""
        for line in head:
            if line.name == "ARG":
                yield self._spread(self.source.carry(line.number, line.text, why="used below"), line)
            else:
                yield self._spread(self.source.lose(line.number, line.text, "it is in front of the first FROM"), line)

    def read_chain(self, chain: Sequence[DockerfileStage]) -> Iterator[LineVerdict]:
        """Yield the verdicts on the stages of the image, and last on its command."""
        self.folder = "/"
        yield from self._read_from(chain[0].instructions[0], chain[0].base)
        for stage in chain[1:]:
            line = stage.instructions[0]
            yield self._spread(self.source.carry(line.number, line.text, why="the stage above continues"), line)
        for line in (line for stage in chain for line in stage.instructions[1:]):
            yield from self._read_line(line)
        yield from read_start(self.source, self.starts.get("ENTRYPOINT"), self.starts.get("CMD"))

    def read_maker(self, stage: DockerfileStage) -> Iterator[LineVerdict]:
        """Yield the verdicts on a stage that makes the environment: the image gets the packages of the stage."""
        line = stage.instructions[0]
        why = "mlspec makes the environment in its own stages"
        yield self._spread(self.source.change(line.number, line.text, "", None, why), line)
        self.folder = "/"
        for line in stage.instructions[1:]:
            if line.name not in {"RUN", "ARG", "ENV", "WORKDIR"}:
                why = "for the stage that makes the environment"
                yield self._spread(self.source.carry(line.number, line.text, why=why), line)
                continue
            for verdict in self._read_line(line):
                if line.name in {"ENV", "WORKDIR"}:
                    why = "for the stage that makes the environment"
                    yield replace(verdict, outcome="carried", key="", value=None, why=why)
                    continue
                # A step of this stage is not a step of the image.
                is_step = verdict.key == "run" and verdict.outcome != "unsure"
                yield (
                    verdict.lose(f"a step of stage {stage.name}: write it under run if the image needs it")
                    if (is_step)
                    else replace(verdict, key="build_apt" if verdict.key == "apt" else verdict.key)
                )
        self.folder, self.environment, self.is_installed = "/", {}, False

    def skip_stage(self, stage: DockerfileStage, chain: Sequence[DockerfileStage]) -> Iterator[LineVerdict]:
        """Yield the verdicts on a stage that is not part of the image."""
        number = [name for name in self.names if name == stage.name]
        taken = [
            line for part in chain for line in part.instructions if stage_of(line).lower() in {*number, stage.name}
        ]
        for line in stage.instructions:
            if taken and stage.name:
                why = f"the image copies files of stage {stage.name}: write the commands that make them under run"
                yield self._spread(self.source.lose(line.number, line.text, why), line)
            else:
                why = "a stage that the image does not use"
                yield self._spread(self.source.carry(line.number, line.text, why=why), line)

    def _read_from(self, line: DockerfileInstruction, base: str) -> Iterator[LineVerdict]:
        image = expand(base, self.arguments)
        self.codename = next((word for word in re.split(r"[-:]", image) if debian.debian_release(word)), "")
        texts = [text for other in self.lines if other.name == "RUN" for text in (other.rest, other.body)]
        rows = (read_pairs(other.rest) for other in self.lines if other.name in {"ARG", "ENV"})
        known = {name: value for pairs in rows for name, value in pairs if value} | self.arguments | self.given
        found = next((match for text in texts if (match := _PYTHON.search(expand(text, known)))), None)
        python = next(filter(None, found.groups()), "") if found else ""
        for verdict in read_parent(self.source, line.number, image, python):
            yield self._spread(verdict, line)
        for verdict in read_missing_programs(self.source, line.number, image, self.lines):
            yield self._spread(verdict, line)
        if (platform := re.search(r"--platform=(linux/(?:amd64|arm64))", line.rest)) and "arm" in platform[1]:
            yield self._spread(self.source.carry(line.number, platform[0], "platforms", platform[1]), line)

    def _read_line(self, line: DockerfileInstruction) -> Iterator[LineVerdict]:
        if read := self.read_by.get(line.name):
            yield from read(line)
        elif found := read_setting(self.source, line, self._list_variables()):
            yield from found
        elif line.name == "ONBUILD":
            yield self._spread(self.source.lose(line.number, line.text, "mlspec does not support it"), line)
        else:
            yield self._spread(self.source.lose(line.number, line.text, "Docker has no such instruction"), line)

    def _spread(self, verdict: LineVerdict, line: DockerfileInstruction) -> LineVerdict:
        return replace(verdict, end=max(line.end, line.number))

    def _list_variables(self) -> dict[str, str]:
        return self.arguments | self.environment

    # Instructions

    def _run(self, line: DockerfileInstruction) -> Iterator[LineVerdict]:
        for verdict in self._read_run(line):
            name = verdict.text.rpartition("/")[2].rpartition(" ")[2]
            if verdict.outcome == "unsure" and verdict.key == "requirements" and name in self.written:
                verdict = replace(verdict, outcome="carried", key="", why="an earlier step writes this list")
            yield verdict
        if INSTALLS.search(line.rest + line.body):
            self.written |= {path.rpartition("/")[2] for path in _WRITTEN.findall(line.rest + line.body)}

    def _read_run(self, line: DockerfileInstruction) -> Iterator[LineVerdict]:
        mounts, rest, offset = read_mounts(self.source, line)
        yield from mounts.verdicts
        context = RunContext(
            self.source, dict(self.arguments), dict(self.environment), self._place_of(line), self.codename, mounts.more,
            "" if self.folder in {"/", self.home} else self.folder, names_clone(self.folder, self.lines),
        )  # fmt: skip
        words = exec_form(rest)
        if words is not None:
            import shlex

            yield from read_script(context, shlex.join(words), lambda _: line.number)
        elif line.body and not re.sub(r"<<-?\S+", "", rest).strip():
            # A here-document begins on the line behind the instruction, and its end is at `line.end`.
            first = line.end - line.body.count("\n") - 1
            found = list(read_script(context, line.body, lambda at: first + line.body.count("\n", 0, at)))
            yield self._spread(
                self.source.carry(line.number, line.text, why="see the lines below"), replace(line, end=0)
            )
            yield from found
        elif line.body:
            whole = f"{rest}\n{line.body}\n{_end_of(rest)}\n"
            found = list(read_script(context, whole, lambda _: line.number, is_one=True))
            yield from (self._spread(verdict, line) for verdict in found)
        else:
            yield from read_script(context, rest, lambda at: line.line_of(at + offset))
        self.is_installed = self.is_installed or bool(INSTALLS.search(line.rest + line.body))

    def _place_of(self, line: DockerfileInstruction) -> str:
        if self.is_copied:
            return "after_code"
        later = self.lines[self.lines.index(line) + 1 :]
        has_more = any(other.name == "RUN" and INSTALLS.search(other.rest + other.body) for other in later)
        installs = INSTALLS.search(line.rest + line.body)
        return "before_install" if has_more and not self.is_installed and not installs else "after_install"

    def _env(self, line: DockerfileInstruction) -> Iterator[LineVerdict]:
        for name, written in read_pairs(line.rest):
            yield self._spread(self._read_variable(line, name, written), line)

    def _read_variable(self, line: DockerfileInstruction, name: str, written: str) -> LineVerdict:
        number, text = line.line_of(max(0, line.rest.find(name))), f"ENV {name}={written}"
        whole = expand(written, self._list_variables())
        if name == "PATH":
            if _ENVIRONMENTS.search(whole):
                return self.source.carry(number, text, why="the path already has the environment of the image")
            why = "the path cannot be set: write the full paths of programs"
            return self.source.doubt(number, text, "environment", why)
        # A variable may contain its own earlier value, which is empty unless the base sets it.
        itself = rf":?\$(?:{name}\b|\{{{name}(?::?[-+][^}}]*)?\}}):?"
        value = expand(re.sub(itself, "", written), self._list_variables())
        if any(find_variables(value)) and not BY_ITSELF.fullmatch(name):
            return self.source.doubt(number, text, "environment", "it uses a variable that is not set here")
        self.environment[name] = value
        verdict = read_variable(self.source, number, text, name, value)
        if value != whole and verdict.key == "environment":
            return verdict.worsen("changed", "without the value of the base image, if it has one")
        return verdict

    def _arg(self, line: DockerfileInstruction) -> Iterator[LineVerdict]:
        for name, value in read_pairs(line.rest):
            if name in self.given:
                self.arguments[name] = self.given[name]
            elif value or name not in self.arguments:
                self.arguments[name] = expand(value, self.arguments)
            is_used = any(name in find_variables(other.rest + other.body) for other in self.lines)
            if not value and is_used and not self.arguments.get(name):
                why = "it has no default: write its value where it is used"
                yield self._spread(self.source.lose(line.number, line.text, why), line)
            else:
                yield self._spread(self.source.carry(line.number, line.text, why="used below"), line)

    def _workdir(self, line: DockerfileInstruction) -> Iterator[LineVerdict]:
        written = expand(line.rest.strip("\"'"), self._list_variables())
        self.folder = posixpath.normpath(posixpath.join(self.folder, written))
        if self.folder != self.home:
            yield self._spread(self.source.carry(line.number, line.text, why=f"the code is in {self.home}"), line)
        elif self.folder == "/app":
            yield self._spread(self.source.carry(line.number, line.text, why="the folder of the code"), line)
        else:
            yield self._spread(self.source.carry(line.number, line.text, "working_dir", self.folder), line)

    def _copy(self, line: DockerfileInstruction) -> Iterator[LineVerdict]:
        expanded = replace(line, rest=expand(line.rest, self._list_variables()))
        for verdict in read_copy(self.source, expanded, CopyContext(self.folder, self.home, self.names, self.made)):
            # A step copies the file once the code is there, so later instructions that use it run after that step.
            self.is_copied = self.is_copied or verdict.key == "run"
            yield verdict
        sources, _ = split_copy(line)
        self.is_copied = self.is_copied or (not stage_of(line) and not all(map(is_list, sources)))

    def _start(self, line: DockerfileInstruction) -> Iterator[LineVerdict]:
        if line.name == "ENTRYPOINT":
            self.starts.pop("CMD", None)
        if old := self.starts.get(line.name):
            yield self._spread(self.source.carry(old.number, old.text, why=f"line {line.number} replaces it"), old)
        self.starts[line.name] = line


def _end_of(rest: str) -> str:
    found = re.search(r"<<-?[\"']?(\w+)", rest)
    return found[1] if found else ""
