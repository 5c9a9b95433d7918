"""Tests of real builds that compile sources: the image has the compiled packages, and no compiler."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlspec import api
from mlspec.lock.requirements_lock import parse_requirements
from mlspec.lock.state import LockOptions
from mlspec.targets import run_script
from mlspec.targets.build_options import BuildOptions
from tests.engine.conftest import PREFIX
from tests.support.index import PackageIndex, sdist, serving, wheel

pytestmark = pytest.mark.engine

C = """\
#include <Python.h>
static PyObject *say(PyObject *self, PyObject *args) { return PyUnicode_FromString("said by C"); }
static PyMethodDef methods[] = {{"say", say, METH_NOARGS, ""}, {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "team_voice", "", -1, methods};
PyMODINIT_FUNC PyInit_team_voice(void) { return PyModule_Create(&module); }
"""
PROJECT = """\
[build-system]
requires = ["setuptools>=61"]
build-backend = "setuptools.build_meta"

[project]
name = "team-voice"
version = "1.0"
"""
SETUP = """\
from setuptools import Extension, setup
setup(ext_modules=[Extension("team_voice", ["voice.c"])])
"""
VOICE = sdist("team-voice", "1.0", contents={"pyproject.toml": PROJECT, "setup.py": SETUP, "voice.c": C})
SPEC = """\
python: 3.12
base: slim-bookworm
name: {name}
requirements: [{requirements}]
indexes: [{{url: {url}, packages: [team-*]}}]
entrypoint: python say.py
"""
SAY = """\
import shutil, team_voice
print(team_voice.say(), [tool for tool in ("gcc", "cc", "make", "ld") if shutil.which(tool)])
"""


@pytest.fixture(scope="module")
def index(registry: str) -> Iterator[PackageIndex]:
    with serving(VOICE, wheel("team-fruit", "1.0"), wheel("team-fruit", "2.0")) as served:
        yield served


@pytest.fixture(scope="module")
def project(index: PackageIndex, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a built image."""
    folder = tmp_path_factory.mktemp("compiled")
    (folder / "say.py").write_text(SAY)
    build(folder, index, "team-voice")
    return folder


def build(folder: Path, index: PackageIndex, requirements: str, *options: str) -> str:
    """Lock and build the image, and return the output of the build."""
    text = SPEC.format(name=f"{PREFIX}-compiled", requirements=requirements, url=index.url)
    (folder / "mlspec.yaml").write_text(text)
    rendered = api.render(folder / "mlspec.yaml", LockOptions())
    api.write(rendered)
    # The index listens on this host's loopback address, which a build reaches only over the host's network.
    command = (*run_script.build_command(rendered.plans[0], BuildOptions(progress="plain")), "--network=host", *options)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


def layers_of(image: str) -> list[str]:
    command = ["docker", "image", "inspect", "--format", "{{range .RootFS.Layers}}{{println .}}{{end}}", image]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def is_cached(said: str, step: str) -> bool:
    """Tell whether the first step whose name begins with ``step`` came from the cache."""
    number = next(line.partition(" ")[0] for line in said.splitlines() if f"[{step}" in line)
    return f"{number} CACHED" in said.splitlines()


def test_the_extension_is_imported_and_no_compiler_is_in_the_image(project: Path) -> None:
    ran = subprocess.run([project / "run.sh"], capture_output=True, text=True, check=True)

    assert ran.stdout == "said by C []\n"


def test_what_the_build_takes_is_locked_by_hash(project: Path) -> None:
    (layer,) = parse_requirements((project / "requirements.build.lock").read_text(), "").layers

    assert layer.name == "team-voice"
    assert "setuptools" in {pin.name for pin in layer.pins}
    assert all(pin.hashes for pin in layer.pins)


def test_another_setuptools_than_the_locked_one_ends_the_build(project: Path, index: PackageIndex) -> None:
    lock = project / "requirements.build.lock"
    before = lock.read_text()
    lock.write_text("".join(_wrong(line) for line in before.splitlines(keepends=True)))
    options = ("--network=host", "--target=layer-team-voice", "--no-cache-filter=layer-team-voice")
    command = ("docker", "build", *options, ".")
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    lock.write_text(before)

    assert "Hash mismatch for `setuptools" in done.stderr


def _wrong(line: str) -> str:
    return f"    --hash=sha256:{'0' * 64}{line[82:]}" if "--hash" in line else line


def test_an_edit_of_the_code_compiles_nothing(project: Path, index: PackageIndex) -> None:
    (project / "say.py").write_text(f"# An edit.\n{SAY}")

    said = build(project, index, "team-voice")

    assert is_cached(said, "layer-team-voice 1/1] RUN")


def test_another_package_compiles_nothing(project: Path, index: PackageIndex) -> None:
    said = build(project, index, "team-voice, team-fruit==1.0")

    assert is_cached(said, "layer-team-voice 1/1] RUN")
    assert not is_cached(said, "layer-tiny_wheels")


def test_the_same_source_makes_the_same_layer_again(project: Path, index: PackageIndex) -> None:
    build(project, index, "team-voice")
    first = layers_of(f"{PREFIX}-compiled")

    options = ("--no-cache-filter=layer-team-voice", "--build-arg=BUILDKIT_CACHE_MOUNT_NS=again")
    build(project, index, "team-voice", *options)

    assert layers_of(f"{PREFIX}-compiled") == first
