"""Tests of builds from a folder above the spec: a project with several services and a library that they share."""

from __future__ import annotations

import json
import re
import subprocess
import uuid
from pathlib import Path

import pytest

from mlspec.host.files import scan
from mlspec.targets import ignore_patterns
from tests.engine.conftest import Make, Project

pytestmark = pytest.mark.engine

SPEC = """\
python: 3.12
name: NAME
context: ../..
include: [., ../../libs/common, ../../settings.toml, "!../../libs/common/tests", "!drafts"]
mounts: [./data:/app/services/api/data, ../../libs/common/data:/data]
secrets: {KEY: {file: ../../libs/common/key.pem}}
environment: {PYTHONPATH: /app/libs/common}
entrypoint: python main.py
targets: [compose]
"""
FILES = {
    "main.py": "import pathlib\nimport common\nprint(common.NAME, pathlib.Path('own.txt').read_text())\n",
    "own.txt": "beside\n",
    "drafts/a.txt": "",
    "data/large.bin": "0",
    ".env": "TOKEN=1\n",
    "../worker/main.py": "",
    "../worker/.env": "TOKEN=2\n",
    "../worker/requirements.lock": "",
    "../../libs/common/common/__init__.py": "NAME = 'shared'\n",
    "../../libs/common/.env": "TOKEN=3\n",
    "../../libs/common/key.pem": "secret\n",
    "../../libs/common/tests/test_common.py": "",
    "../../libs/common/data/a.csv": "",
    "../../libs/other/other.py": "",
    "../../.git/HEAD": "ref: refs/heads/main\n",
    "../../.env": "TOKEN=4\n",
    "../../settings.toml": "",
    "../../token.txt": "secret\n",
}
COPIED = {
    "/app/services/api/main.py",
    "/app/services/api/own.txt",
    "/app/libs/common/common/__init__.py",
    "/app/settings.toml",
}


@pytest.fixture
def project(make: Make, workshop: Path) -> Project:
    folder = workshop / uuid.uuid4().hex / "services" / "api"
    return make(SPEC.replace("NAME", f"monorepo-{folder.parent.parent.name[:8]}"), FILES, folder=folder)


def listing(image: str) -> set[str]:
    """Return the files below /app in an image."""
    command = ["docker", "run", "--rm", "--entrypoint", "find", image, "/app", "-type", "f"]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")) - {""}


def layers(image: str) -> list[str]:
    command = ["docker", "image", "inspect", "--format", "{{json .RootFS.Layers}}", image]
    found: list[str] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def build_from_the_root(project: Project, image: str) -> str:
    """Build as the second line of the Dockerfile says, and return the output."""
    comment = (project.folder / "Dockerfile").read_text().split("\n")[1]
    folder, command = comment.removeprefix("# To build, in the folder ").split(": ")
    words = [*command.split(), "--tag", image, "--progress=plain", "--build-arg", "SOURCE_DATE_EPOCH=315619200"]
    done = subprocess.run(words, cwd=project.folder / folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_an_image_gets_what_is_included_and_no_secret_of_any_folder(project: Project) -> None:
    image = project.plan().image
    build_from_the_root(project, image)

    assert listing(image) == COPIED


def test_the_scan_of_the_folders_finds_what_the_engine_copies(project: Project) -> None:
    plan = project.plan()
    ignore = (project.folder / "Dockerfile.dockerignore").read_text()
    patterns = ignore_patterns.parse(ignore, plan.context.place)

    found = scan.scan(project.folder, patterns, [], outside=plan.code.outside)

    in_image = {str(Path("/app/services/api", path)) for path in found.kept}
    assert {str(Path(path).resolve()) for path in in_image} == COPIED


def test_each_way_to_build_makes_the_same_layers(project: Project) -> None:
    image = project.plan().image
    build_from_the_root(project, image)
    by_docker = layers(image)
    project.build()
    by_mlspec = layers(image)
    subprocess.run(["docker", "compose", "build", "--quiet"], cwd=project.folder, check=True, capture_output=True)

    assert by_docker == by_mlspec == layers(image)


def test_an_edit_of_another_service_rebuilds_nothing_and_one_of_the_library_is_seen(project: Project) -> None:
    image = project.plan().image
    project.build()
    before = layers(image)
    (project.folder / "../worker/main.py").write_text("print('other')\n")
    (project.folder / "../../libs/other/other.py").write_text("print('other')\n")
    output = project.build()
    after_others = layers(image)
    (project.folder / "../../libs/common/common/__init__.py").write_text("NAME = 'edited'\n")
    project.build()

    assert after_others == before
    # An engine that has just pulled the base calls the step FROM cached, too.
    steps = set(re.findall(r"^#(\d+) \[.*\] (?:RUN|COPY|WORKDIR) ", output, re.MULTILINE))
    assert steps
    assert steps <= set(re.findall(r"^#(\d+) CACHED", output, re.MULTILINE))
    assert layers(image)[:-1] == before[:-1]
    assert layers(image) != before


@pytest.mark.parametrize("way", ["script", "engine"])
def test_a_run_finds_the_library_and_the_files_beside_the_program_from_any_folder(project: Project, way: str) -> None:
    project.build()

    done = subprocess.run(project.ways()[way], cwd="/", capture_output=True, text=True)

    assert done.stdout == "shared beside\n\n", done.stderr


def test_a_context_of_a_spec_without_files_has_its_folder(make: Make, workshop: Path) -> None:
    folder = workshop / uuid.uuid4().hex / "services" / "bare"
    spec = "python: 3.12\nname: monorepo-bare\ncontext: ../..\ninclude: []\nentrypoint: [sh, -c, 'touch x && pwd']\n"
    project = make(spec, {}, folder=folder)
    project.build()

    assert subprocess.run(project.script(), capture_output=True, text=True).stdout == "/app/services/bare\n"
