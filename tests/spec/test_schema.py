"""Tests of the JSON Schema of a spec: it accepts all that mlspec accepts, and refuses as much as a schema can."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator
from jsonschema.protocols import Validator

from mlspec.errors import SpecError
from mlspec.host.files.find import is_generated
from mlspec.spec import document, schema, spec
from mlspec.spec.keys import Settings
from mlspec.spec.nested_keys import Mount
from tests.support import command, editor, places

FOUND = [*(places.PROJECT / "specs").rglob("*.yaml"), *places.SPECS.glob("*.yaml")]
GOOD = sorted(path for path in FOUND if not is_generated(str(path)))
BAD = sorted(places.BAD.glob("*.yaml"))
SCHEMA = schema.schema()
NEWER, OLDER = Draft202012Validator(SCHEMA), Draft7Validator(schema.schema("7"))
BOTH = pytest.mark.parametrize("validator", [NEWER, OLDER], ids=["2020-12", "draft-07"])

# Specs that only mlspec can refuse, grouped by the reason why a schema cannot.
SPLIT_AS_A_SHELL_DOES = {
    "command-ends-in-a-backslash", "command-has-an-operator", "entrypoint-has-an-open-quote",
    "entrypoint-needs-a-shell",
}  # fmt: skip
BETWEEN_KEYS = {
    "dev-container-has-no-form", "dev-has-no-dev-container",
    "gpu-models-without-cuda", "gpus-of-a-cluster-have-no-number", "gpus-with-the-cpu",
    "healthcheck-asks-without-a-port", "include-is-above", "index-names-an-unknown-secret", "mount-is-twice",
    "mounts-are-no-storage-of-a-cluster", "nodes-of-a-server", "nodes-without-a-cluster",
    "pipeline-has-no-registry", "registry-stands-twice",
    "repeat-without-anything-above", "run-names-an-unknown-secret", "workflow-is-below-the-root",
}  # fmt: skip
BY_WHAT_A_NAME_MEANS = {
    "environment-extends-the-path", "environment-holds-a-secret", "environment-list-holds-a-secret",
}  # fmt: skip
# An editor reads a number: it cannot tell 3.1 from 3.10, or 3.7 from 3.70.
AS_THE_TEXT_OF_A_NUMBER = {"python-has-a-leading-zero", "python-is-too-old", "python-lost-its-zero"}
# An entry of include may hold a closed bracket, and the schema does not check whether a bracket is closed.
IN_A_PATTERN = {"include-bracket"}
IN_A_COMMENT = {"ignore-has-no-reason", "ignore-is-unreadable"}
ONLY_OURS = (
    SPLIT_AS_A_SHELL_DOES | BETWEEN_KEYS | BY_WHAT_A_NAME_MEANS | AS_THE_TEXT_OF_A_NUMBER | IN_A_PATTERN | IN_A_COMMENT
)


def is_refused(path: Path, validator: Validator) -> bool:
    try:
        return not validator.is_valid(editor.read(path.read_text(encoding="utf-8")))
    except yaml.YAMLError:
        return True  # an editor reports this without a schema


def is_accepted_by_mlspec(text: str) -> bool:
    try:
        spec.validate(document.parse(text, "mlspec.yaml"))
    except SpecError:
        return False
    return True


def test_both_schemas_are_schemas() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    Draft7Validator.check_schema(schema.schema("7"))


@BOTH
@pytest.mark.parametrize("path", GOOD, ids=lambda path: "/".join(path.parts[-2:]))
def test_every_good_spec_is_valid(path: Path, validator: Validator) -> None:
    assert [error.message for error in validator.iter_errors(editor.read(path.read_text(encoding="utf-8")))] == []


@BOTH
@pytest.mark.parametrize("path", [path for path in BAD if path.stem not in ONLY_OURS], ids=lambda path: path.stem)
def test_a_bad_spec_is_refused(path: Path, validator: Validator) -> None:
    assert is_refused(path, validator)


@BOTH
@pytest.mark.parametrize("name", sorted(ONLY_OURS))
def test_what_only_mlspec_refuses_is_known(name: str, validator: Validator) -> None:
    assert not is_refused(places.BAD / f"{name}.yaml", validator)


# The schema accepts all that mlspec accepts.

SPECIAL = st.text("aA0.:/-_ =~#[]{},&*!|>'\"%@`$\\\n\t3hmsgbytrueonl", max_size=12)
SHAPED = st.sampled_from([
    "...", "3.12", "3.10.4", "cuda12.8", "rocm6.3", "8gb", " 8 GiB", "1m30s", "500ms", "8000", "08000-8001/tcp",
    "[::1]:80:80", "127.0.0.1::80", ":80", "1000:1000", "root", "/app", "/app//x/", "/...", "/./.", "./a:/b:ro,rw",
    "C:\\data:/app", "~:/x", "models:/m", "!src", " ! src", "a\\b", "a..b", "A=b", "A", "a=b=c", "=", "all", "2", "-1",
    " 3 ", "1_000", "3.0", "NONE", "CMD", "linux/arm64", "https://host/x", "file:///x", "ffmpeg=7:1-2", "ghcr.io/a/b",
    "true", "yes", "null", "0x10", "1e3", ".5", "+3", "after_code", "udp", "tmpfs", "bind", "volume", "nvidia",
])  # fmt: skip
SCALAR = st.one_of(SPECIAL, SHAPED, st.booleans(), st.none(), st.integers(-2, 70_000).map(str))
KEYS = [*Settings.model_fields, "name", "images", "x-own"]
PART_KEYS = st.sampled_from(sorted({
    "type", "source", "target", "read_only", "published", "host_ip", "protocol", "test", "path", "interval", "retries",
    "disable", "count", "device_ids", "driver", "capabilities", "environment", "file", "required", "soft", "hard",
    "command", "at", "cache", "secrets", "url", "packages", "secret", "A", "memlock", "train",
}))  # fmt: skip
PART = st.one_of(SCALAR, st.lists(SCALAR, max_size=3))
VALUE = st.one_of(
    PART, st.dictionaries(PART_KEYS, PART, max_size=4), st.lists(st.dictionaries(PART_KEYS, PART), max_size=2)
)
IMAGE = st.one_of(st.none(), st.dictionaries(st.sampled_from(KEYS), VALUE, max_size=3))


def written(value: Any, *, plain: bool) -> str:  # noqa: ANN401 - any value of a spec
    """Return a value in YAML's flow style; with ``plain``, without quotes around text that mlspec reads the same."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)}: {written(v, plain=plain)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(written(item, plain=plain) for item in value) + "]"
    if isinstance(value, str) and plain and document_text(value) == value:
        return value
    return json.dumps(value)


