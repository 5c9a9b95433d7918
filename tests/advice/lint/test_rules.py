"""Tests of specs with warnings: ``warned/NAME.yaml`` and the expected text ``warned/NAME.txt``.

Keys for these tests in a spec: ``x-lock`` has the lines of the lock. ``x-files`` has files beside the spec, as texts or
as sizes in bytes. ``x-latin-1`` has files whose names are encoded as Latin-1. ``x-executable`` lists the executable
files. ``x-links`` has links to paths. ``x-folder`` is the folder of the spec in a repository. ``x-today`` is the day.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from mlspec import api
from mlspec.advice.lint import RULES, Subject, Weight, folder_warnings, list_looked_up_paths, warnings
from mlspec.advice.lint.table import Rule
from mlspec.cli.check import check
from mlspec.errors import Problem, Span
from mlspec.facts import base_image, libraries
from mlspec.facts.codes import find_code
from mlspec.facts.libraries import SystemNeed, WholePackage
from mlspec.host.files import scan
from mlspec.lock import promises
from mlspec.lock.image_facts import ImageFacts
from mlspec.lock.mlspec_lock import BaseLock
from mlspec.lock.pins import Layer, RequirementsLock
from mlspec.lock.requirements.collect import RequirementEntry, collect
from mlspec.lock.requirements.indexes import Index
from mlspec.lock.requirements.other_files import Look as LookAt
from mlspec.lock.requirements.other_files import Neighbour
from mlspec.lock.requirements.sources.source_tables import Conditions
from mlspec.lock.requirements_lock import parse_requirements
from mlspec.lock.source_layers import source_layers
from mlspec.plan.plan import resolve
from mlspec.spec.document import Document, parse
from mlspec.spec.spec import Image, validate
from mlspec.targets import ignore_patterns, registry
from tests.support.golden import Golden

ORDINARY = sorted((Path(__file__).parent / "ordinary").glob("*.yaml"))
WARNED = sorted((Path(__file__).parent / "warned").glob("*.yaml"))
TODAY = "2026-11-24"


def base_of(image: Image) -> tuple[BaseLock, bool]:
    """Return facts about an image's base as a registry might give them, and whether the base is official."""
    choice = base_image.base_reference(image.settings.python, image.settings.base)
    assert isinstance(choice, base_image.BaseChoice)
    python, glibc = choice.python or image.settings.python, choice.glibc or "2.36"
    base = BaseLock(reference=choice.reference, python=python, glibc=glibc, codename=choice.codename or "")
    return base, choice.is_official


def subject_of(image: Image, document: Document) -> Subject:
    """Return the subject of an image for the rules."""
    entries = [
        RequirementEntry(text, image.origin("requirements", index), document)
        for index, text in enumerate(image.settings.requirements)
    ]
    base, is_official = base_of(image)
    lock = "".join(f"{line}\n" for line in document.data.get("x-lock", ()))
    layers = ("requirements",) if lock else ()
    pins = parse_requirements(lock, "requirements.lock").pins
    cuda = promises.find_cuda_version(pins)
    resolved = ImageFacts(
        project="warned",
        base=base.reference,
        is_official=is_official,
        codename=base.codename,
        layers=layers,
        cuda=cuda,
        sources=source_layers(RequirementsLock((Layer("requirements", pins),))),
    )
    return Subject(
        image=image,
        plan=resolve(document.file, image, resolved),
        base=base,
        requirements=collect(
            entries,
            reading(document.data.get("x-files", {})),
            document.file,
            looking(document.data.get("x-files", {})),
            conditions=Conditions(
                python=image.settings.python,
                platforms=tuple(map(str, image.settings.platforms)),
                indexes=tuple(Index(url=index.url, packages=index.packages) for index in image.settings.indexes),
                accelerator=image.settings.accelerator,
            ),
        ),
        pins=pins,
        today=str(document.data.get("x-today", TODAY)),
    )


def reading(files: dict[str, str]) -> Callable[[str], str]:
    """Return a function that reads ``files`` and raises FileNotFoundError for any other path."""

    def read(path: str) -> str:
        if path not in files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return files[path]

    return read


def looking(files: dict[str, str]) -> LookAt:
    """Return a function that tells which paths are among ``files``."""
    return lambda path: Neighbour("file" if path in files else "")


