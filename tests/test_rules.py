"""Specs that are worth a warning: ``warned/NAME`` and ``__snapshots__/test_rules/…[NAME].txt``; read the texts.

In a spec of these tests, ``x-lock`` holds what would be locked, ``x-files`` what stands beside it: texts, or sizes in
bytes; and ``x-today`` the day.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from mlspec import catalog, patterns, rules, targets
from mlspec.codes import code
from mlspec.document import Document, parse
from mlspec.effects import context
from mlspec.errors import Problem
from mlspec.lockfile import BaseLock, parse_requirements
from mlspec.plan import Resolved, resolve
from mlspec.requirements import Entry, collect
from mlspec.rules import FOLDER_RULES, RULES, Subject
from mlspec.rules.table import FolderRule, Rule
from mlspec.spec import Image, validate

WARNED = sorted((Path(__file__).parent / "warned").glob("*.yaml"))
TODAY = "2026-11-24"


def base_of(image: Image) -> tuple[BaseLock, bool]:
    """Return what a registry might say of an image's base."""
    choice = catalog.base_reference(image.settings.python, image.settings.base)
    assert isinstance(choice, catalog.BaseChoice)
    python, glibc = choice.python or image.settings.python, choice.glibc or "2.36"
    base = BaseLock(reference=choice.reference, python=python, glibc=glibc, codename=choice.codename or "")
    return base, choice.is_official


def subject_of(image: Image, document: Document) -> Subject:
    """Return an image as rules see it."""
    entries = [
        Entry(text, image.origin("requirements", index)) for index, text in enumerate(image.settings.requirements)
    ]
    base, is_official = base_of(image)
    lock = "".join(f"{line}\n" for line in document.data.get("x-lock", ()))
    resolved = Resolved(project="warned", base=base.reference, is_official=is_official)
    return Subject(
        image=image,
        plan=resolve(document.file, image, resolved),
        base=base,
        requirements=collect(entries, lambda _: "", document.file),
        pins=parse_requirements(lock, "requirements.lock").pins,
        today=str(document.data.get("x-today", TODAY)),
    )


def write(files: dict[str, str], folder: Path) -> None:
    """Write files of these texts, or sparse ones of these sizes."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text.replace("_", "").isdigit():
            with path.open("wb") as file:
                file.truncate(int(text))
        else:
            path.write_bytes(text.encode())


def found(text: str, folder: Path, file: str = "mlspec.yaml") -> Iterator[Problem]:
    """Yield what the rules find in a spec, and in what stands beside it."""
    document = parse(text, file)
    write(document.data.get("x-files", {}), folder)
    for image in validate(document).images:
        subject = subject_of(image, document)
        yield from map(document.placed, rules.warnings(subject))
        (ignore,) = targets.emit(subject.plan, ["ignore"])
        looked = context.survey(folder, patterns.parse(ignore.text), rules.asked(subject))
        yield from map(document.placed, rules.folder_warnings(subject, looked))


def codes(text: str, folder: Path) -> set[str]:
    return {problem.code for problem in found(text, folder)}


@pytest.mark.parametrize("path", WARNED, ids=lambda path: path.stem)
def test_says_what_is_worth_a_warning(path: Path, tmp_path: Path, text_snapshot: SnapshotAssertion) -> None:
    said = found(path.read_text(encoding="utf-8"), tmp_path, path.name)

    assert "".join(f"{problem}\n" for problem in said) == text_snapshot


def test_every_rule_is_met_by_a_spec(tmp_path: Path) -> None:
    met = {
        problem.code
        for number, path in enumerate(WARNED)
        for problem in found(path.read_text(encoding="utf-8"), tmp_path / str(number))
    }

    assert met == {rule.code for rule in (*RULES, *FOLDER_RULES)}


@pytest.mark.parametrize("rule", [*RULES, *FOLDER_RULES], ids=lambda rule: rule.code)
def test_a_rule_is_called_what_its_section_is_called(rule: Rule | FolderRule) -> None:
    section = code(rule.code)

    assert section
    assert (section.title, section.severity) == (rule.title, "warning")


SILENT = {
    "a Python with years to go": "python: 3.12",
    "a Python that nothing is known of": "python: 3.99",
    "a Debian in its long-term support": "{python: 3.12, base: slim-bookworm}",
    "a base that does not say its Debian": "{python: 3.12, base: registry.example.com/team/base:1.2}",
    "a folder of little": "{python: 3.12, x-files: {train.py: 1, data/a.csv: 2}}",
    "data that is mounted": "{python: 3.12, mounts: ['./data:/app/data'], x-files: {data/a.bin: 900_000_000}}",
    "data that is left out": "{python: 3.12, include: [., '!data'], x-files: {data/a.bin: 900_000_000}}",
    "weights that are named": "{python: 3.12, include: [., model.bin], x-files: {model.bin: 900_000_000}}",
    "a folder that is named": "{python: 3.12, include: [a, models/best], x-files: {models/best/1: 900_000_000}}",
    "an environment beside the code": "{python: 3.12, x-files: {.venv/lib/torch.so: 900_000_000, .git/p: 900_000_000}}",
}


@pytest.mark.parametrize("text", SILENT.values(), ids=SILENT)
def test_says_nothing_of(text: str, tmp_path: Path) -> None:
    assert codes(text, tmp_path) == set()


def test_nothing_ends_where_nobody_asks_when(tmp_path: Path) -> None:
    assert codes("{python: 3.9, base: slim-buster, x-today: ''}", tmp_path) == set()


def test_a_million_files_cost_a_look_at_some(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for number in range(6_000):
        (tmp_path / "data" / str(number)).touch()

    looked = context.survey(tmp_path, patterns.parse(""), [])

    assert not looked.is_whole
    assert looked.weights["data"] == rules.Weight(size=0, files=5_000, is_whole=False)