def document_text(value: str) -> object:
    """Return the value that mlspec reads for ``value`` without quotes in a list, or None if it is not one value."""
    try:
        found = document.parse(f"a: [{value}]", "x").data["a"]
    except SpecError:
        return None
    return found[0] if len(found) == 1 else None


@given(st.sampled_from(KEYS), VALUE, st.one_of(st.none(), IMAGE), st.booleans())
def test_what_mlspec_accepts_the_schema_accepts(key: str, value: Any, image: Any, plain: bool) -> None:  # noqa: ANN401
    top = "".join(f"{name}: {written(part, plain=plain)}\n" for name, part in {"python": "3.12", key: value}.items())
    text = top if image is None else f"{top}images: {{train: {written(image, plain=plain)}}}\n"

    # mlspec checks only the top-level keys that an image inherits; the schema checks all of them.
    if is_accepted_by_mlspec(top) and is_accepted_by_mlspec(text):
        read = editor.read(text)
        assert [error.message for error in NEWER.iter_errors(read)] == [], text
        assert OLDER.is_valid(read)


# Texts for editors


def texts_of(shape: object) -> Iterator[dict[str, Any]]:
    if isinstance(shape, dict):
        yield shape
    for part in shape.values() if isinstance(shape, dict) else shape if isinstance(shape, list) else ():
        yield from texts_of(part)


@pytest.mark.parametrize("name", ["name", "images", *Settings.model_fields])
def test_every_key_says_what_it_means_with_an_example_and_its_default(name: str) -> None:
    key = SCHEMA["properties"][name]

    # A description begins with the meaning of the key, not with forms of values, such as HOST:CONTAINER.
    assert re.match(r"[A-Z][a-z]* [a-zA-Z]+", key["description"])
    assert key["description"].endswith(".")
    assert "Default: " in key["description"] or name == "python"
    assert key.get("examples") or name in {"init", "read_only"} or "defaultSnippets" in json.dumps(key)


