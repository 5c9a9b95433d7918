"""The import of the script of a RUN: packages of apt and pip are taken over, other commands become a build step."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mlspec.advice.draft.readers.instructions import expand, find_variables
from mlspec.advice.imports.installers import read_install
from mlspec.advice.imports.shared_keys import DOWNLOADS, refuse_script
from mlspec.advice.imports.shell_script import ScriptCommand, split_script
from mlspec.advice.imports.variables import BY_ITSELF
from mlspec.advice.imports.verdicts import ImportSource, LineVerdict

# Commands that clean up after apt and pip, make users, or make environments: mlspec does this by itself.
_BY_ITSELF = re.compile(
    r"apt(?:-get)?\s+(?:-\S+\s+)*(?:update|clean|autoremove|autoclean|purge|remove)\b.*"
    r"|rm\s+-\S+\s+(?:-\S+\s+)*(?:\"?(?:/var/(?:lib/apt|cache|lib/dpkg|log)|/root/\.cache|~/\.cache|\$HOME/\.cache|/tmp)\S*\s*)+"
    r"|rm\s+(?:-\S+\s+)*(?:\S*(?:requirements[\w.-]*\.(?:txt|in)|environment[\w.-]*\.ya?ml)\s*)+|exit\s+0"
    r"|(?:\S*python[\d.]*\s+-m\s+)?pip[\d.]*\s+(?:cache\s+purge|config\s.*|--version|list|check|freeze.*|uninstall\s.*)"
    r"|(?:\S*/)?(?:uv|conda|mamba|micromamba|poetry|npm)\s+(?:cache\s+(?:clean|prune|purge|clear).*|clean\s.*|config\s.*|--version|init.*)"
    r"|(?:\S*python[\d.]*\s+-m\s+venv|virtualenv|uv\s+venv)\b.*|(?:\.|source)\s+\S*(?:activate(?:\s+\S+)?|conda\.sh|\.bashrc|/env)"
    r"|(?:(?:\S*/)?(?:ba)?sh|rm|chmod)\s+(?:-\S+\s+|\+x\s+)*\S*(?:conda|[Mm]amba|[Mm]iniforge)\S*\.sh\b.*"
    r"|ln\s+-\S+\s+\S*conda\.sh\s.*|eval\s.*(?:conda|mamba).*"
    r"|(?:conda|mamba|micromamba)\s+(?:de)?activate\b.*|echo\s.*(?:activate|conda).*>\s*\S*(?:bashrc|profile)"
    r"|(?:useradd|adduser|groupadd|addgroup|usermod)\b.*|chown\s+(?:-\S+\s+)*\S+:?\S*\s+\S+|true|:|ldconfig"
    r"|(?:\S*python[\d.]*\s+-m\s+)?ensurepip\b.*|update-alternatives\b.*python.*|ln\s+-s\S*\s+\S*(?:python|pip)\S*\s+\S*(?:python|pip)\S*"
    r"|echo\s+[\"']?[\w .:!-]*[\"']?|python[\d.]*\s+(?:--version|-V)|nvidia-smi"
)
_TOOLS = re.compile(
    r"(?:curl|wget)\b.*(?:astral\.sh/uv|install\.python-poetry|get-pip\.py|micromamba|Miniconda|Miniforge).*"
)
_APT_INSTALL = re.compile(r"apt(?:-get)?\s+(?:-\S+\s+)*install\b")
_LOST = {
    re.compile(r"(?:add-apt-repository|apt-add-repository|apt-key)\b.*"): "mlspec installs from the archive of Debian",
    re.compile(r".*/etc/apt/sources\.list.*"): "mlspec installs from the archive of Debian",
    re.compile(r"(?:apk|yum|dnf|microdnf)\s+.*"): "Debian has apt: write its packages under apt",
    re.compile(r"apt(?:-get)?\s+(?:-\S+\s+)*(?:upgrade|dist-upgrade|full-upgrade)\b.*"): "",
}
# Commands that install from a path; the path is relative to the folder of an earlier `cd`.
_RELATIVE = re.compile(
    r"\bpip3?\s+(?:\S+\s+)*install\s(?:.*\s)?(?:-r|-e|\.{1,2}/?|\./\S+)(?:\s|\[|$)|\bpython[\d.]*\s+setup\.py\s"
)
# Commands that affect only later commands.
_SETTING = re.compile(r"(?:cd\s+\S+|set\s+-\S+.*|export\s+.*|\w+=\S*)")


@dataclass(slots=True)
class RunContext:
    """The context of a RUN: the variables of earlier instructions, and the place of the step that it adds."""

    source: ImportSource
    arguments: Mapping[str, str]
    environment: Mapping[str, str]
    at: str
    codename: str = ""
    more: Mapping[str, object] = field(default_factory=dict)
    folder: str = ""
    is_foreign: bool = False
    """Whether the folder is a checkout of another repository, whose files do not belong to the project."""

    def list_known(self) -> Mapping[str, str]:
        """Return the variables that a command may use, by name."""
        return {**self.arguments, **self.environment}


def read_script(
    context: RunContext, script: str, line_of: Callable[[int], int], *, is_one: bool = False
) -> Iterator[LineVerdict]:
    """Yield the verdicts on the commands of a script; ``line_of`` returns the line of an offset in the script.

    If ``is_one`` is set, the script is one command with a here-document and becomes one step.
    """
    commands = None if is_one else split_script(script)
    if commands is None:
        yield _make_step(context, [ScriptCommand(script.strip(), 0)], script, line_of, is_whole=True)
        return
    rest = list[ScriptCommand]()
    for command in (inner for outer in commands for inner in _unwrap(outer)):
        is_elsewhere = context.is_foreign or any(other.text.startswith("cd ") for other in rest)
        if _RELATIVE.search(command.text) and is_elsewhere:
            # The files in the folder of the `cd` do not belong to the project.
            rest.append(command)
            continue
        found = list(_read_command(context, command, line_of))
        if found:
            yield from (replace(v, end=max(v.end, line_of(command.end))) if len(found) == 1 else v for v in found)
        else:
            rest.append(command)
    if not rest:
        return
    if all(_SETTING.fullmatch(command.text) for command in rest):
        for command in rest:
            yield _judge_setting(
                context.source, line_of(command.start), command.text, is_used=len(rest) < len(commands)
            )
        return
    yield _make_step(context, rest, script, line_of)


_SHELL = re.compile(r"(?:/usr)?(?:/bin/)?(?:ba)?sh\s+(?:-\w+\s+)*-\w*c\s+([\"'])(?P<script>.*)\1", re.DOTALL)
_IN_CONDA = re.compile(
    r"(?:\S*/)?(?:conda|mamba|micromamba)\s+run\s+(?:(?:-n|-p|--name|--prefix)[\s=]\S+\s+|-\S+\s+)*(?P<script>[^-\s].*)",
    re.DOTALL,
)


def _unwrap(command: ScriptCommand) -> tuple[ScriptCommand, ...]:
    """Return the commands of ``bash -c '...'`` or of ``conda run``; any other command is returned as it is."""
    found = _SHELL.fullmatch(command.text) or _IN_CONDA.fullmatch(command.text)
    quote = found[1] if found and found.re is _SHELL else ""
    if not found or (quote and re.search(rf"[{quote}\\]", found["script"])):
        return (command,)
    inner = split_script(found["script"])
    if not inner:
        return (command,)
    start = command.start + found.start("script")
    return tuple(one for part in inner for one in _unwrap(ScriptCommand(part.text, start + part.start)))


def _read_command(context: RunContext, command: ScriptCommand, line_of: Callable[[int], int]) -> Iterator[LineVerdict]:
    source, number = context.source, line_of(command.start)
    bare = re.sub(r"^(?:sudo\s+(?:-\S+\s+)*)?(?:[A-Z_]\w*=\S+\s+)*(?:sudo\s+)?", "", command.text)
    shown = expand(bare, context.list_known())
    installed = list(read_install(source, replace_text(command, bare, context), line_of, context.codename))
    if installed:
        yield from installed
        for variable in re.findall(r"(?:^|\s)([A-Z_]\w*=\S+)", command.text[: len(command.text) - len(bare)]):
            yield _judge_setting(source, number, variable, is_used=True)
    elif _BY_ITSELF.fullmatch(shown):
        yield source.carry(number, command.text, why="mlspec does this by itself, or does not need it")
    elif _TOOLS.fullmatch(shown):
        yield source.carry(number, command.text, why="mlspec has its own installer")
    elif _APT_INSTALL.match(shown):
        yield source.doubt(number, command.text, "apt", "a shell computes the names: write them under apt")
    else:
        for pattern, why in _LOST.items():
            if pattern.fullmatch(shown):
                reason = why or "the base image is pinned by digest: mlspec lock --upgrade takes the newest"
                lost = source.lose if why else None
                yield (
                    lost(number, command.text, reason)
                    if lost
                    else source.change(number, command.text, "", None, reason)
                )
                return


# mlspec sets these for a compilation, from the accelerator and the models of the GPUs.
_OF_COMPILERS = re.compile(r"CUDA_HOME|TORCH_CUDA_ARCH_LIST|MAX_JOBS|FORCE_CUDA|FLASH_ATTENTION_\w+")


def _judge_setting(source: ImportSource, number: int, text: str, *, is_used: bool) -> LineVerdict:
    """Return the verdict on a setting of the shell; ``is_used`` says whether the same step installs packages."""
    found = re.match(r"(?:export\s+)?([A-Za-z_]\w*)=", text)
    if not found or not is_used:
        return source.carry(number, text, why="no later step needs it")
    if BY_ITSELF.fullmatch(found[1]) or _OF_COMPILERS.fullmatch(found[1]):
        return source.carry(number, text, why="mlspec does this by itself")
    return source.lose(number, text, "a variable for the installation: mlspec installs packages without it")


def replace_text(command: ScriptCommand, bare: str, context: RunContext) -> ScriptCommand:
    """Return the command ``bare``, without the words in front of it and with its known variables expanded."""
    start = command.start + len(command.text) - len(bare)
    names = set(find_variables(bare))
    known = {name: value for name, value in context.list_known().items() if name in names and value}
    # An expanded variable shifts the offsets behind it. Line numbers are then wrong only near the end of a line.
    return ScriptCommand(expand(bare, known) if known else bare, start)


def _make_step(
    context: RunContext,
    commands: Sequence[ScriptCommand],
    script: str,
    line_of: Callable[[int], int],
    *,
    is_whole: bool = False,
) -> LineVerdict:
    """Return the verdict on the remaining commands of a script: one step with the commands in their order."""
    first = next((command for command in commands if not _SETTING.fullmatch(command.text)), commands[0])
    number, end = line_of(commands[0].start), line_of(commands[-1].end)
    text = script.strip("\n") if is_whole else " && ".join(command.text for command in commands)
    names = set(find_variables(text)) & context.arguments.keys() - context.environment.keys()
    exports = "".join(f"export {name}={shlex.quote(context.arguments[name])}\n" for name in sorted(names))
    moves = f"mkdir -p {context.folder} && cd {context.folder} && " if context.folder else ""
    value: dict[str, object] = {"command": f"{exports}{moves}{text}"}
    value |= {} if context.at == "after_install" else {"at": context.at}
    value |= context.more
    source = context.source
    shown = f"RUN {first.text}" if is_whole or len(commands) == 1 else f"RUN {text}"
    if refused := refuse_script(text):
        return replace(source.doubt(number, shown, "run", refused), end=end)
    why = _find_worry(text, is_whole=is_whole)
    verdict = source.change(number, shown, "run", value, why) if why else source.carry(number, shown, "run", value)
    return replace(verdict, end=max(end, number))


def _find_worry(text: str, *, is_whole: bool) -> str:
    if re.search(r"\bpip3?\s+(?:\S+\s+)*install|\buv\s+pip|\bmim\s+install", text):
        return "the lock does not contain its packages: write them under requirements if possible"
    if DOWNLOADS.search(text) and "http" in text and not re.search(r"sha\d+sum|gpg", text):
        return "it does not check the checksum of the file that it downloads"
    return ""
