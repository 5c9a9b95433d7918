"""Split commands into words as a shell would; refuse commands that need a shell."""

from __future__ import annotations

import json
import re

from mlspec.errors import quote_value
from mlspec.spec.values.checked_names import IDENTIFIER
from mlspec.spec.values.refused import Refused, one_line

_CONTROL_BUT_LINES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def script(value: str) -> str:
    """Return a build step's command unchanged; raises Refused if it is empty or contains control characters."""
    if not value.strip():
        raise Refused("MLS119", "this step has no command", "remove it, or write what it runs")
    if _CONTROL_BUT_LINES.search(value):
        raise Refused("MLS118", "this command contains a control character", "remove it, or write it as an escape")
    return value


# One piece of a command: blanks, or a stretch with one kind of quotes.
_PIECE = re.compile(r"""([ \t]+)|'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)|([^ \t'"\\]+)""")
_OPERATOR = re.compile(r"[;<>|&()]+")
_VARIABLE = re.compile(r"\$(?:\w+|\{[^}]*\}|[-(?#$*@!])|`")


def words(value: str, *, is_program: bool = True) -> tuple[str, ...]:
    """Return the words of a command as a shell would split it; raises Refused if the command needs a shell.

    ``is_program`` is True if the command names a program, and False if it only has arguments.
    """
    value = one_line(value.strip(" \t\n"))
    found: list[str] = []
    expanded = ""
    in_word, end = False, 0
    for piece in _PIECE.finditer(value):
        if piece.start() != end:
            break
        end = piece.end()
        blank, single, double, escaped, plain = piece.groups()
        if plain is not None and (operator := _OPERATOR.search(plain)):
            raise _needs_shell(value, f"{operator[0]} would be an argument", is_program=is_program)
        expanded += " " if plain is None and double is None else re.sub(r"\\.", "", plain or double)
        if blank is None:
            text = re.sub(r'\\([\\"$`])', r"\1", double) if double is not None else single or escaped or plain or ""
            found = [*found[:-1], found[-1] + text] if in_word else [*found, text]
        in_word = blank is None
    if end != len(value):
        if value[end:] == "\\":
            raise Refused("MLS110", "this command ends in a backslash", "remove it")
        raise Refused("MLS110", "a quote in this command is not closed", "add the missing quote")
    if not found:
        raise Refused("MLS110", "this command is empty", "remove the key, or name a program")
    runs_a_shell = found[0].rpartition("/")[2] in {"sh", "bash", "dash", "zsh"} and "-c" in found
    if not runs_a_shell and (variable := _VARIABLE.search(expanded)):
        raise _needs_shell(value, f"{variable[0]} would stay as it is", is_program=is_program)
    return tuple(found)


def program(found: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words of a command; raises Refused if the first word sets a variable, which only a shell does."""
    name, equals, text = found[0].partition("=")
    if equals and IDENTIFIER.fullmatch(name):
        hint = f"write it as environment: {{{name}: {json.dumps(text, ensure_ascii=False)}}}"
        raise Refused("MLS110", f"no shell runs this command, so {quote_value(found[0])} would be the program", hint)
    return found


def _needs_shell(value: str, consequence: str, *, is_program: bool) -> Refused:
    hint = f"write it as a list: [sh, -c, {json.dumps(value, ensure_ascii=False)}]"
    if not is_program:
        hint = 'put it in quotes to pass it unchanged, or let a shell run the command: entrypoint: [sh, -c, "..."]'
    return Refused("MLS110", f"no shell runs this command, so {consequence}", hint)