def write(files: dict[str, str], folder: Path) -> None:
    """Write files with these texts, or sparse files for numbers, which are sizes in bytes."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text.replace("_", "").isdigit():
            with path.open("wb") as file:
                file.truncate(int(text))
        else:
            path.write_bytes(text.encode())


def found(text: str, folder: Path, file: str = "mlspec.yaml") -> list[Problem]:
    """Return the problems that the rules find in a spec and in the files beside it, in the order of their places."""
    return sorted(_found(text, folder, file), key=lambda problem: problem.span or Span(0, 0, 0, 0))


def _found(text: str, folder: Path, file: str) -> Iterator[Problem]:
    folder = folder / str(parse(text, file).data.get("x-folder", ""))
    document = parse(text, file, folder.resolve().parts[1:])
    write(document.data.get("x-files", {}), folder)
    for name in document.data.get("x-latin-1", ()):
        path = folder / os.fsdecode(name.encode("latin-1"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    for name in document.data.get("x-executable", ()):
        (folder / name).chmod(0o755)
    for name, target in document.data.get("x-links", {}).items():
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(target)
    for image in validate(document).images:
        subject = subject_of(image, document)
        yield from map(document.place, warnings(subject))
        (ignore,) = registry.emit(subject.plan, ["ignore"])
        patterns, outside = ignore_patterns.parse(ignore.text, subject.plan.context.place), subject.plan.code.outside
        looked = scan.scan(folder, patterns, list_looked_up_paths(subject), outside=outside)
        yield from map(document.place, folder_warnings(subject, looked))


def codes(text: str, folder: Path) -> set[str]:
    return {problem.code for problem in found(text, folder)}


@pytest.mark.parametrize("path", WARNED, ids=lambda path: path.stem)
def test_says_what_is_worth_a_warning(path: Path, tmp_path: Path, golden: Golden) -> None:
    said = found(path.read_text(encoding="utf-8"), tmp_path, path.name)

    assert "".join(f"{problem}\n" for problem in said) == golden(path.with_suffix(".txt"))


def test_no_text_is_left_over() -> None:
    assert {path.stem for path in (Path(__file__).parent / "warned").glob("*.txt")} == {path.stem for path in WARNED}


@pytest.mark.parametrize("row", libraries.whole_packages(), ids=lambda row: row.package)
def test_nothing_is_said_of_wheels_that_bring_all_they_need(row: WholePackage, tmp_path: Path) -> None:
    name, _, extra = row.package.removesuffix("]").partition("[")
    lock = [f"{name}==1.0", *([f"{name}-{extra}==1.0"] if extra else [])]

    assert "MLS610" not in codes(f"python: 3.11\nrequirements: ['{row.package}']\nx-lock: {lock}\n", tmp_path)


def test_what_was_proven_says_with_which_version_on_which_base_and_when() -> None:
    proven = re.compile(r"\S+ in python:\S+ \(\w+\), \d{4}-\d\d-\d\d")

    rows: list[SystemNeed | WholePackage] = [*libraries.needs(), *libraries.whole_packages()]
    assert not [row.package for row in rows if row.proof and not proven.fullmatch(row.proven)]


def test_every_rule_is_met_by_a_spec(tmp_path: Path) -> None:
    met = {
        problem.code
        for number, path in enumerate(WARNED)
        for problem in found(path.read_text(encoding="utf-8"), tmp_path / str(number))
    }

    assert met == {rule.code for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rule_is_called_what_its_section_is_called(rule: Rule) -> None:
    section = find_code(rule.code)

    assert section
    assert (section.title, section.severity) == (rule.title, "warning")


SILENT = {
    "a library of the repository that Python finds": (
        "python: 3.12\ncontext: ../..\ninclude: [., ../../libs/common]\nentrypoint: python main.py\n"
        "environment: {PYTHONPATH: /app/libs/common}\nx-folder: repo/services/api\nx-links: {own: ../../libs/common}\n"
        "x-files: {main.py: 'import common', ../../libs/common/common.py: '', ../../.git/HEAD: '',"
        " ../../.dockerignore: '**/.venv'}"
    ),
    "a submodule of the repository": (
        "python: 3.12\ncontext: ../..\nentrypoint: python main.py\nx-folder: repo/services/api\n"
        "x-files: {main.py: '', .git: '', ../../.git/HEAD: ''}"
    ),
    "steps that only look at packages": "python: 3.12\nrun: [pip list && pip freeze > packages, pip download six]",
    "the project alone, a file, tools": (
        "python: 3.12\nrun: [pip install --no-deps ., pip install ./a.whl, pip install -U pip]"
    ),
    "an environment of a step's own": (
        "python: 3.12\nrun: [python -m venv /opt/b && /opt/b/bin/pip install six, pip install --target=/opt/c six]"
    ),
    "a command that only speaks of pip": "python: 3.12\nrun: [echo pip install six, uv tool install ruff]",
    "what a Debian package of the spec brings along": (
        "python: 3.12\nbase: slim-trixie\nrequirements: [drawing]\napt: [libcairo2, 'libglib2.0-dev=2.84.4-3']\n"
        "x-lock: ['drawing==1.2', '    # 1 MB, loads libXrender.so.1 in a.so, loads libglib-2.0.so.0 in b.so']"
    ),
    "a library that is loaded on a base which may have it": (
        f"python: 3.12\nbase: python:3.12-bookworm@sha256:{64 * chr(48)}\nrequirements: [drawing]\n"
        "x-lock: ['drawing==1.2', '    # 1 MB, loads libXrender.so.1 in a.so']"
    ),
    "a library that no table knows": (
        "python: 3.12\nrequirements: [drawing]\nx-lock: ['drawing==1.2', '    # 1 MB, loads libnovel.so.1 in a.so']"
    ),
    "bounds on a build that there is": (
        "python: 3.12\nrequirements: [fasttext, --no-binary fasttext]\nbuild_constraints: [setuptools<81]\n"
        "dependency_metadata: [{name: FastText, version: 0.9.3.0, requires_dist: [numpy]}]\n"
        "x-lock: ['fasttext==0.9.3', '    # 73.4 kB, from source in C++']"
    ),
    "groups that people work with, and those that are named": (
        "python: 3.12\nrequirements: [pyproject.toml, --group serve, --group pyproject.toml:batch]\nx-files:\n"
        "  pyproject.toml: |\n    [project]\n    name = 'x'\n    [tool.uv]\n    default-groups = ['dev', 'serve']\n"
        "    [dependency-groups]\n    dev = ['pytest']\n    serve = ['uvicorn']\n    extra = ['six']\n"
        "    [tool.poetry.group.unit-tests.dependencies]\n    pytest = '*'\n"
        "    [tool.poetry.group.batch.dependencies]\n    six = '*'\n"
        "    [tool.poetry.group.gpu]\n    optional = true\n    dependencies = { cupy = '*' }\n"
        "    [tool.pixi.feature.lint.dependencies]\n    ruff = '*'\n"
        "    [tool.pixi.feature.io.pypi-dependencies]\n    orjson = '*'\n"
        "    [tool.pixi.environments]\n    default = ['io']\n"
    ),
    "settings of uv that make no difference here": (
        "python: 3.12\nrequirements: [pyproject.toml, pins.txt]\nx-files:\n  pyproject.toml: |\n"
        "    [project]\n    name = 'x'\n    dependencies = ['six']\n    [tool.uv]\n    prerelease = 'explicit'\n"
        "    index-strategy = 'unsafe-best-match'\n    no-build-isolation-package = ['flash-attn']\n"
        "    environments = [\"sys_platform == 'darwin'\", \"sys_platform == 'linux'\"]\n"
        "    resolution = 'highest'\n    torch-backend = 'auto'\n    config-settings = { x = 'y' }\n"
        "  pins.txt: 'idna==3.10'\n  uv.toml: 'resolution = \"highest\"'\n"
        "x-lock: ['idna==3.10', 'six==1.17.0']"
    ),
    "pins that uv made, beside its settings": (
        "python: 3.12\nrequirements: [requirements.txt]\nx-files:\n  requirements.txt: 'six==1.17.0'\n"
        "  uv.toml: \"exclude-newer = '2026-06-01T00:00:00Z'\""
    ),
    "a user whose name is asked for": (
        "python: 3.12\nimages:\n  a: {entrypoint: python ask.py}\n"
        "  b: {entrypoint: python ask.py, mounts: ['./a:/app/a'], apt: [libnss-unknown]}\n"
        "  c: {entrypoint: python ask.py, mounts: ['./a:/app/a'], user: '1000'}\n"
        "  d: {entrypoint: python guess.py, mounts: ['./a:/app/a']}\nx-files:\n"
        "  ask.py: 'import os, pwd; print(pwd.getpwuid(os.getuid()))'\n"
        "  guess.py: |\n    import getpass, pwd\n    print(getpass.getuser())\n"
        "    try:\n        print(pwd.getpwuid(1))\n    except KeyError:\n        print('nobody')\n"
    ),
    "a Python that the project is for": (
        "python: 3.12\nrequirements: pyproject.toml\n"
        "x-files: {pyproject.toml: \"[project]\\nname = 'x'\\nrequires-python = '>=3.12.2,<3.13'\\n\"}"
    ),
    "a project that is for all Pythons, or for what nobody can read": (
        "python: 3.12\nrequirements: [pyproject.toml, sub/pyproject.toml]\nx-files:\n"
        "  pyproject.toml: \"[project]\\nname = 'x'\\n\"\n"
        "  sub/pyproject.toml: \"[project]\\nname = 'y'\\nrequires-python = 'what'\\n\""
    ),
    "a number of AMD's GPUs for a cluster": (
        "python: 3.12\naccelerator: rocm6.3\ngpus: 1\ntargets: kubernetes\nrequirements: [torch==2.9.1]"
    ),
    "a newer minor version of CUDA, whatever the framework that asks": (
        "python: 3.12\naccelerator: cuda12.8\nrequirements: [torch==2.9.1, 'tensorflow[and-cuda]==2.18.0']"
    ),
    "a torch that is newer than what is known": (
        "python: 3.12\naccelerator: cuda13.4\nrequirements: [torch==2.99.0]\ngpu_models: [sm_999]"
    ),
    "kernels of an earlier minor version, for Ada": (
        "python: 3.12\naccelerator: cuda12.4\nrequirements: [torch==2.6.0]\ngpu_models: [rtx4090, l40s, t4, h100]"
    ),
    "a torch that later ones may replace": "python: 3.14\nrequirements: [torch>=2.4]",
    "onnxruntime for GPUs, and its own libraries": """
