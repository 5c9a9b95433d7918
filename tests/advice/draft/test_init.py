"""Tests of `mlspec init`: the spec that it drafts from a folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pexpect
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mlspec.advice.draft import Draft, DraftOptions, Folder, draft_spec, gitignore_text, is_read, list_ignored
from mlspec.advice.draft.folder import Choice
from mlspec.advice.draft.spec_text import spec_text
from mlspec.errors import SpecError, ToolError
from mlspec.host.files import writing
from mlspec.host.files.survey import survey_folder
from mlspec.spec import document, spec
from mlspec.spec.keys import Settings
from mlspec.spec.plain_yaml import scalar
from tests.support import command

MAIN = 'if __name__ == "__main__":\n    pass\n'


def drafted(texts: dict[str, str] | None = None, *folders: str, called: str = "project", **wanted: Any) -> Draft:  # noqa: ANN401
    requirements = tuple(wanted.pop("requirements", "").split())
    folder = Folder(name=called, texts=texts or {}, folders=folders)
    return draft_spec(folder, DraftOptions(**wanted, requirements=requirements))


def settings_of(draft: Draft) -> Settings:
    return spec.validate(document.parse(draft.text, "mlspec.yaml")).images[0].settings


def settings(texts: dict[str, str] | None = None, *folders: str, **wanted: str) -> Settings:
    return settings_of(drafted(texts, *folders, **wanted))


def said(draft: Draft) -> str:
    return "\n".join(map(str, (*draft.choices, *draft.statements)))


# The whole text


def test_an_empty_folder_gives_a_spec_to_fill_in() -> None:
    assert drafted(called="My Project").text == (
        "# yaml-language-server: $schema=mlspec.schema.json\n"
        "# The image's environment. `mlspec render` compiles this file to a Dockerfile, an ignore file and run.sh.\n"
        "name: my-project\n"
        "python: 3.12\n"
        "# Packages: a file, or a list of names as pip takes them. They are pinned in requirements.lock.\n"
        "# requirements: requirements.in\n"
        "# The program that the image starts.\n"
        "# entrypoint: python train.py\n"
    )


def test_a_folder_with_everything_gives_a_whole_spec() -> None:
    draft = drafted({"requirements.in": "torch\n", "train.py": "import torch\n"}, "data", "outputs", "notes")

    assert draft.text == (
        "# yaml-language-server: $schema=mlspec.schema.json\n"
        "# The image's environment. `mlspec render` compiles this file to a Dockerfile, an ignore file and run.sh.\n"
        "name: project\n"
        "python: 3.12\n"
        "# For NVIDIA GPUs, remove the # from the next two lines.\n"
        "# accelerator: cuda\n"
        "# gpus: all\n"
        "# Packages: a file, or a list of names as pip takes them. They are pinned in requirements.lock.\n"
        "requirements: requirements.in\n"
        "# The program that the image starts.\n"
        "entrypoint: python train.py\n"
        "# Folders of this machine, HOST:CONTAINER. They stay out of the image; :ro makes one read-only.\n"
        "mounts:\n"
        "  - ./data:/app/data\n"
        "  - ./outputs:/app/outputs\n"
    )


def test_every_choice_says_why() -> None:
    draft = drafted({"requirements.in": "", "train.py": "", "serve.py": ""}, "data")

    assert said(draft) == (
        "name: project (from the name of the folder)\n"
        "python: 3.12 (the default)\n"
        "requirements: requirements.in (this file is here)\n"
        "entrypoint: python train.py (train.py: by its name; not used: serve.py)\n"
        "mounts: ./data:/app/data (data folders: mounted for the program, not copied into the image)"
    )


def test_the_lines_for_a_gpu_are_valid_without_their_marks() -> None:
    text = drafted({"train.py": "import torch"}).text.replace("# accelerator", "accelerator").replace("# gpus", "gpus")

    assert spec.validate(document.parse(text, "mlspec.yaml")).images[0].settings.accelerator.is_any_cuda


# Python


@pytest.mark.parametrize(
    ("texts", "python"),
    [
        ({}, "3.12"),
        ({".python-version": "3.11\n"}, "3.11"),
        ({".python-version": "3.11.4\n"}, "3.11"),
        ({".python-version": "cpython-3.13.1"}, "3.13"),
        ({".python-version": "# a comment\nsystem\n3.10.2\n"}, "3.10"),
        ({".python-version": "2.7.18\n"}, "3.12"),
        ({".python-version": "my-environment\n"}, "3.12"),
        ({".python-version": ""}, "3.12"),
        ({"pyproject.toml": '[project]\nrequires-python = ">=3.9"'}, "3.12"),
        ({"pyproject.toml": '[project]\nrequires-python = ">=3.13"'}, "3.15"),
        ({"pyproject.toml": '[project]\nrequires-python = ">=3.9,<3.12"'}, "3.11"),
        ({"pyproject.toml": '[project]\nrequires-python = "~=3.10.4"'}, "3.10"),
        ({"pyproject.toml": '[project]\nrequires-python = "^3.10"'}, "3.12"),
        ({"pyproject.toml": '[project]\nrequires-python = ">=4"'}, "3.12"),
        ({"pyproject.toml": "project = 1"}, "3.12"),
        ({"pyproject.toml": "[project"}, "3.12"),
        ({".python-version": "3.11", "pyproject.toml": '[project]\nrequires-python = ">=3.12"'}, "3.11"),
    ],
)
def test_python_comes_from_what_the_folder_says(texts: dict[str, str], python: str) -> None:
    assert settings(texts).python == python


CONDA = "dependencies: [{}]"


@pytest.mark.parametrize(
    ("texts", "python"),
    [
        ({"environment.yml": CONDA.format("python=3.11.4=h1234_0")}, "3.11"),
        ({"environment.yml": CONDA.format("python 3.11.4 h1234_0")}, "3.11"),
        ({"environment.yml": CONDA.format("'python >=3.9,<3.12'")}, "3.11"),
        ({"environment.yml": CONDA.format("'python<3.12'")}, "3.11"),
        ({"environment.yml": CONDA.format("'python>=3.8'")}, "3.12"),
        ({"environment.yml": CONDA.format("'python 3.10.*|3.9.*'")}, "3.10"),
        ({"environment.yml": CONDA.format("python=3")}, "3.12"),
        ({"environment.yml": CONDA.format("python")}, "3.12"),
        ({"Dockerfile": "FROM python:3.10.2-slim"}, "3.10"),
        ({"Dockerfile": "ARG V=3.11\nFROM python:${V}"}, "3.11"),
        ({"Dockerfile": "FROM python:3.9 AS build\nFROM python:3.11-slim\n"}, "3.11"),
        ({"Dockerfile": "FROM python:3.11 AS base\nFROM base\n"}, "3.11"),
        ({"runtime.txt": "python-3.10.4"}, "3.10"),
        ({"config.yaml": "model_name: x\npython_version: py39"}, "3.9"),
        ({"pyproject.toml": '[tool.poetry.dependencies]\npython = "~3.10"'}, "3.10"),
        ({"pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.13"'}, "3.15"),
        ({"setup.py": "setup(python_requires='>=3.9,<3.11')"}, "3.10"),
        ({"setup.cfg": "[options]\npython_requires = <3.12"}, "3.11"),
        ({"requirements.txt": "torch==2.0.0"}, "3.11"),
        ({"requirements.txt": "torch==2.0.0+cu118"}, "3.11"),
        ({"requirements.txt": "torch>=2.0"}, "3.12"),
        ({"requirements.txt": "tensorflow<2.16"}, "3.11"),
        ({"requirements.txt": "jax==0.12.0"}, "3.12"),
        ({"requirements.txt": "-r more-requirements.txt", "more-requirements.txt": "torch==1.13.1"}, "3.11"),
        ({"requirements.txt": "https://example.org/a-1-cp313-cp313-linux_x86_64.whl"}, "3.13"),
        ({"requirements.txt": "exotic==1; python_version == '3.13'"}, "3.13"),
        ({"requirements.txt": "a==1; python_version == '3.9'\na==2; python_version > '3.9'"}, "3.12"),
        ({"requirements.txt": "tomli; python_version < '3.11'"}, "3.12"),
    ],
)
def test_python_is_read_in_all_notations_and_respects_pins(texts: dict[str, str], python: str) -> None:
    assert settings(texts).python == python


@pytest.mark.parametrize(
    ("texts", "said_so"),
    [
        (
            {"environment.yml": CONDA.format("conda-forge::python=3.7")},
            "environment.yml:1: conda-forge::python=3.7: left out: older than any Python that mlspec can lock",
        ),
        ({"Dockerfile": "FROM python:3.7.5-slim"}, "Dockerfile:1: FROM python:3.7.5-slim: left out: older than any"),
        (
            {"pyproject.toml": "[project]\nrequires-python = '~=3.7.0'"},
            "pyproject.toml:2: requires-python = ~=3.7.0: left",
        ),
        ({"pyproject.toml": "[project]\nrequires-python = '>=4'"}, "left out: newer than any Python that mlspec can"),
        ({".python-version": "my-environment"}, ".python-version:1: my-environment: left out: it cannot be read as"),
        (
            {".python-version": "3.13", "requirements.txt": "torch==2.0.0"},
            "torch==2.0.0 of requirements.txt:1 has wheels for Python 3.8 to 3.11; mlspec uses 3.13",
        ),
        (
            {".python-version": "3.11", "requirements.txt": "exotic==1; python_version == '3.13'"},
            "requirements.txt:1 requires exotic on Python 3.13 only; mlspec uses 3.11",
        ),
    ],
)
def test_a_python_that_is_not_taken_is_said(texts: dict[str, str], said_so: str) -> None:
    assert said_so in said(drafted(texts))


# The accelerator


@pytest.mark.parametrize(
    ("texts", "accelerator"),
    [
        ({"environment.yml": CONDA.format("cudatoolkit=11.3")}, "cuda11.3"),
        ({"environment.yml": CONDA.format("pytorch-cuda=12.4")}, "cuda12.4"),
        ({"environment.yml": CONDA.format("cudatoolkit")}, "cuda"),
        ({"environment.yml": CONDA.format("cpuonly")}, "cpu"),
        ({"requirements.txt": "openmm[cuda12]==8.2.0"}, "cuda"),
        ({"requirements.txt": "spacy[cuda12x,ja]"}, "cuda"),
        ({"requirements.txt": "tensorflow[and-cuda]"}, "cuda"),
        ({"requirements.txt": "torch==2.4.0+cu121"}, "cuda12.1"),
        ({"requirements_linux.txt": "--extra-index-url https://download.pytorch.org/whl/cu118\ntorch"}, "cuda11.8"),
        ({"cog.yaml": "build: {gpu: true}"}, "cuda"),
        ({"cog.yaml": "build: {gpu: false}"}, "cpu"),
        ({"cog.yaml": "build: {gpu: true, cuda: '12.1'}"}, "cuda12.1"),
        ({"Dockerfile": "FROM nvidia/cuda:12.4.1-runtime-ubuntu22.04"}, "cuda12.4"),
        ({"Dockerfile": "FROM pytorch/pytorch:2.4.0-cuda12.1-cudnn9-runtime"}, "cuda12.1"),
        ({"Dockerfile": "FROM pytorch/pytorch:2.4.0-cuda12.6-cudnn9-runtime"}, "cuda12.4"),
        ({"environment.yml": CONDA.format("cudatoolkit=11.3"), "requirements.txt": "torch==2.4.0"}, "cuda11.8"),
        ({"environment.yml": CONDA.format("cudatoolkit=11.3"), "requirements.txt": "torch==1.11.0"}, "cuda11.3"),
        ({"environment.yml": CONDA.format("pytorch-cuda=12.4"), "requirements.txt": "torch==2.4.*"}, "cuda12.4"),
        ({"pyproject.toml": "[[tool.uv.index]]\nurl = 'https://download.pytorch.org/whl/cu128'"}, "cuda12.8"),
        ({"requirements.txt": "torch --index-url https://download.pytorch.org/whl/cpu"}, "cpu"),
    ],
)
def test_the_accelerator_is_one_that_the_files_name_and_torch_has(texts: dict[str, str], accelerator: str) -> None:
    assert str(settings(texts).accelerator) == accelerator


def test_an_accelerator_that_the_pinned_torch_lacks_is_said() -> None:
    draft = drafted({"environment.yml": CONDA.format("cudatoolkit=11.3"), "requirements.txt": "torch==2.4.0"})

    assert ": no build of the pinned torch for cuda11.3 is known: mlspec uses cuda11.8" in said(draft)


def test_an_index_line_of_the_accelerator_says_what_to_do() -> None:
    draft = drafted({"requirements.txt": "--extra-index-url https://download.pytorch.org/whl/cu118\ntorch\n"})

    assert (
        "requirements.txt:1: --extra-index-url https://download.pytorch.org/whl/cu118: left out: remove this"
        in said(draft)
    )


# Requirements

DEPENDENCIES = '[project]\ndependencies = ["torch"]\n'


@pytest.mark.parametrize(
    ("texts", "requirements"),
    [
        ({"requirements.in": "", "requirements.txt": "", "pyproject.toml": DEPENDENCIES}, ("requirements.in",)),
        ({"requirements.txt": "", "pyproject.toml": DEPENDENCIES}, ("requirements.txt",)),
        ({"pyproject.toml": DEPENDENCIES, "train.py": "import numpy"}, ("pyproject.toml",)),
        ({"pyproject.toml": "[project]\ndependencies = []", "train.py": "import numpy"}, ("numpy",)),
        ({"pyproject.toml": "[tool.ruff]", "train.py": "import numpy"}, ("numpy",)),
        ({"train.py": "import os, sys\nfrom json import dumps"}, ()),
        ({"train.py": "import numpy.linalg as la\nfrom torch.nn import Linear"}, ("numpy", "torch")),
        ({"train.py": "def f():\n    import numpy"}, ("numpy",)),
        ({"train.py": "import sklearn, yaml\nfrom PIL import Image"}, ("pillow", "pyyaml", "scikit-learn")),
        ({"train.py": "import cv2"}, ("opencv-python-headless",)),
        ({"train.py": "import sentence_transformers"}, ("sentence-transformers",)),
        ({"train.py": "import utils, models.net\nfrom . import x", "utils.py": "", "models/net.py": ""}, ()),
        ({"train.py": "import core", "src/core/__init__.py": "import numpy"}, ("numpy",)),
        ({"loggers/__init__.py": "", "loggers/wandb.py": "import wandb", "train.py": "import loggers"}, ()),
        ({"services/api/main.py": "import common", "libs/common/src/common/__init__.py": ""}, ()),
        ({"services/api/main.py": "import shared", "libs/core/shared/x.py": ""}, ()),
        ({"services/api/main.py": "import six", "libs/core/sixth.py": ""}, ("six",)),
        ({"scripts/train.py": "import common", "scripts/common.py": ""}, ()),
        ({"train.py": "try:\n    import wandb\nexcept ImportError:\n    import fallback"}, ()),
        ({"train.py": "try:\n    import wandb\nfinally:\n    pass"}, ("wandb",)),
        ({"train.py": "if TYPE_CHECKING:\n    import numpy"}, ()),
        ({"test_it.py": "import pytest", "tests/x.py": "import nose", "setup.py": "import cython"}, ()),
        ({"train.py": "import google.protobuf"}, ()),
        ({"train.py": "this is not python", "other.py": "import numpy"}, ("numpy",)),
        ({"train.py": "import numpy\0"}, ()),
        ({"train.py": "import 数据"}, ()),
        ({"train.py": "x = '\\d'\nimport numpy"}, ("numpy",)),
        ({"train.py": "-" * 100_000}, ()),
    ],
)  # fmt: skip
def test_requirements_come_from_a_file_or_else_from_imports(texts: dict[str, str], requirements: tuple[str]) -> None:
    with warnings.catch_warnings(action="error"):
        assert settings(texts).requirements == requirements


def test_what_is_left_out_is_said() -> None:
    code = "try:\n    import wandb\nexcept ModuleNotFoundError:\n    pass\nimport google.protobuf\n"

    draft = drafted({"train.py": code, "environment.yml": "- a: [", "models/net.py": ""}, "models")

    assert said(draft).splitlines()[2:] == [
        "requirements: left out (no requirement file here, and nothing imported)",
        "wandb: left out (an optional import; add it to the requirements if you need it)",
        "google: left out (several packages provide this import; add yours to the requirements)",
        "entrypoint: python train.py (train.py: by its name)",
        "models/ as a mount: left out (it contains code, so mlspec copies it into the image)",
        "environment.yml:1: left out: it cannot be read as YAML: "
        "while parsing a flow node expected the node content, but found '<stream end>'",
    ]


def test_an_import_with_the_name_of_a_module_here_is_a_loss_and_no_requirement() -> None:
    draft = drafted({"train.py": "import wandb", "loggers/wandb.py": "", "loggers/__init__.py": ""})

    assert "wandb: left out (train.py imports it, and loggers/wandb has the same name" in said(draft)
    assert draft.losses == 1


def test_an_import_called_like_a_key_writes_nothing_there() -> None:
    draft = drafted({"train.py": "try:\n    import base, ports\nexcept ImportError:\n    pass"})

    assert "base" not in draft.text
    assert "ports" not in draft.text


def test_a_project_of_poetry_is_told_to_make_its_lock() -> None:
    draft = drafted({"pyproject.toml": '[tool.poetry.dependencies]\nsix = "*"\n'})

    assert "make its lock, and name that: poetry lock" in said(draft)


# Locks of other tools

LOCKS = Path(__file__).parents[2] / "lock" / "tool_locks"


@pytest.mark.parametrize(
    ("case", "name"),
    [
        ("uv-groups", "uv.lock"),
        ("poetry-plain", "poetry.lock"),
        ("pdm-plain", "pdm.lock"),
        ("pipenv-plain", "Pipfile.lock"),
    ],
)
def test_a_lock_beside_its_project_is_proposed(case: str, name: str) -> None:
    texts = {
        path.name: path.read_text() for path in (LOCKS / case).iterdir() if path.is_file() and path.suffix != ".txt"
    }
    draft = drafted({**texts, "train.py": "import click"})

    assert f"requirements: {name}\n" in draft.text
    assert "mlspec takes its pins unchanged" in said(draft)
    assert draft.losses == 0


def test_a_lock_that_is_not_of_its_project_any_more_is_left_out_and_says_why() -> None:
    texts = {name: (LOCKS / "uv-plain" / name).read_text() for name in ("pyproject.toml", "uv.lock")}
    texts["pyproject.toml"] = texts["pyproject.toml"].replace("httpx[http2]>=0.27", "httpx[http2]>=0.28")
    draft = drafted({**texts, "train.py": "import httpx"})

    assert "requirements: pyproject.toml\n" in draft.text
    assert "uv.lock: left out: mlspec does not take its pins, and locks again: uv.lock is not the lock of" in said(
        draft
    )


def test_the_python_is_one_that_the_lock_has_files_for() -> None:
    text = (LOCKS / "uv-torch" / "uv.lock").read_text()
    text = "\n".join(line for line in text.split("\n") if "-cp312-" not in line).replace(">=3.11, <3.13", ">=3.11")
    project = (LOCKS / "uv-torch" / "pyproject.toml").read_text().replace(">=3.11,<3.13", ">=3.11")
    draft = drafted({"uv.lock": text, "pyproject.toml": project, "train.py": "import torch"})

    assert "python: 3.11\n" in draft.text


# The entrypoint


@pytest.mark.parametrize(
    ("texts", "entrypoint"),
    [
        ({}, None),
        ({"main.py": "", "train.py": ""}, ("python", "train.py")),
        ({"one.py": ""}, ("python", "one.py")),
        ({"one.py": "", "two.py": ""}, None),
        ({"one.py": "", "two.py": MAIN}, ("python", "two.py")),
        ({"one.py": "", "conftest.py": "", "test_one.py": MAIN, "__init__.py": ""}, ("python", "one.py")),
        ({"one.py": "", "two.py": "", "src/train.py": ""}, ("python", "src/train.py")),
        ({"a/b/train.py": ""}, None),
        ({"tests/main.py": ""}, None),
        ({"my script.py": ""}, ("python", "my script.py")),
        ({"-m.py": ""}, ("python", "./-m.py")),
        ({"it's.py": ""}, ("python", "it's.py")),
        ({'a"b.py': ""}, ("python", 'a"b.py')),
        ({"a: b #c.py": ""}, ("python", "a: b #c.py")),
        ({"$HOME;ls.py": ""}, ("python", "$HOME;ls.py")),
        ({"übung.py": ""}, ("python", "übung.py")),
        ({"yes.py": ""}, ("python", "yes.py")),
        ({"[x], {y}.py": ""}, ("python", "[x], {y}.py")),
        ({"....py": ""}, ("python", "....py")),
        ({"😀.py": ""}, ("python", "😀.py")),
    ],
)
def test_the_entrypoint_is_the_script_to_start(texts: dict[str, str], entrypoint: tuple[str, ...] | None) -> None:
    assert settings(texts).entrypoint == entrypoint


FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"
ANYWHERE = "0.0.0.0"  # noqa: S104 - what it is read for
UVICORN = ("--host", ANYWHERE, "--port", "8000")
STREAMLIT = ("--server.address", ANYWHERE, "--server.port", "8501")


@pytest.mark.parametrize(
    ("texts", "entrypoint"),
    [
        ({"serve.py": FASTAPI}, ("uvicorn", "serve:app", *UVICORN)),
        ({"api.py": "import fastapi\nx: object = fastapi.FastAPI(a=1)", "b.py": MAIN}, ("uvicorn", "api:x", *UVICORN)),
        ({"src/serve.py": FASTAPI}, ("uvicorn", "serve:app", "--app-dir", "src", *UVICORN)),
        ({"app/__init__.py": "", "app/main.py": FASTAPI}, ("uvicorn", "app.main:app", *UVICORN)),
        ({"my-app.py": FASTAPI}, ("python", "my-app.py")),
        ({"app.py": "import flask\nweb = flask.Flask(__name__)"}, ("flask", "--app", "app.py:web", "run", *UVICORN)),
        ({"app.py": "import streamlit as st"}, ("streamlit", "run", "app.py", *STREAMLIT)),
    ],
)  # fmt: skip
def test_a_web_application_is_served(texts: dict[str, str], entrypoint: tuple[str, ...]) -> None:
    assert settings(texts).entrypoint == entrypoint


def test_a_served_application_publishes_its_port_and_invents_no_health_check() -> None:
    found = settings({"serve.py": FASTAPI})

    assert [(port.published, port.target, port.host_ip) for port in found.ports] == [("8000", "8000", "127.0.0.1")]
    assert found.healthcheck is None


@pytest.mark.parametrize(
    ("texts", "requirements"),
    [
        ({"serve.py": FASTAPI}, ("fastapi", "uvicorn")),
        ({"serve.py": FASTAPI, "requirements.txt": "fastapi\n"}, ("requirements.txt", "uvicorn")),
        ({"serve.py": FASTAPI, "requirements.txt": "fastapi # uvicorn\n"}, ("requirements.txt", "uvicorn")),
        ({"serve.py": FASTAPI, "requirements.txt": "fastapi\nuvicorn[standard]>=0.30\n"}, ("requirements.txt",)),
        ({"serve.py": FASTAPI, "requirements.txt": "fastapi[standard]\n"}, ("requirements.txt",)),
        ({"serve.py": FASTAPI, "requirements.txt": "fastapi==1 --hash=sha256:0\n"}, ("requirements.txt",)),
        ({"serve.py": FASTAPI, "pyproject.toml": DEPENDENCIES.replace("torch", "uvicorn")}, ("pyproject.toml",)),
        ({"train.py": "", "requirements.txt": "fastapi\n"}, ("requirements.txt",)),
    ],
)  # fmt: skip
def test_a_served_application_gets_its_server(texts: dict[str, str], requirements: tuple[str, ...]) -> None:
    assert settings(texts).requirements == requirements


# Options of the caller


def test_the_caller_decides() -> None:
    texts = {"requirements.in": "", "train.py": "", ".python-version": "3.11"}
    wanted = {"name": "mine", "python": "3.13", "base": "slim-bookworm", "requirements": "torch numpy>=2"}

    found = drafted(texts, entrypoint="python -c 'print(1)'", **wanted)

    chosen = settings_of(found)
    assert (chosen.python, chosen.base, chosen.requirements) == ("3.13", "slim-bookworm", ("torch", "numpy>=2"))
    assert chosen.entrypoint == ("python", "-c", "print(1)")
    assert "name: mine\n" in found.text


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ({"python": "3,12"}, 'MLS104: "3,12" is not a Python version'),
        ({"name": "My Image"}, 'MLS108: "My Image" cannot name an image'),
        ({"base": "slim-bookwurm"}, 'MLS105: "slim-bookwurm" is not a variant'),
        ({"requirements": "=="}, 'MLS203: "==" is not a requirement'),
        ({"entrypoint": "a | b"}, "MLS110: no shell runs this command"),
        ({"entrypoint": "a\x07b"}, "MLS118: this value contains a line break or a control character"),
        ({"entrypoint": "a\nb"}, "MLS118: this value contains a line break or a control character"),
    ],
)
def test_what_cannot_be_wanted_is_refused_without_a_place(wanted: dict[str, str], problem: str) -> None:
    with pytest.raises(SpecError) as caught:
        drafted({}, **wanted)

    assert str(caught.value).startswith(problem)


PRINTABLE = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(str.isprintable)


@given(PRINTABLE, PRINTABLE.filter(lambda text: "/" not in text))
def test_no_name_of_a_folder_or_file_breaks_the_spec(folder: str, stem: str) -> None:
    texts = {path: "" for path in [f"{stem}.py"] if is_read(path)}

    found = settings_of(drafted(texts, called=folder))

    assert found.python == "3.12"
    assert found.entrypoint is None or found.entrypoint[-1].removeprefix("./") == f"{stem}.py"


# Three dots mean the value of the level above, and a first spec has no such level.
@given(PRINTABLE.filter(lambda text: text.strip() not in {"", "..."}))
def test_any_requirement_is_written_as_given(text: str) -> None:
    written = spec_text([Choice("python", "3.12", "the default"), Choice("requirements", (text,), "your choice")])

    assert settings_of(Draft(written, ())).requirements == (text,)


@given(st.text("aA0.:/-_ =~#[]{},&*!|>'\"%@`ynof<", min_size=1))
def test_other_readers_of_yaml_take_a_value_for_the_same_text(text: str) -> None:
    line = scalar(text)

    assert yaml.safe_load(f"- {line}\n- [{line}, x]\n- {{key: {line}}}\n") == [text, [text, "x"], {"key": text}]


# Questions


def asked(texts: dict[str, str], **wanted: str) -> list[tuple[str, str]]:
    return [(question.key, question.guess) for question in drafted(texts, **wanted).questions]


GPU = "import torch\ndevice = torch.cuda.is_available()\n"


@pytest.mark.parametrize(
    ("texts", "wanted", "questions"),
    [
        ({}, {}, [("python", "3.12"), ("entrypoint", "")]),
        ({"train.py": "", ".python-version": "3.11"}, {}, []),
        ({"train.py": "", "main.py": ""}, {"python": "3.12"}, [("entrypoint", "python train.py")]),
        ({"train.py": "", "main.py": ""}, {"python": "3.12", "entrypoint": "python main.py"}, []),
        ({"train.py": GPU}, {"python": "3.12"}, [("accelerator", "cpu")]),
        ({"train.py": GPU}, {"python": "3.12", "accelerator": "cuda"}, []),
        ({"train.py": "import torch\nx.cuda()"}, {"python": "3.12"}, []),
    ],
)
def test_only_what_is_open_is_asked(
    texts: dict[str, str], wanted: dict[str, str], questions: list[tuple[str, str]]
) -> None:
    assert asked(texts, **wanted) == questions


def test_of_several_lists_a_person_is_asked_and_an_option_answers() -> None:
    texts = {"train.py": "import six", ".python-version": "3.11", "reqs/linux-requirements.txt": "a", "b/reqs.txt": "b"}

    assert asked(texts) == [("requirements", "")]
    assert asked(texts, requirements="b/reqs.txt") == []


@pytest.mark.parametrize("question", ["python", "accelerator", "entrypoint", "requirements"])
def test_every_question_has_an_option(question: str) -> None:
    assert f"--{question}" in subprocess.check_output([sys.executable, "-m", "mlspec", "init", "--help"], text=True)


# Folders on a disk


def made(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        place = folder / name.replace("__", "/").replace("_py", ".py")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return folder


def test_a_survey_leaves_out_what_is_not_the_project(tmp_path: Path) -> None:
    made(tmp_path, train_py="a", src__x_py="b", src__deep__y_py="c", data__notes="d")
    for hidden in (".git", "env", "conda", "node_modules", "__pycache__"):
        made(tmp_path / hidden, x_py="hidden", lib__y_py="hidden")
    (tmp_path / "env" / "pyvenv.cfg").touch()
    (tmp_path / "conda" / "conda-meta").mkdir()
    (tmp_path / "around").symlink_to(tmp_path)
    (tmp_path / ".python-version").write_text("3.11")
    (tmp_path / ".hidden.py").touch()

    found = survey_folder(tmp_path)

    assert found.texts == {"train.py": "a", ".python-version": "3.11", "src/x.py": "b", "src/deep/y.py": "c"}
    assert {"src", "data"} <= set(found.folders)


def test_a_survey_reads_only_small_texts(tmp_path: Path) -> None:
    made(tmp_path, big_py="#" * 1_000_001, small_py="#" * 1_000_000)
    (tmp_path / "bytes.py").write_bytes(b"\xff\xfe\xfa")
    (tmp_path / "gone.py").symlink_to("nowhere")
    (tmp_path / "folder.py").mkdir()
    os.mkfifo(tmp_path / "pipe.py")

    assert set(survey_folder(tmp_path).texts) == {"small.py"}


def test_a_survey_is_bounded(tmp_path: Path) -> None:
    for number in range(510):
        (tmp_path / f"{number}.py").touch()
    deep = tmp_path
    for _ in range(60):
        deep = deep / "x"
        deep.mkdir()

    assert len(survey_folder(tmp_path).texts) == 500


def test_a_survey_reads_what_powershell_writes(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes("uvicorn\r\n".encode("utf-16"))

    assert survey_folder(tmp_path).texts == {"requirements.txt": "uvicorn\n"}


def test_a_folder_that_cannot_be_read_is_empty(tmp_path: Path) -> None:
    assert survey_folder(tmp_path / "nowhere").texts == {}


# The command


def init(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return command.run("init", *words, folder=folder)


def test_init_writes_a_spec_that_checks(tmp_path: Path) -> None:
    project = made(tmp_path / "Größe: \"1\" & 'x'", train_py="import numpy")

    done = init(project)

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.endswith("wrote mlspec.yaml; review it, then: mlspec render\n")
    checked = command.run("check", folder=project)
    assert checked.returncode == 0, checked.stderr


def test_init_writes_the_schema_that_the_spec_names(tmp_path: Path) -> None:
    init(tmp_path)

    modeline = (tmp_path / "mlspec.yaml").read_text().splitlines()[0]
    assert modeline == "# yaml-language-server: $schema=mlspec.schema.json"
    assert json.loads((tmp_path / "mlspec.schema.json").read_text())["title"] == "mlspec"


def test_init_says_that_it_wrote_the_schema(tmp_path: Path) -> None:
    assert "\nwrote mlspec.schema.json, which lets editors" in init(tmp_path).stderr


def ignored_by_git(folder: Path, *paths: str) -> list[str]:
    done = subprocess.run(
        ["git", "check-ignore", "--no-index", "-z", "--stdin"],
        cwd=folder,
        capture_output=True,
        text=True,
        input="\0".join(paths),
    )
    return done.stdout.split("\0")[:-1]


def test_init_writes_a_gitignore_for_what_runs_write(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    made(tmp_path, train_py="open('out #1/a', 'w')\nopen('results/b', 'w')\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "input.csv").touch()

    done = init(tmp_path)

    names = [".env", "train.py", "results/b", "data/input.csv", "x/__pycache__/y.pyc", "mlspec.yaml", "run.sh"]
    assert ignored_by_git(tmp_path, *names) == [".env", "results/b", "x/__pycache__/y.pyc"]
    assert "wrote .gitignore, which lets git ignore .env, .venv/, " in done.stderr


def test_a_gitignore_takes_each_name_for_itself(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    names = [r"a*b", "[c]", "#d", "!e", r"f\g", "h?"]
    draft = drafted(mounts=tuple(f"./{name}:/app/{number}" for number, name in enumerate(names)))
    (tmp_path / ".gitignore").write_text(gitignore_text(list_ignored(Folder(name="x", texts={}), draft)))

    others = ["axb/", "c/", "hh/"]
    assert ignored_by_git(tmp_path, *(f"./{name}/" for name in names)) == [f"./{name}/" for name in names]
    assert ignored_by_git(tmp_path, *others) == []


def test_init_leaves_a_gitignore_of_the_repository_alone(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    (tmp_path / ".gitignore").write_text("mine\n")
    service = made(tmp_path / "services" / "api", main_py="")

    done = init(service)

    assert (tmp_path / ".gitignore").read_text() == "mine\n"
    assert (done.returncode, (service / ".gitignore").exists(), ".gitignore" in done.stderr) == (0, False, False)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_leaves_no_half_of_a_spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, full = tmp_path / "mlspec.yaml", Path("/dev/full")

    monkeypatch.setattr(os, "fdopen", lambda *_: full.open("wb"))
    with pytest.raises(ToolError, match="no space left on device"):
        writing.create(path, "python: 3.12\n")

    assert not list(tmp_path.iterdir())


def test_init_leaves_a_schema_of_another_alone(tmp_path: Path) -> None:
    (tmp_path / "mlspec.schema.json").write_text("{}")

    done = init(tmp_path)

    assert done.returncode == 0
    assert "mlspec.schema.json was not written by mlspec, so it is left unchanged" in done.stderr
    assert (tmp_path / "mlspec.schema.json").read_text() == "{}"


def test_init_takes_a_folder_and_says_what_to_type(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()

    done = init(tmp_path, "a b")

    assert (tmp_path / "a b" / "mlspec.yaml").is_file()
    assert done.stderr.endswith("then: mlspec render 'a b/mlspec.yaml'\n")


def test_init_exits_1_where_it_left_out_something_and_says_it_to_everybody(tmp_path: Path) -> None:
    made(tmp_path, train_py="")
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\nRUN make data\nLABEL a=b\n")

    done = init(tmp_path, "--yes", "-q")

    assert done.returncode == 1
    assert done.stderr == (
        "  Dockerfile:2: RUN make data: left out: a build step: write it under run\n"
        "mlspec.yaml: MLS415: 1 thing that the program may need is not in this spec: see the lines with `left out` "
        "above\n"
        "  hint: write what it needs into mlspec.yaml, then: mlspec check\n"
    )
    assert (tmp_path / "mlspec.yaml").is_file()


def test_init_exits_1_where_its_spec_has_a_problem_and_shows_it(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("-e .\n")

    done = init(tmp_path, "--yes")

    assert done.returncode == 1
    assert "\nrequirements.txt:1:1: MLS206: " in done.stderr


def test_init_writes_nothing_for_a_project_of_r(tmp_path: Path) -> None:
    (tmp_path / "environment.yml").write_text("dependencies: [r-base, r-digest]\n")

    done = init(tmp_path, "--yes")

    assert done.returncode == 1
    assert done.stderr.startswith("MLS416: environment.yml lists packages of R only; mlspec makes Python images\n")
    assert not (tmp_path / "mlspec.yaml").exists()


@pytest.mark.parametrize("name", ["mlspec.yaml", "mlspec.yml"])
def test_init_never_overwrites(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")

    done = init(tmp_path)

    assert done.returncode == 1
    assert done.stderr == (
        f"MLS408: {name} already exists, so it is left unchanged\n"
        f"  hint: to compile it: mlspec render {name}; to start over, move it away first\n"
    )
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]


def test_init_writes_through_no_link(tmp_path: Path) -> None:
    (tmp_path / "mlspec.yaml").symlink_to("elsewhere")

    assert init(tmp_path).returncode == 1
    assert not (tmp_path / "elsewhere").exists()


def test_init_takes_flags(tmp_path: Path) -> None:
    flags = ["--python", "3.11", "--requirements", "torch", "--requirements", "numpy", "--entrypoint", "python x.py"]

    (tmp_path / "x.py").touch()
    done = init(tmp_path, *flags, "--name", "mine", "--base", "slim-bookworm", "-q")

    assert (done.returncode, done.stderr) == (0, "")
    written = (tmp_path / "mlspec.yaml").read_text()
    assert "name: mine\npython: 3.11\nbase: slim-bookworm\n" in written
    assert "requirements:\n  - torch\n  - numpy\n" in written


def test_init_refuses_a_wrong_flag_and_writes_nothing(tmp_path: Path) -> None:
    done = init(tmp_path, "--python", "3,12")

    assert done.returncode == 1
    assert done.stderr.startswith('MLS104: "3,12" is not a Python version\n')
    assert not list(tmp_path.iterdir())


def test_init_of_no_folder_is_a_mistake_of_usage(tmp_path: Path) -> None:
    assert init(tmp_path, "nowhere").returncode == 2


def on_a_terminal(folder: Path, *words: str) -> pexpect.spawn[str]:
    arguments = ["-m", "mlspec", "init", *words]
    plain = os.environ | {"NO_COLOR": "1"}
    return pexpect.spawn(
        sys.executable, arguments, cwd=str(folder), env=plain, encoding="utf-8", timeout=60, preexec_fn=listen
    )


def listen() -> None:
    # A background process of a shell ignores SIGINT, and its child processes inherit that.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_init_asks_on_a_terminal_and_asks_again(tmp_path: Path) -> None:
    made(tmp_path, train_py=GPU)

    terminal = on_a_terminal(tmp_path)
    for question, answer in [
        (r"Python of the image \[3.12\]: ", "3,11"),
        (r'MLS104: "3,11" is not a Python version.*Python of the image \[3.12\]: ', "3.11"),
        (r"cpu, or cuda for NVIDIA GPUs \[cpu\]: ", "cuda"),
    ]:
        terminal.expect(question)
        terminal.sendline(answer)
    terminal.expect("wrote mlspec.yaml")
    terminal.wait()

    written = (tmp_path / "mlspec.yaml").read_text()
    assert "python: 3.11\naccelerator: cuda\n" in written


@pytest.mark.parametrize("flag", ["-y", "--yes"])
def test_init_asks_nothing_where_the_guesses_are_taken(tmp_path: Path, flag: str) -> None:
    made(tmp_path, train_py=GPU)

    terminal = on_a_terminal(tmp_path, flag)
    terminal.expect(pexpect.EOF)
    terminal.wait()

    assert terminal.before is not None
    assert "Python of the image" not in terminal.before
    assert (tmp_path / "mlspec.yaml").is_file()


def test_init_that_is_left_writes_nothing(tmp_path: Path) -> None:
    terminal = on_a_terminal(tmp_path)
    terminal.expect("Python of the image")
    terminal.sendintr()
    # readline misses a signal that comes just before it waits; a person would press the keys again.
    while terminal.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=10):
        terminal.sendintr()
    terminal.close()

    assert not list(tmp_path.iterdir())
    assert terminal.exitstatus == 130
    assert terminal.before is not None
    assert "interrupted; nothing was written" in terminal.before


def test_what_the_disk_refuses_is_said(tmp_path: Path) -> None:
    said = r"^MLS403: .*/mlspec.yaml cannot be written: no such file or directory\n  hint: create the folder: mkdir -p "

    with pytest.raises(ToolError, match=said):
        writing.create(tmp_path / "nowhere" / "mlspec.yaml", "")


# Written paths of the program


SAVES = """
import argparse
from pathlib import Path

