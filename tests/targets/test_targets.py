"""The table of targets, and what has to agree with it where it cannot be read."""

from __future__ import annotations

import re

import pytest
import yaml

from mlspec.spec.files import files_of
from mlspec.spec.targets import ALWAYS, SHARED_TARGETS, TARGETS, Target
from tests.support.places import PROJECT


def test_the_files_of_each_image_have_the_names_that_commands_use() -> None:
    files = files_of("train.yaml", "gpu")

    assert [TARGETS[name].path(files) for name in ALWAYS] == [files.dockerfile, files.ignore, files.run_script]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [("mlspec.yaml", ("x.json", "lab/x.json")), ("train.yaml", ("train.x.json", "lab/train/x.json"))],
)
def test_a_shared_file_has_the_name_of_its_spec(spec: str, expected: tuple[str, str]) -> None:
    files = files_of(spec, "gpu")

    assert (Target("x.json", "x").path(files), Target("lab/x.json", "x").path(files)) == expected


@pytest.mark.parametrize(
    "hook", yaml.safe_load((PROJECT / ".pre-commit-hooks.yaml").read_text()), ids=lambda hook: hook["id"]
)
@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("spec", ["mlspec.yaml", "train.yaml"])
def test_the_hooks_run_when_a_generated_file_is_committed(hook: dict[str, str], name: str, spec: str) -> None:
    assert re.search(hook["files"], f"ml/{TARGETS[name].path(files_of(spec, 'gpu'))}")


@pytest.mark.parametrize("name", SHARED_TARGETS)
def test_every_shared_target_has_a_module_that_draws_it(name: str) -> None:
    from mlspec.targets.registry import shared_target

    module = shared_target(name)

    assert all(callable(getattr(module, part)) for part in ("heading", "part", "sheets"))