python: 3.12
accelerator: cuda12.8
requirements: [onnxruntime-gpu]
x-lock: [onnxruntime-gpu==1.26.0, nvidia-cudnn-cu12==9.10.2.21]
""",
    "tensorflow with the libraries that torch brings": """
python: 3.12
accelerator: cuda12.8
requirements: [torch, tensorflow]
x-lock: [torch==2.9.1+cu128, nvidia-cudnn-cu12==9.10.2.21, tensorflow==2.20.0]
""",
    "xgboost for the CUDA of the image": """
python: 3.12
accelerator: cuda12.8
requirements: [xgboost-cu12]
x-lock: [xgboost-cu12==3.4.1, nvidia-nccl-cu12==2.28.9]
""",
    "torch for arm64 from the index of its CUDA": """
python: 3.12
platforms: [linux/arm64]
accelerator: cuda12.8
requirements: [torch==2.9.1]
x-lock: [torch==2.9.1+cu128]
""",
    "torch for arm64 that has CUDA on the main index": """
python: 3.12
platforms: [linux/arm64]
accelerator: cuda
requirements: [torch==2.14.0]
x-lock: [torch==2.14.0, nvidia-cudnn-cu13==9.24.0.43]
""",
    "llama.cpp from an index of the spec": (
        "python: 3.12\naccelerator: cuda12.4\nrequirements: [llama-cpp-python]\n"
        "indexes: [{url: 'https://host.test/whl/cu124', packages: [llama-cpp-python]}]"
    ),
    "xgboost with the NCCL that is meant": "python: 3.12\nrequirements: [xgboost, nvidia-nccl-cu12]",
    "a Python with years to go": "python: 3.12",
    "a Debian in its long-term support": "{python: 3.12, base: slim-bookworm}",
    "a base that does not say its Debian": "{python: 3.12, base: registry.example.com/team/base:1.2}",
    "latest by its digest": f"{{python: 3.12, base: 'python:latest@sha256:{'ab' * 32}'}}",
    "opencv with its libraries": "{python: 3.12, apt: [libgl1, libglib2.0-0t64], x-lock: [opencv-python==4.12.0.88]}",
    "opencv with what brings its libraries": "{python: 3.12, apt: [ffmpeg], x-lock: [opencv-python==4.12.0.88]}",
    "opencv in a base that is not slim": "{python: 3.12, base: 'python:3.12-bookworm', x-lock: [opencv-python==4]}",
    "opencv in a base of one's own": "{python: 3.12, base: 'nvidia/cuda:13', x-lock: [opencv-python==4.12.0.88]}",
    "opencv with libraries of a step": """
