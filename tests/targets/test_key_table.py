"""Tests that the page of keys and targets says of each key whether it changes the file of each target."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache

import pytest

from mlspec.errors import SpecError
from mlspec.lock.image_facts import ImageFacts
from mlspec.plan import plan
from mlspec.spec.document import parse
from mlspec.spec.keys import Settings
from mlspec.spec.spec import validate
from mlspec.targets import registry
from tests.support.places import PROJECT

PAGE = (PROJECT / "docs" / "reference" / "targets.md").read_text(encoding="utf-8")
COLUMNS: Mapping[int, tuple[str, ...]] = dict(
    enumerate(
        [("run",), ("compose",), ("kubernetes",), ("apptainer",), ("devcontainer",), ("bake", "github", "gitlab")], 1
    )
)
EXAMPLES: Mapping[str, object] = {
    **{"platforms": ["linux/arm64"], "accelerator": "cuda", "context": "..", "registry": "ghcr.io/b", "user": "2000"},
    **{"environment": {"A": "1", "B": None}, "env_file": "./settings.env", "working_dir": "/srv/app", "gpus": 1},
    **{"entrypoint": "python train.py", "command": "--x", "ports": ["8000:8000"], "healthcheck": "python check.py"},
    **{"gpu_models": "h100", "shm_size": "8gb", "resources": {"cpus": 2, "memory": "4gb"}, "nodes": 2, "init": False},
    **{"read_only": True, "tmpfs": "/scratch", "secrets": ["TOKEN"], "stop_signal": "SIGINT", "dev": ["pytest"]},
    **{"stop_grace_period": "30s", "ulimits": {"memlock": -1}, "mounts": ["./data:/app/data"], "include": ["src"]},
    **{"requirements": ["six"]},
}
ONLY_OF_THE_IMAGE = re.findall(r"`(\w+)`", PAGE.rpartition("\n\n")[2])
ROWS = {found[1]: found[0] for found in re.findall(r"^(\| `(\w+)` \|.*)$", PAGE, re.MULTILINE)}


def cells(key: str) -> list[str]:
    return [cell.strip() for cell in ROWS[key].strip("|").split("|")]


def file_of(target: str, keys: tuple[tuple[str, str], ...]) -> str:
    """Return the file of a target for a spec with these keys, as JSON; for a spec that it refuses, the message."""
    needed = {"nodes": "kubernetes", "dev": "devcontainer"}
    targets = {name for name in (target, *(needed.get(key, "") for key, _ in keys)) if name not in ("", "run")}
    text = "".join(f"{key}: {value}\n" for key, value in keys) + f"targets: {json.dumps(sorted(targets))}\n"
    try:
        spec = validate(parse(text, "mlspec.yaml", ("repository", "service")))
    except SpecError as error:
        return str(error)
    layers = ("tiny_wheels",) if "requirements" in dict(keys) else ()
    facts = ImageFacts(project="lab", base="python:3.12-slim", is_official=True, layers=layers)
    (artifact,) = registry.emit_all([plan.resolve("mlspec.yaml", image, facts) for image in spec.images], [target])
    return artifact.text


@cache
def bare(key: str) -> tuple[tuple[str, str], ...]:
    keys = {"python": "3.12", "registry": "ghcr.io/a"}
    if key in {"gpus", "gpu_models", "nodes"}:
        keys |= {"accelerator": "cuda", "gpus": "2"}
    return tuple(keys.items())


def changed(key: str) -> Iterator[tuple[int, bool]]:
    """Yield each column of the page, and whether an example of the key changes one of its files."""
    example = tuple({**dict(bare(key)), key: json.dumps(EXAMPLES[key])}.items())
    for column, targets in COLUMNS.items():
        yield column, any(file_of(target, example) != file_of(target, bare(key)) for target in targets)


def test_every_key_is_on_the_page_once() -> None:
    assert sorted([*ROWS, *ONLY_OF_THE_IMAGE]) == sorted(Settings.model_fields)
    assert {*ROWS} == {*EXAMPLES}


@pytest.mark.parametrize("key", ROWS)
def test_a_key_changes_what_the_page_says(key: str) -> None:
    said = cells(key)
    wrong = []
    for column, is_changed in changed(key):
        cell = said[column]
        if is_changed and cell in {"-", "image"}:
            wrong.append(f"{COLUMNS[column]}: changed, but the page says {cell}")
        if not is_changed and "`" in cell and not cell.startswith("image"):
            wrong.append(f"{COLUMNS[column]}: not changed, but the page says {cell}")

    assert wrong == []
