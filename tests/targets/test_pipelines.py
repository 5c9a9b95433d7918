"""Tests of the pipelines of GitHub and GitLab: their schemas, the shell of their steps, and their places."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema
from jsonschema import Draft7Validator

from mlspec.errors import SpecError
from mlspec.spec.document import parse
from mlspec.spec.files import files_of
from mlspec.spec.spec import validate
from mlspec.spec.targets import TARGETS

DRAWN = Path(__file__).parent / "drawn"
WORKFLOWS = sorted((DRAWN / ".github" / "workflows").glob("*.yml"))
PIPELINES = sorted(DRAWN.glob("*.gitlab-ci.yml"))
SCHEMAS = {"vendor.github-workflows": WORKFLOWS, "vendor.gitlab-ci": PIPELINES}


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_file_has_the_form_that_its_schema_asks_for(name: str) -> None:
    validator = Draft7Validator(get_builtin_schema(name))
    paths = SCHEMAS[name]
    wrong = [error.message for path in paths for error in validator.iter_errors(yaml.safe_load(path.read_text()))]

    assert paths
    assert wrong == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schema_refuses_a_wrong_key(name: str) -> None:
    (path, *_) = SCHEMAS[name]
    text = path.read_text().replace("script:", "skript:").replace("steps:", "stebs:")

    assert not Draft7Validator(get_builtin_schema(name)).is_valid(yaml.safe_load(text))


def scripts() -> list[str]:
    """Return the shell commands of all drawn pipelines."""
    jobs = [job for path in WORKFLOWS for job in yaml.safe_load(path.read_text())["jobs"].values()]
    found = [step["run"] for job in jobs for step in job["steps"] if "run" in step]
    for path in PIPELINES:
        whole = yaml.safe_load(path.read_text())
        found += [line for job in whole.values() for line in job.get("script", ())]
    return found


def test_the_shell_of_each_step_is_clean() -> None:
    # The steps of GitHub are of bash, and those of GitLab's Docker image of sh.
    text = "#!/bin/sh\n" + "\n".join(f"step{number}() {{\n{each}\n}}" for number, each in enumerate(scripts()))
    # SC2317 and SC2329: nothing calls these functions. SC2164: the runners end a job at the first failed command.
    command = [str(Path(sys.executable).with_name("shellcheck")), "--exclude=SC2164,SC2317,SC2329", "--shell=sh", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True)

    assert done.stdout == ""


def test_workflows_of_several_specs_stand_in_one_folder() -> None:
    assert TARGETS["github"].path(files_of("mlspec.yaml", "")) == ".github/workflows/mlspec.yml"
    assert TARGETS["github"].path(files_of("train.yaml", "a")) == ".github/workflows/train.mlspec.yml"


@pytest.mark.parametrize("target", ["github", "gitlab"])
def test_a_pipeline_needs_a_registry_to_push_to(target: str) -> None:
    with pytest.raises(SpecError, match="MLS147: a pipeline pushes the image, and the spec does not say where"):
        validate(parse(f"python: 3.12\ntargets: [{target}]\n", "mlspec.yaml"))