python: 3.12
run: [{command: "apt-get install -y libgl1 libglib2.0-0", at: before_install}]
x-lock: [opencv-python==4.12.0.88]
""",
    "one headless opencv": "{python: 3.12, x-lock: [opencv-python-headless==4.12.0.88]}",
    "a package that has its old name still": "{python: 3.12, base: slim-bookworm, apt: [libgl1-mesa-glx]}",
    "a package that goes by its old name too": "{python: 3.12, base: slim-trixie, apt: [libglib2.0-0]}",
    "cuda and torch": "{python: 3.12, accelerator: cuda, requirements: [torch], x-lock: [torch==2.9.0+cu128]}",
    "cuda and jax with its plugin": "{python: 3.12, accelerator: cuda, x-lock: [jax==0.7, jax-cuda12-plugin==0.7]}",
    "cuda and nothing": "{python: 3.12, accelerator: cuda, entrypoint: nvidia-smi}",
    "cuda and what a step installs": "{python: 3.12, accelerator: cuda, run: [make kernels], x-lock: [numpy==2.3.1]}",
    "GPUs and no torch": "{python: 3.12, gpus: all, x-lock: [numpy==2.3.1]}",
    "names where a secret would stand": """
python: 3.12
secrets: [HF_TOKEN]
environment: {TOKENIZER: hf_transfer, MAX_TOKENS: "512"}
labels: {org.opencontainers.image.url: "https://git.example.com/team/sk-learn"}
run: [{command: "curl -H \\"Authorization: Bearer $HF_TOKEN\\" https://example.com", secrets: [HF_TOKEN]}]
entrypoint: python train.py --token-file /run/secrets/token --key 1 --password-file pw
x-files: {train.py: ""}
""",
    "a user that is not root": "{python: 3.12, user: 1001}",
    "a notebook on this computer alone": """
