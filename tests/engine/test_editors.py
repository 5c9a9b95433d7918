"""Tests of what an editor shows for a spec: the schema in yaml-language-server, which needs no engine but npm."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from mlspec.spec import schema
from mlspec.spec.document import parse
from mlspec.spec.keys import Settings, TopKeys
from mlspec.spec.spec import validate
from tests.support import npm
from tests.support.language_server import PACKAGE, LanguageServer

pytestmark = pytest.mark.engine

HEAD = f"{schema.MODELINE}python: 3.12\n"
# A spec below the first two lines, and what the editor shows.
MISTAKES = {
    "requirments: requirements.in": ["3:1 Property requirments is not allowed."],
    "accelerator: cudda": ["3:14 accelerator: write cpu, cuda, cuda12.8 or rocm6.3"],
    "mounts: [./data:/app/data:rx]": ["3:10 mounts: write a list, such as: [./data:/app/data]"],
    "mounts: [{type: bind, source: ./a, target: relative}]": ["3:44 target: write: target: /app/data"],
    "ports: [99999:1]": ['3:9 ports: write a list, such as: ["8000:8000"]'],
    "healthcheck: {paht: /x}": [
        "3:1 a health check is a test, a path, or disabled",
        "3:15 Property paht is not allowed.",
    ],
    "healthcheck: https://x/y": ["3:14 healthcheck: write: healthcheck: /healthz"],
    "shm_size: 8 gigs": ["3:11 shm_size: write: shm_size: 8gb"],
    "gpus: two": ["3:7 gpus: write all, or a number"],
    "platforms: linux/x86": ["3:12 platforms: write linux/amd64 or linux/arm64"],
    "init: yes": ["3:7 Incorrect type. Expected one of boolean."],
    "user: bob": ['3:7 user: write: user: "1000:1000"'],
    "environment: {A-B: 1}": ["3:15 environment: write: environment: {OMP_NUM_THREADS: 4}"],
    "entrypoint: ''": ["3:13 entrypoint: write: entrypoint: python train.py"],
    "targets: [composer]": ["3:11 targets: write a list, such as: [compose]"],
    "indexes: [{url: 'https://u:p@h/simple', packages: [x]}]": [
        "3:17 url: write: url: https://packages.example/simple"
    ],
    "run: [{command: x, at: later}]": [
        '3:24 Value is not accepted. Valid values: "before_install", "after_install", "after_code".'
    ],
    "stop_grace_period: 10": ['3:20 stop_grace_period: write: stop_grace_period: "1m30s"'],
    "apt: [Big Package]": ["3:7 apt: write a list, such as: [ffmpeg, libgl1]"],
    "cooldown: 7": ['3:11 cooldown: write: cooldown: "7 days"'],
    "ulimits: {memlock: many}": ["3:20 ulimits: write: ulimits: {memlock: -1}"],
    "secrets: [a-b]": ["3:11 secrets: write a list, such as: [HF_TOKEN]"],
    "working_dir: app": ["3:14 working_dir: write: working_dir: /app"],
    "images: {train: {entripoint: x}}": ["3:18 Property entripoint is not allowed."],
}
VALUES = {
    "python: ": {"3.13", "3.12", "3.11"},
    "accelerator: ": {"cpu", "cuda", "cuda12.8", "rocm6.3"},
    "gpus: ": {"all", "1"},
    "init: ": {"true", "false"},
    "platforms: ": {"linux/amd64", "linux/arm64"},
    "targets:\n  - ": {"compose", "kubernetes"},
    "run:\n  - at: ": {"before_install", "after_install", "after_code"},
    "healthcheck:\n  ": {"test", "path", "interval", "retries"},
    "mounts:\n  - ": {"type", "source", "target"},
    "indexes:\n  - ": {"url", "packages", "secret"},
}


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanguageServer]:
    """A language server for a folder with the schema, as `mlspec init` and `mlspec schema` leave it."""
    tools, folder = tmp_path_factory.mktemp("tools"), tmp_path_factory.mktemp("project")
    npm.install(PACKAGE, tools)
    (folder / schema.FILE).write_text(schema.text("2020-12", "0"))
    with LanguageServer(tools / "node_modules/yaml-language-server/bin/yaml-language-server", folder) as server:
        yield server


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_told_in_words(editor: LanguageServer, text: str) -> None:
    assert editor.diagnose(HEAD + text + "\n") == MISTAKES[text]


def test_a_missing_python_is_told_with_an_example(editor: LanguageServer) -> None:
    assert editor.diagnose(f"{schema.MODELINE}name: x\n") == ["2:1 python: write: python: 3.12"]
    assert editor.diagnose(f"{schema.MODELINE}python:\n") == ["2:8 python: write: python: 3.12"]


def test_a_spec_without_mistakes_has_no_mark(editor: LanguageServer) -> None:
    assert editor.diagnose(f"{HEAD}entrypoint: python x.py\nimages: {{a: {{gpus: }}, b: }}\n") == []


def test_every_key_is_offered_once(editor: LanguageServer) -> None:
    labels = [offer.label for offer in editor.complete(schema.MODELINE)]

    assert sorted(labels) == sorted({*TopKeys.model_fields, *Settings.model_fields})


def test_what_a_key_inserts_is_a_spec(editor: LanguageServer) -> None:
    """Every key inserts one of its examples, or leaves the choice: then there are values to choose from."""
    beside = {"gpu_models": "accelerator: cuda", "healthcheck": "ports: [8000:8000]", "nodes": "targets: [apptainer]"}
    for offer in editor.complete(HEAD):
        text = re.sub(r"\$\{\d+:([^}]*)\}|\$\d+", r"\1", offer.text).rstrip()
        if text.endswith(":"):
            assert editor.complete(f"{HEAD}{text} "), offer.label
        else:
            validate(parse(f"{HEAD}{beside.get(offer.label, '')}\n{text}\n", "mlspec.yaml"))


@pytest.mark.parametrize("text", VALUES)
def test_the_values_of_a_key_are_offered_and_null_is_not(editor: LanguageServer, text: str) -> None:
    before = schema.MODELINE if text.startswith("python") else HEAD
    offers = editor.complete(before + text)

    assert {offer.label.strip('"') for offer in offers} >= VALUES[text]
    assert not [offer for offer in offers if offer.label == "null" or "[object" in offer.text]
