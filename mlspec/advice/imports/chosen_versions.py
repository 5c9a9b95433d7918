"""The choice of Python and accelerator of an imported spec, from its lines and its pins."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mlspec.advice.draft.devices import find_device
from mlspec.advice.draft.folder import Choice, Decision, DraftOptions, Folder
from mlspec.advice.draft.pythons import (
    PythonBound,
    choose_python,
    describe_pythons,
    order_by_default,
    read_versions,
)
from mlspec.advice.draft.readers.statements import Statement, shorten
from mlspec.advice.draft.required import Required, list_required
from mlspec.advice.imports.verdicts import LineVerdict, Outcome
from mlspec.facts.python import python_variants
from mlspec.facts.versions import minor_version

Wheels = Callable[[Sequence[str]], Mapping[str, frozenset[str]] | None]
"""A function from pinned requirements to the Pythons for which each has wheels; None if no index answers.

A requirement without compiled wheels is left out: any Python can install it.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """The chosen Python and accelerator, and the verdicts with the outcome of each line that names one of them."""

    python: str
    python_why: str
    accelerator: str
    verdicts: tuple[LineVerdict, ...]


def choose_versions(verdicts: Sequence[LineVerdict], texts: Mapping[str, str], wheels: Wheels) -> Versions:
    """Choose the Python and the accelerator from the verdicts and their requirements."""
    required = _list_required(verdicts, texts)
    asked = [verdict for verdict in verdicts if verdict.key == "python"]
    asked.sort(key=lambda verdict: verdict.outcome == "guessed")
    python = _choose_python(asked, required, wheels)
    version = _keep_patch(str(python.choices[0].value), asked)
    device = find_device((), required, map(_statement, _of(verdicts, "accelerator")), DraftOptions())
    accelerator = next((str(choice.value) for choice in device.chosen.choices), "")
    if not accelerator and any(verdict.value == "cpu" for verdict in _of(verdicts, "accelerator")):
        accelerator = "cpu"
    left = {(item.file, item.number): item for item in (*python.left, *device.chosen.left)}
    judged = tuple(_judge(verdict, version, accelerator, left) for verdict in verdicts)
    return Versions(python=version, python_why=python.choices[0].why, accelerator=accelerator, verdicts=judged)


def _of(verdicts: Iterable[LineVerdict], key: str) -> list[LineVerdict]:
    return [verdict for verdict in verdicts if verdict.key == key and verdict.outcome != "unsure"]


def _list_required(verdicts: Sequence[LineVerdict], texts: Mapping[str, str]) -> tuple[Required, ...]:
    folder = Folder(name="", texts=texts)
    found = list[Required]()
    for verdict in _of(verdicts, "requirements"):
        place = verdict.file, verdict.number
        for line in list_required((str(verdict.value),), folder):
            found.append(line if line.file else replace(line, file=place[0], number=place[1]))
    return tuple(dict.fromkeys(found))


def _statement(verdict: LineVerdict) -> Statement:
    return Statement(
        file=verdict.file, number=verdict.number, text=verdict.text, key=verdict.key, value=str(verdict.value)
    )


def _choose_python(asked: Sequence[LineVerdict], required: Sequence[Required], wheels: Wheels) -> Decision:
    statements = [_statement(verdict) for verdict in asked]
    decision = choose_python(statements, required, DraftOptions(), order=order_by_default())
    known = set(order_by_default())
    named = [read_versions(str(statement.value)) or frozenset() for statement in statements]
    exact = any(len(pythons) == 1 and pythons & known for pythons in named)
    pins = [line for line in required if line.name and re.search(r"===?", str(line.specifier))]
    if exact or not pins:
        return decision
    fitting = wheels([f"{line.name}{line.specifier}" for line in pins])
    if fitting is None:
        return _as_guess(decision)
    bounds = [
        PythonBound(pythons, f"{pin} of {line.place} has wheels for Python {describe_pythons(pythons)}", line.statement)
        for line in pins
        for pin in (f"{line.name}{line.specifier}",)
        if (pythons := fitting.get(pin))
    ]
    found = choose_python(statements, required, DraftOptions(), bounds, order_by_default())
    why = found.choices[0].why
    if bounds:
        decisive = ", ".join(fitting)
        fits = f"there are wheels for {shorten(decisive)}"
        why = f"{why}; {fits}"
    return Decision((replace(found.choices[0], why=why),), found.left)


def _as_guess(decision: Decision) -> Decision:
    choice = decision.choices[0]
    why = f"{choice.why}; a guess: no index answered which Pythons the pins have wheels for"
    return Decision((Choice(choice.key, choice.value, why),), decision.left)


def _keep_patch(python: str, asked: Sequence[LineVerdict]) -> str:
    """Return the Python with the patch version from the input, if the input names one for this Python."""
    for verdict in asked:
        found = re.fullmatch(r"(?:python-|==?|v)?(\d+\.\d+)(\.\d+)", str(verdict.value).strip())
        if found and found[1] == python and _has_image(f"{found[1]}{found[2]}"):
            return f"{found[1]}{found[2]}"
    return python


def _explain_python(written: str, bare: str, python: str) -> str:
    is_patch = bare.startswith(f"{python}.") and re.fullmatch(r"[\d.]+", bare)
    return f"no image of Python {bare} is known" if is_patch else f"written as {written}"


def _has_image(python: str) -> bool:
    """Return whether the official image has this patch version on any Debian; True for an unknown Python."""
    rows = [row for row in python_variants() if row.python == minor_version(python)]
    return not rows or any(row.has(python) for row in rows)


def _judge(
    verdict: LineVerdict, python: str, accelerator: str, left: Mapping[tuple[str, int], Statement]
) -> LineVerdict:
    """Return a verdict on one of the keys with the chosen value, and with the change as its reason."""
    said = left.get((verdict.file, verdict.number))
    if verdict.outcome == "unsure":
        return verdict
    if verdict.key == "python":
        bare = re.sub(r"^(?:python-?|py|==?|v)", "", str(verdict.value).strip().lower())
        if said and "any Python that mlspec can lock" in said.why:
            return verdict.lose(said.why)
        why = said.why if said else "" if bare == python else _explain_python(str(verdict.value), bare, python)
        outcome: Outcome = "carried" if not why else "guessed" if "cannot be read" in why else "changed"
        return replace(verdict.worsen(outcome, why), value=python)
    if verdict.key == "accelerator":
        if verdict.value == accelerator:
            return verdict
        if not said and verdict.value == "cuda" and accelerator.startswith("cuda"):
            return replace(verdict, value=accelerator)
        why = said.why if said else f"{accelerator} is named elsewhere"
        return replace(verdict.worsen("changed", why), value=accelerator)
    if verdict.key == "requirements" and said:
        return verdict.worsen("changed", said.why) if said.matters else verdict
    return verdict