python: 3.12
entrypoint: jupyter lab --ip 0.0.0.0 --ServerApp.token= --no-browser
mounts: [.:/app]
x-lock: [jupyterlab==4.4.9, jupyter-core==5.8.1]
ports: ["8888:8888"]
""",
    "a notebook with a token": """
python: 3.12
entrypoint: jupyter lab --ip=0.0.0.0 --no-browser --ServerApp.root_dir=notebooks
mounts: [./notebooks:/app/notebooks]
x-lock: [jupyterlab==4.4.9, jupyter-core==5.8.1]
ports: ["0.0.0.0:8888:8888"]
""",
    "loaders with memory": """
python: 3.12
shm_size: 8gb
entrypoint: python train.py --num-workers 4
x-lock: [torch==2.9.0+cpu]
x-files: {train.py: ""}
""",
    "no loader processes": """
python: 3.12
entrypoint: python train.py --num-workers 0
x-lock: [torch==2.9.0+cpu]
x-files: {train.py: "parser.add_argument('--num-workers', type=int, default=4)"}
""",
    "loaders of another program": """
python: 3.12
entrypoint: python serve.py
x-lock: [torch==2.9.0+cpu]
x-files: {serve.py: "import torch", train.py: "DataLoader([], num_workers=8)"}
""",
    "two GPUs with limits": "{python: 3.12, accelerator: cuda, gpus: 2, ulimits: {memlock: -1, stack: 67108864}}",
    "the project itself on its folder": "{python: 3.12, mounts: ['.:/app']}",
    "a package without compiled modules that is mounted": (
        "{python: 3.12, requirements: [-e .], mounts: ['.:/app'], x-files: {pyproject.toml: "
        "\"[project]\\nname = 'tool'\\nversion = '1'\\n\"}}"
    ),
    "data of a package with compiled modules": (
        "{python: 3.12, requirements: [-e .], mounts: ['./data:/app/data'], x-files: {setup.py: "
        "\"setup(name='tool', ext_modules=[Extension('tool', ['tool.c'])])\"}}"
    ),
    "a mount where no code is": "{python: 3.12, include: [], mounts: ['./data:/app']}",
    "mounts below the code": "{python: 3.12, mounts: ['./data:/app/data', 'cache:/cache', './home:/home/app']}",
    "a health check by curl that is there": """
