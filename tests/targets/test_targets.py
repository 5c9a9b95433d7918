"""Tests of the table of targets, and of files that repeat it because they cannot read it."""

from __future__ import annotations

import re

import pytest
import yaml

from mlspec.spec.files import files_of
from mlspec.spec.targets import ALWAYS, OPTIONAL_TARGETS, TARGETS, Target, add_needed_targets
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


@pytest.mark.parametrize("name", [name for name, target in TARGETS.items() if not target.template])
def test_every_target_without_a_template_has_a_module_that_draws_it(name: str) -> None:
    from mlspec.targets.registry import target_module

    module = target_module(name)

    assert all(callable(getattr(module, part)) for part in ("heading", "part", "sheets"))


def test_a_target_brings_the_files_that_it_needs() -> None:
    assert add_needed_targets(["compose", "devcontainer"]) == ("compose", "devcontainer", "devcontainer-dockerfile")
    assert "devcontainer-dockerfile" not in OPTIONAL_TARGETS
