"""Tests of bytecode in images: a start compiles nothing, and the same base gives the same bytes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.engine.conftest import BASE, PREFIX

if TYPE_CHECKING:
    import docker

    from tests.engine.conftest import Make, Project, Wheel

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

SPEC = "name: bytecode\npython: 3.12\nrequirements: [six]\nentrypoint: python main.py\n"
LOCK = "# layer heavy\n{six}"
# Modules of the library, one of the packages, and one that differs between machines.
IMPORTS = (
    "import asyncio, dataclasses, email.message, json, logging.config, ssl, sysconfig; sysconfig.get_config_vars()"
)
# The second field of the header: 1 is the bit for a hash in place of a time, without the bit to check it.
FLAGS = """
import pathlib, sys
paths = pathlib.Path(sys.argv[1]).rglob("*.pyc")
print({int.from_bytes(path.read_bytes()[4:8], "little") for path in paths})
"""


@pytest.fixture(scope="module")
def image(make: Make, wheels: dict[str, Wheel]) -> str:
    """The name of a built image with a package."""
    project = make(SPEC, {"main.py": "", "requirements.lock": LOCK.format(six=wheels["six"])}, layers=("heavy",))
    project.build()
    return project.plan().image


def run_python(image: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a container with a read-only system, as a user that no image knows."""
    command = ["docker", "run", "--rm", "--read-only", "--user", "4321:4321", "--entrypoint", "python3", image]
    return subprocess.run([*command, *arguments], check=True, capture_output=True, text=True)


def loaded_sources(image: str, program: str) -> list[str]:
    """Return where Python takes its modules from while it runs a program: paths of bytecode, or of sources."""
    mark = "# code object from "
    lines = run_python(image, "-v", "-c", program).stderr.splitlines()
    return [line.removeprefix(mark).strip("'") for line in lines if line.startswith(mark)]


def test_a_start_compiles_nothing(image: str) -> None:
    loaded = loaded_sources(image, f"import six; {IMPORTS}")

    assert len(loaded) > 100
    assert [path for path in loaded if not path.endswith(".pyc")] == []


def test_the_base_alone_compiles_its_library_at_each_start(base: str) -> None:
    assert "/usr/local/lib/python3.12/json/decoder.py" in loaded_sources(base, IMPORTS)


def test_bytecode_does_not_depend_on_times(image: str) -> None:
    assert run_python(image, "-c", FLAGS, "/usr/local/lib").stdout == "{1}\n"
    assert run_python(image, "-c", FLAGS, "/opt/venv").stdout == "{1}\n"


def bytecode_layer(engine: docker.DockerClient, project: Project) -> str:
    """Return the digest of the layer with the library's bytecode."""
    text = (project.folder / "Dockerfile").read_text()
    base = text.partition("FROM ")[2].split()[0]
    below = len(engine.images.get(base).attrs["RootFS"]["Layers"])
    is_changed = "AS base" in text
    return str(engine.images.get(project.plan().image).attrs["RootFS"]["Layers"][below + is_changed])


def test_images_of_one_base_share_the_layer(make: Make, engine: docker.DockerClient) -> None:
    plain = make("name: plain\npython: 3.12\nentrypoint: python main.py\n", {"main.py": ""})
    other = make(
        "name: other\npython: 3.12\napt: [tree]\nworking_dir: /srv/work\nuser: 0\nentrypoint: python main.py\n",
        {"main.py": ""},
    )
    plain.build()
    other.build()

    assert bytecode_layer(engine, plain) == bytecode_layer(engine, other)


def based_on(project: Project, base: str) -> Project:
    """Build a project on another base."""
    dockerfile = project.folder / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text().replace(BASE, base))
    project.build()
    return project


@pytest.fixture
def own_base() -> Iterator[str]:
    """A base whose folders belong to another user, and that has the bytecode of its library but for one module."""
    name = f"{PREFIX}-own-base"
    text = f"""
FROM {BASE}
RUN python3 -m compileall -q /usr/local/lib && rm /usr/local/lib/python3.12/json/__pycache__/decoder.*
RUN chown -R 1234:1234 /usr/local/lib && chmod 711 /usr/local/lib
"""
    subprocess.run(["docker", "build", "-q", "-t", name, "-"], input=text, text=True, check=True, capture_output=True)
    yield name
    subprocess.run(["docker", "image", "rm", "--force", name], check=True, capture_output=True)


def test_a_base_with_bytecode_gets_what_it_lacks(make: Make, own_base: str) -> None:
    spec = "name: own\npython: 3.12\nentrypoint: python main.py\n"
    project = based_on(make(spec, {"main.py": ""}), own_base)
    image = project.plan().image

    assert [path for path in loaded_sources(image, IMPORTS) if not path.endswith(".pyc")] == []
    added = run_python(image, "-c", "import glob; print(*glob.glob('/usr/local/lib/python3.12/json/__pycache__/*'))")
    times = run_python(
        image, "-c", "import os; print(*(os.stat(p).st_mtime for p in os.sys.argv[1:]))", *added.stdout.split()
    )
    assert times.stdout.split().count("315619200.0") == 1
    owner = (
        "import os; found = os.stat('/usr/local/lib'); print(found.st_uid, found.st_gid, oct(found.st_mode & 0o777))"
    )
    assert run_python(image, "-c", owner).stdout == "1234 1234 0o711\n"