python: 3.12
apt: [curl]
healthcheck: curl --fail http://localhost:8000/healthz
""",
    "a health check by Python": "{python: 3.12, healthcheck: python check.py curl}",
    "a server that answers everybody": """
python: 3.12
entrypoint: gunicorn app:app --bind=0.0.0.0:8000 --bind=0.0.0.0:9000
x-lock: [gunicorn==23.0.0]
ports: ["80:8000"]
""",
    "a server that others are not to reach": "{python: 3.12, entrypoint: uvicorn app:app, x-lock: [uvicorn==0.38.0]}",
    "a server that a variable tells": """
python: 3.12
environment: {UVICORN_HOST: 0.0.0.0}
entrypoint: uvicorn app:app
x-lock: [uvicorn==0.38.0]
ports: ["8000:8000"]
""",
    "a server of whose habits nobody knows": "{python: 3.12, entrypoint: serve --now, ports: ['8000:8000']}",
    "a range of ports": """
python: 3.12
entrypoint: uvicorn app:app --host 0.0.0.0 --port 8005
x-lock: [uvicorn==0.38.0]
ports: ["8000-8010:8000-8010"]
""",
    "a model in a volume": """
python: 3.12
mounts: ["models:/cache"]
entrypoint: python app.py
x-files: {app.py: "AutoModel.from_pretrained('intfloat/e5-small')"}
""",
    "a model of the project's own": """
python: 3.12
entrypoint: python app.py
x-files: {app.py: "AutoModel.from_pretrained('models/best')", models/best/config.json: "{}"}
""",
    "a model that a step downloads": """
python: 3.12
run: [{command: python download.py, at: after_code}]
entrypoint: python app.py
x-files: {app.py: "AutoModel.from_pretrained('intfloat/e5-small')"}
""",
    "a folder of little": "{python: 3.12, x-files: {train.py: 1, data/a.csv: 2}}",
    "data that is mounted": "{python: 3.12, mounts: ['./data:/app/data'], x-files: {data/a.bin: 900_000_000}}",
    "data that is left out": "{python: 3.12, include: [., '!data'], x-files: {data/a.bin: 900_000_000}}",
    "weights that are named": "{python: 3.12, include: [., model.bin], x-files: {model.bin: 900_000_000}}",
    "a folder that is named": "{python: 3.12, include: [models/best], x-files: {models/best/1: 900_000_000}}",
    "an environment beside the code": "{python: 3.12, x-files: {.venv/lib/torch.so: 900_000_000, .git/p: 900_000_000}}",
    "secrets that are left out": """
python: 3.12
secrets: {key: {file: ./key.pem}}
x-files: {key.pem: "-----BEGIN PRIVATE KEY-----", .env: "TOKEN=0123456789", .netrc: "password 0123456789"}
""",
    "a pointer of git-lfs that is only told of, and one that is left out": """
python: 3.12
include: [., "!data"]
x-files:
  README.md: |
    A pointer:
    version https://git-lfs.github.com/spec/v1
    oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
    size 4
  data/a.bin: |
    version https://git-lfs.github.com/spec/v1
    oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
    size 4
""",
    "settings without a secret, whatever their words": """
python: 3.12
x-files:
  config.json: '{"token": "<eos>", "pad_token": "[PAD]", "password": "${DB_PASSWORD}", "aws_secret_access_key": ""}'
  notes.txt: "aws_secret_access_key: see the vault; sk-learn and hf_hub are no keys; AKIA is how a key of AWS begins"
  vocabulary.txt: "private key public key"
""",
    "what is no secret": """
python: 3.12
x-files:
  ca.pem: "-----BEGIN CERTIFICATE-----"
  tokens.py: "token = 'correct-horse'"
  tokenizer.json: '{"key": "0123456789abcdef"}'
  token.json: '{"token": "$TOKEN"}'
""",
    "a script that is there": "{python: 3.12, entrypoint: python -W ignore train.py, x-files: {train.py: 1}}",
    "a script with the line ends of Windows that Python reads": """