@pytest.mark.parametrize(
    ("name", "example"),
    [(name, example) for name, key in SCHEMA["properties"].items() for example in key.get("examples", [])],
)
def test_every_example_is_accepted(name: str, example: object) -> None:
    beside: dict[str, object] = {"python": "3.12", "accelerator": "cuda", "ports": ["8000:8000"]}
    # A cluster can only give a number of GPUs.
    beside |= {"gpus": "1"} if name == "targets" else {}
    beside |= {"targets": ["kubernetes"], "gpus": "1", "ports": []} if name == "nodes" else {}
    beside |= {"targets": ["devcontainer"]} if name == "dev" else {}
    text = "".join(f"{key}: {json.dumps(value)}\n" for key, value in (beside | {name: example}).items())

    assert is_accepted_by_mlspec(text)
    assert NEWER.is_valid(editor.read(text))


def test_every_part_says_what_its_keys_mean() -> None:
    parts = SCHEMA["$defs"]
    keys = {
        f"{part}.{key}": shape for part in parts if part != "Image" for key, shape in parts[part]["properties"].items()
    }

    assert len(keys) > len(Mount.model_fields)
    assert [name for name, shape in keys.items() if not shape.get("description")] == []


def test_closed_sets_are_listed() -> None:
    enums = [shape["enum"] for shape in texts_of(SCHEMA) if "enum" in shape]

    assert ["linux/amd64", "linux/arm64"] in enums
    assert ["before_install", "after_install", "after_code"] in enums
    assert ["bind", "volume", "tmpfs"] in enums


def test_the_older_schema_has_no_newer_words() -> None:
    words = {word for shape in texts_of(schema.schema("7")) for word in shape}

    assert words & {"$defs", "prefixItems", "dependentRequired", "unevaluatedProperties"} == set()


def test_nothing_stands_beside_a_reference_in_the_older_schema() -> None:
    assert [
        shape for shape in texts_of(schema.schema("7")) if isinstance(shape.get("$ref"), str) and len(shape) > 1
    ] == []


# The command


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return command.run(*words, folder=folder)


@pytest.mark.parametrize(("flags", "draft"), [((), "2020-12"), (("--draft", "7"), "7")])
def test_the_command_prints_the_schema(tmp_path: Path, flags: tuple[str, ...], draft: schema.Draft) -> None:
    done = run(tmp_path, "schema", *flags)

    assert (done.returncode, done.stderr) == (0, "")
    printed = json.loads(done.stdout)
    assert printed.pop("$comment").startswith("Generated by mlspec ")
    assert printed == schema.schema(draft)


def test_the_command_writes_the_schema_again_and_again(tmp_path: Path) -> None:
    run(tmp_path, "schema", "--output", schema.FILE)

    done = run(tmp_path, "schema", "--output", schema.FILE)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "wrote mlspec.schema.json\n")
    assert json.loads((tmp_path / schema.FILE).read_text())["title"] == "mlspec"


def test_the_command_leaves_what_it_did_not_write_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text("{}")

    done = run(tmp_path, "schema", "--output", "mine.json")

    assert done.returncode == 1
    assert done.stderr == (
        "MLS402: mine.json was not written by mlspec, so it is left unchanged\n  hint: name another file, or move it "
        "away\n"
    )
    assert (tmp_path / "mine.json").read_text() == "{}"


# The file beside a spec


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a spec that renders without a lock of packages."""
    (tmp_path / "mlspec.yaml").write_text("python: 3.12\nbase: slim-bookworm\n")
    return tmp_path


def test_render_renews_the_schema_of_another_version(folder: Path) -> None:
    (folder / schema.FILE).write_text('{\n  "$comment": "Generated by mlspec 0.0.1; to write it again: …"\n}\n')

    done = run(folder, "render", "--unpinned")

    assert "mlspec.schema.json: now that of this mlspec, for your editor\n" in done.stderr
    assert json.loads((folder / schema.FILE).read_text())["title"] == "mlspec"


@pytest.mark.parametrize("text", [None, "{}", '{\n  "$comment": "mine"\n}\n'])
def test_render_makes_no_schema_and_touches_none_of_another(folder: Path, text: str | None) -> None:
    if text is not None:
        (folder / schema.FILE).write_text(text)

    run(folder, "render", "--unpinned")

    there = folder / schema.FILE
    assert (there.read_text() if there.exists() else None) == text


def test_the_schema_stays_out_of_images() -> None:
    ignored = (places.PROJECT / "specs" / "serving" / "Dockerfile.dockerignore").read_text().splitlines()

    assert schema.FILE in ignored
