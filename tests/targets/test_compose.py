"""Tests of the Compose file: it is valid by the specification, and has the right values for each key of a spec."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from mlspec.lock.image_facts import ImageFacts
from mlspec.plan.plan import resolve
from mlspec.spec.document import parse
from mlspec.spec.spec import validate
from mlspec.targets import compose
from mlspec.targets.bundle import bundle_of
from mlspec.targets.run_script import host_path
from tests.support.places import TESTS
from tests.targets.test_snapshots import SPECS, drawn, shared

SCHEMA = json.loads((TESTS / "support" / "schemas" / "compose-spec.json").read_text(encoding="utf-8"))


def data(text: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(shared(text, "compose"))
    return found


def service(text: str) -> dict[str, Any]:
    (found,) = data(text)["services"].values()
    assert isinstance(found, dict)
    return found


def interpolated(text: str, variables: dict[str, str]) -> str:
    """Interpolate a text like Compose: expand variables, and replace two dollars by one."""
    names = r"\$(?:\$|\{(\w+)(?::[-?]([^}]*))?\})"
    return re.sub(names, lambda found: variables.get(found[1], found[2] or "") if found[1] else "$", text)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_has_the_form_of_the_specification(path: Path) -> None:
    (artifact,) = drawn(path, ["compose"])

    assert [error.message for error in Draft7Validator(SCHEMA).iter_errors(yaml.safe_load(artifact.text))] == []


# Variables: a dollar in a value of a spec is literal


@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]) | st.sampled_from("${}"), min_size=1))
def test_a_dollar_in_a_path_means_itself(name: str) -> None:
    path = f"./{name}"
    found = data(f"secrets: {{KEY: {{file: {json.dumps(path, ensure_ascii=False)}}}}}")["secrets"]["KEY"]["file"]

    assert interpolated(found, {}) == host_path(path)


def test_what_no_spec_says_is_interpolated() -> None:
    found = data("mounts: [~/models:/models]\nsecrets: {A: {environment: B}}")["services"]["lab"]

    assert found["volumes"][0]["source"] == "${HOME:?is not set}/models"
    assert found["environment"] == ["A=${B}"]


def test_every_text_with_a_dollar_is_escaped_but_for_ours() -> None:
    texts = st_texts(compose._literal({"a": ["$x", {"b": compose.Interpolated("${y}")}], "c": "$$"}))

    assert list(texts) == ["$$x", "${y}", "$$$$"]


def st_texts(value: object) -> Any:  # noqa: ANN401 - texts, however deep
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from st_texts(inner)


# Keys of a service


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("gpus: all", "all"),
        ("accelerator: cuda", "all"),
        ("gpus: 2", [{"count": 2}]),
        ('gpus: [{device_ids: ["0", "3"]}]', [{"device_ids": ["0", "3"]}]),
        ("gpus: [{driver: nvidia}]", [{"driver": "nvidia", "count": "all"}]),
        ("gpus: [{count: 1, capabilities: [gpu, video]}]", [{"count": 1, "capabilities": ["video"]}]),
        ('gpus: [{driver: cdi, device_ids: ["nvidia.com/gpu=0"]}]', None),
        ("accelerator: rocm6.3", None),
        ("accelerator: rocm6.3\ngpus: 1", None),
    ],
)
def test_gpus_are_asked_for_in_the_words_of_compose(asked: str, found: object) -> None:
    assert service(asked).get("gpus") == found


@pytest.mark.parametrize(
    ("asked", "devices"),
    [
        ('gpus: [{driver: cdi, device_ids: ["nvidia.com/gpu=0"]}]', ["nvidia.com/gpu=0"]),
        ("accelerator: rocm6.3", ["/dev/kfd", "/dev/dri"]),
    ],
)
def test_what_is_a_device_is_named_as_one(asked: str, devices: list[str]) -> None:
    assert service(asked)["devices"] == devices


def test_what_the_image_says_is_not_said_again() -> None:
    said = service(
        "entrypoint: python a.py\ncommand: -v\nenvironment: {A: b}\nlabels: {a: b}\nworking_dir: /x\n"
        'user: "5:5"\nhealthcheck: "true"'
    )

    assert set(said) == {"image", "build", "pull_policy", "platform", "restart", "init", "develop"}


def test_a_range_of_ports_is_one_entry_a_port() -> None:
    ports = service('ports: ["0.0.0.0:9000-9001:8000-8001", "8010-8012:70", "7000-7001"]')["ports"]

    assert [(port["target"], port.get("published")) for port in ports] == [
        (8000, "9000"),
        (8001, "9001"),
        (70, "8010-8012"),
        (7000, None),
        (7001, None),
    ]


def test_the_user_is_a_variable_only_where_files_are_shared() -> None:
    assert service("mounts: [./a:/a]")["user"] == "${CONTAINER_USER:-1000:1000}"
    assert "user" not in service("mounts: [a:/a]".replace("a:", "aa:"))
    assert "user" not in service('mounts: [./a:/a]\nuser: "5:5"')


def test_an_image_for_several_platforms_runs_on_the_engines_own() -> None:
    assert "platform" not in service("platforms: [linux/amd64, linux/arm64]")


def test_a_mount_takes_the_place_of_a_folder_in_memory() -> None:
    assert service("read_only: true\nmounts: [cache:/cache]")["tmpfs"] == [
        "/tmp:exec,mode=1777",
        "/home/app:exec,mode=1777",
    ]


# Several images


def test_programs_that_end_are_apart_from_servers() -> None:
    both = data('images: {train: , serve: {ports: ["80:80"]}}')["services"]
    jobs = data("images: {train: , prepare: }")["services"]

    assert (both["train"]["profiles"], both["train"]["restart"]) == (["jobs"], "no")
    assert ("profiles" in both["serve"], both["serve"]["restart"]) == (False, "unless-stopped")
    assert not any("profiles" in service for service in jobs.values())


def test_a_secret_that_is_the_same_everywhere_has_its_own_name() -> None:
    found = data("secrets: {KEY: {file: ./key}}\nimages: {a: , b: }")

    assert found["secrets"] == {"KEY": {"file": "./key"}}
    assert [service["secrets"] for service in found["services"].values()] == [["KEY"], ["KEY"]]


def test_a_secret_that_is_another_one_in_another_image_is_told_apart() -> None:
    found = data("images: {a: {secrets: {KEY: {file: ./a}}}, b: {secrets: {KEY: {file: ./b}}}}")

    assert found["secrets"] == {"a.KEY": {"file": "./a"}, "b.KEY": {"file": "./b"}}
    assert found["services"]["b"]["secrets"] == [{"source": "b.KEY", "target": "KEY"}]


@pytest.mark.parametrize(
    ("name", "project"), [("registry.example.com:5000/team/my.model_2", "my-model-2"), ("lab", "lab")]
)
def test_the_project_has_the_name_of_the_image(name: str, project: str) -> None:
    assert data(f"name: {name}\nimages: {{train: }}")["name"] == project
    assert list(data(f"name: {name}")["services"]) == [project]


# The comment


def heading(text: str, file: str = "mlspec.yaml") -> list[str]:
    return [line for line in shared(text, "compose", file).splitlines() if line.startswith("#")]


def test_the_file_begins_with_where_it_comes_from() -> None:
    assert (
        heading("", "train.yaml")[0] == "# Generated by mlspec from train.yaml; edit that file, then run: mlspec render"
    )


def test_the_comment_says_what_to_type() -> None:
    both = heading('images: {train: , prepare: , serve: {ports: ["80:80"]}}', "lab.yaml")[2:5]

    assert both == [
        "# To build: docker compose --file lab.compose.yaml --profile jobs build",
        "# To serve, until it is stopped: docker compose --file lab.compose.yaml up serve",
        "# To run, with one of train, prepare as NAME: docker compose --file lab.compose.yaml run --rm NAME ARGUMENTS",
    ]


def test_the_comment_says_what_has_to_be_there() -> None:
    said = heading("mounts: [~/a b:/a, ./in:/in:ro]\nsecrets: {T: {environment: MY_T}, K: {file: key}}\nenv_file: .env")

    assert said[-4:] == [
        '# Once, to read and write files of this host as yourself: echo "CONTAINER_USER=$(id -u):$(id -g)" >> .env',
        "# Once, because Compose does not create missing folders: mkdir -p \"$HOME\"'/a b'",
        "# Must exist: ./in, ./key, ./.env",
        "# Taken from the environment of the caller: MY_T",
    ]


def test_bundles_know_their_servers_and_jobs() -> None:
    spec = validate(parse('python: 3.12\nimages: {a: , b: {ports: ["80:80"]}}', "mlspec.yaml"))
    known = ImageFacts(project="lab", base="b", is_official=True)
    bundle = bundle_of([resolve("mlspec.yaml", image, known) for image in spec.images])

    assert ([plan.key for plan in bundle.servers], [plan.key for plan in bundle.jobs]) == (["b"], ["a"])