python: 3.12
entrypoint: python train.py
x-files: {train.py: "print(1)\\r\\n"}
""",
    "a script of the base": "{python: 3.12, base: 'team/base:1', entrypoint: ./start.sh}",
    "a script that is mounted": "{python: 3.12, entrypoint: python code/train.py, mounts: ['./src:/app/code']}",
    "a script that a step writes": "{python: 3.12, entrypoint: ./go, run: [{command: make go, at: after_code}]}",
    "a module, and a program": "{python: 3.12, entrypoint: python -m team.train, command: [train.py]}",
    "a program that a base of one's own may have": "{python: 3.12, base: 'team/base:1', entrypoint: gunicorn app:app}",
    "before a lock, a program that comes along": "{python: 3.12, entrypoint: [/bin/sh, -c, 'true']}",
    "git in a base that is not slim": "{python: 3.12, base: 'python:3.12-bookworm', entrypoint: git pull}",
    "modules that Python finds": """
python: 3.12
images:
  path: {entrypoint: python -m flowers.cli, environment: {PYTHONPATH: "/app/src:/app/lib"}}
  option: {entrypoint: uvicorn flowers.app:app --app-dir src}
  chdir: {entrypoint: gunicorn --chdir src flowers.app:app}
  beside: {entrypoint: python src/train.py}
  package: {entrypoint: python -m datasets.load}
  standard: {entrypoint: python -m http.server 8000}
  unknown: {entrypoint: python -m elsewhere}
  inserts: {entrypoint: python scripts/run.py}
  mounted: {entrypoint: python -m tools.run, mounts: ["./tools:/app/tools"]}
  main: {entrypoint: python -m flat}
x-lock: [uvicorn==0.38.0, gunicorn==23.0.0, datasets==4.2.0]
x-files:
  src/flowers/__init__.py: ""
  src/flowers/cli.py: "from flowers import app\nfrom . import app\n"
  src/flowers/app.py: ""
  src/datasets/a.py: ""
  src/train.py: "import flowers.app\ntry:\n    import fast\nexcept ImportError:\n    pass\n"
  src/fast/__init__.py: ""
  scripts/run.py: "import sys\nsys.path.insert(0, 'src')\nimport flowers\n"
  flat/__main__.py: ""
""",
    "variables that are set": """
python: 3.12
environment: {PORT: "80"}
secrets: [TOKEN]
entrypoint: [sh, -c, 'X=1; exec python a.py $PORT "$TOKEN" ${LOG:-info} $X $HOME $1 ''$not'' "$@" $$']
x-files: {a.py: ""}
""",
    "links that lead somewhere": """
python: 3.12
mounts: ["/mnt/data:/mnt/data", "./models:/app/models"]
x-files: {train.py: "", models/1: "", conf/a.yaml: ""}
x-links: {data: /mnt/data, best: models/1, conf.yaml: conf/a.yaml, configuration: conf, zone: /usr/share/zoneinfo}
""",
    "locales that are there": """
python: 3.12
images:
  always: {environment: {LANG: C.utf8, LC_ALL: POSIX, LANGUAGE: de, LC_TIME:}}
  all: {environment: {LANG: de_DE.UTF-8}, apt: [locales-all]}
  step: {environment: {LANG: de_DE.UTF-8}, run: [{command: apt-get install -y locales, at: before_install}]}
""",
    "an environment file as docker reads it": """
python: 3.12
env_file: job.env
x-files: {job.env: "# export A=1\\nA=a b\\nB=#c\\n\\nC\\n  D=1\\nE=a=b\\n"}
""",
    "an include that names what is there": """