import joblib

parser = argparse.ArgumentParser()
parser.add_argument("--out", default="./models")
out = Path(parser.parse_args().out)
out.mkdir(exist_ok=True)
joblib.dump({}, out / "model.joblib")
open("seen.txt", "w")
"""


def test_what_the_program_writes_gets_a_mount_before_its_folder_is_there() -> None:
    found = drafted({"train.py": SAVES}, "data")

    assert [mount.target for mount in settings_of(found).mounts] == ["/app/data", "/app/models"]
    assert "train.py:10 writes to models" in said(found)
    assert "seen.txt: left out (train.py:12 writes it outside of all mounts" in said(found)


def test_no_mount_is_proposed_twice_or_hides_code() -> None:
    assert [mount.target for mount in settings({"train.py": SAVES}, "models").mounts] == ["/app/models"]
    assert settings({"train.py": SAVES, "models/net.py": ""}).mounts == ()
    assert settings({"train.py": SAVES}, mounts=("./a:/app/a",))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "[tool.poetry.dependencies]\nownlib = { path = '../own' }\n"),
        ("pyproject.toml", "[tool.poetry.dependencies]\nownlib = { version = '^1', source = 'corp' }\n"),
        ("pyproject.toml", "[tool.uv.sources]\nownlib = { workspace = true }\n"),
        ("Pipfile", "[packages]\nownlib = { version = '*', index = 'corp' }\n"),
        ("Pipfile", "[packages]\nownlib = { git = 'https://git.example/own' }\n"),
    ],
)
def test_a_package_of_another_place_is_not_taken_from_the_index(name: str, text: str) -> None:
    draft = drafted({name: text, "train.py": "import click, ownlib\n"})

    assert "click" in draft.text
    assert "ownlib" not in draft.text
    assert "ownlib" in said(draft)
    assert draft.losses


def test_what_a_project_says_for_an_installed_package_is_named() -> None:
    texts = {
        "setup.cfg": "[options]\ninstall_requires = click\n[options.entry_points]\nconsole_scripts = a = b:c\n",
        "Pipfile": "[packages]\nclick = '*'\n[scripts]\nfit = 'python train.py'\n",
        "pyproject.toml": "[tool.poetry.scripts]\nseg = 'seg.cli:main'\n",
        "setup.py": "from setuptools import setup\nsetup(extras_require={'a': ['b']}, entry_points={'x': ['a=b']})\n",
        "train.py": "import click\n",
    }
    told = said(drafted(texts))

    for text in ("entry_points: console_scripts", "scripts fit", "commands seg", "extras_require={", "entry_points={"):
        assert text in told


PACKAGE = """\
[project]
name = "our-tool"
version = "1.0"
dependencies = ["numpy"]
[project.scripts]
tidy = "our_tool:main"
[build-system]
requires = []
build-backend = "hatchling.build"
"""
CODE = {"src/our_tool/__init__.py": "def main(): pass"}


@pytest.mark.parametrize(
    "project",
    [
        PACKAGE,
        PACKAGE.replace("hatchling.build", "flit_core.buildapi"),
        PACKAGE.replace("hatchling.build", "poetry.core.masonry.api"),
        PACKAGE.replace("hatchling.build", "pdm.backend"),
        PACKAGE.replace("hatchling.build", "uv_build"),
        PACKAGE.replace("hatchling.build", "setuptools.build_meta").replace("our-tool", "other"),
        PACKAGE.replace("our-tool", "other") + '[tool.hatch.build.targets.wheel]\npackages = ["src/our_tool"]\n',
    ],
)
def test_a_package_in_src_is_installed_and_its_command_started(project: str) -> None:
    draft = drafted({"pyproject.toml": project} | CODE)

    assert value_of(draft, "requirements") == "-e ."
    assert (value_of(draft, "entrypoint"), value_of(draft, "environment")) == ("tidy", None)


@pytest.mark.parametrize(
    ("project", "code"),
    [
        (PACKAGE, {"our_tool/__init__.py": "def main(): pass"}),
        (PACKAGE.replace("our-tool", "other"), CODE),
        (PACKAGE.replace("hatchling.build", "maturin"), CODE),
        (PACKAGE.replace('version = "1.0"\n', ""), CODE),
        (PACKAGE.replace('version = "1.0"', 'dynamic = ["version"]').replace("[]", '["hatch-vcs"]'), CODE),
        (PACKAGE + "[tool.uv]\npackage = false\n", CODE),
        (PACKAGE + "[tool.poetry]\npackage-mode = false\n", CODE),
    ],
)
def test_a_project_that_is_no_package_in_src_is_copied(project: str, code: dict[str, str]) -> None:
    draft = drafted({"pyproject.toml": project} | code)

    assert value_of(draft, "requirements") == "pyproject.toml"
    assert value_of(draft, "entrypoint") != "tidy"


def test_the_installed_project_has_no_expectations_that_fail() -> None:
    texts = {"pyproject.toml": PACKAGE, "requirements.txt": "-e .[test]\n", "run.py": "import our_tool"} | CODE
    texts["src/our_tool/__init__.py"] += "\nimport importlib.metadata\nV = importlib.metadata.version('our-tool')\n"

    draft = drafted(texts)

    assert value_of(draft, "requirements") == "requirements.txt"
    assert [str(statement) for statement in draft.statements if "install" in statement.why] == []


def value_of(draft: Draft, key: str) -> str | tuple[str, ...] | None:
    return next((choice.value for choice in draft.choices if choice.key == key), None)