python: 3.12
include: [., ./src/, "*.py", "!*.csv", data/raw]
x-files: {src/a.py: 1, train.py: 1, data/raw/a: 1}
""",
}


def test_a_home_folder_is_no_build_context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    spec = tmp_path / "work" / "api" / "mlspec.yaml"
    spec.parent.mkdir(parents=True)
    said = {}
    for context in ("..", "../.."):
        spec.write_text(f"python: 3.12\ncontext: {context}\n")
        said[context] = [problem.message for problem in api.check(spec) if problem.code == "MLS688"]

    home = "the build context ../.. is your home folder: /app/work/api depends on this machine"
    assert said == {"..": [], "../..": [home]}


@pytest.mark.parametrize("text", SILENT.values(), ids=SILENT)
def test_says_nothing_of(text: str, tmp_path: Path) -> None:
    assert codes(text, tmp_path) == set()


def test_of_a_python_that_is_not_known_no_other_rule_speaks(tmp_path: Path) -> None:
    assert codes("python: 3.99", tmp_path) == {"MLS126"}


@pytest.mark.parametrize("path", ORDINARY, ids=lambda path: path.stem)
def test_says_nothing_of_an_ordinary_project(path: Path, tmp_path: Path) -> None:
    assert found(path.read_text(encoding="utf-8"), tmp_path, path.name) == []


def test_rules_look_at_a_long_list_of_requirements_once(tmp_path: Path) -> None:
    names = [f"package-{number}" for number in range(4000)]
    (tmp_path / "mlspec.yaml").write_text("python: 3.12\nrequirements: requirements.txt\n")
    (tmp_path / "requirements.txt").write_text("".join(f"{name}>=1,<3\n" for name in names))
    before = time.process_time()

    outlined = api.outline(tmp_path / "mlspec.yaml")

    # A quadratic comparison of these took about 300 seconds.
    assert (outlined.warnings, time.process_time() - before < 20) == ((), True)


def test_nothing_ends_where_nobody_asks_when(tmp_path: Path) -> None:
    assert codes("{python: 3.9, base: slim-buster, x-today: ''}", tmp_path) == set()


def test_before_a_lock_what_is_named_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "mlspec.yaml").write_text("{python: 3.12, user: 0, accelerator: cuda, requirements: [opencv-python]}")

    outlined = api.outline(tmp_path / "mlspec.yaml")

    # Only a lock shows whether a dependency uses the GPU.
    assert {warning.code for warning in outlined.warnings} == {"MLS610", "MLS621"}


@pytest.mark.parametrize(("text", "code"), [("python: 3.12", 0), ("{python: 3.12, user: 0}", 1)])
def test_a_strict_check_fails_where_there_is_a_warning(text: str, code: int, tmp_path: Path) -> None:
    (tmp_path / "mlspec.yaml").write_text(text)

    assert CliRunner().invoke(check, [str(tmp_path), "--strict"]).exit_code == code
    assert CliRunner().invoke(check, [str(tmp_path)]).exit_code == 0


def test_a_million_files_cost_a_look_at_some(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for number in range(12_500):
        (tmp_path / "data" / str(number)).touch()

    looked = scan.scan(tmp_path, ignore_patterns.parse(""), [])

    assert "MLS640" in codes("python: 3.12", tmp_path)
    assert not looked.is_whole
    assert looked.weights["data"] == Weight(size=0, files=12_000, is_whole=False)


@pytest.mark.parametrize("is_hard", [False, True], ids=["symbolic", "hard"])
def test_a_private_file_under_another_name_is_told(is_hard: bool, tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    real = tmp_path / "keys" / "prod.txt"
    real.write_text("value")
    link = tmp_path / "token"
    link.hardlink_to(real) if is_hard else link.symlink_to(real)
    (tmp_path / "mlspec.yaml").write_text("{python: 3.12, secrets: {K: {file: ./token}}}")

    (warning,) = api.check(tmp_path / "mlspec.yaml")

    assert warning.code == "MLS641"
    assert warning.message.startswith("keys/prod.txt is the private file ./token under another name")


def test_a_private_file_that_is_named_by_its_whole_path_is_told(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("value")
    (tmp_path / "mlspec.yaml").write_text(f"{{python: 3.12, env_file: {tmp_path}/token}}")

    assert [warning.code for warning in api.check(tmp_path / "mlspec.yaml")] == ["MLS641"]


def test_a_folder_of_many_settings_hides_none_of_another(tmp_path: Path) -> None:
    for number in range(200):
        (tmp_path / "labels").mkdir(exist_ok=True)
        (tmp_path / "labels" / f"{number}.json").write_text("{}")
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "a.json").write_text("hf_abcdefghijklmnopqrstuvwxyzabcdefgh")
    (tmp_path / "mlspec.yaml").write_text("python: 3.12")

    assert [warning.code for warning in api.check(tmp_path / "mlspec.yaml")] == ["MLS641"]
