"""Tests of the report of real builds: sizes are those of the image, and each build is compared with the last one."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.index]

SPEC = """\
name: {name}
python: 3.12
base: slim-bookworm
requirements: [idna, pyyaml]
layers: {{yaml: [pyyaml]}}
entrypoint: python main.py
"""


@dataclass(frozen=True)
class Reported:
    """The stderr of a build, its stdout, and its report."""

    said: str
    answer: str
    report: Any

    def new(self) -> list[str]:
        return [layer["name"] for layer in self.report["layers"] if layer["new"]]


@dataclass(frozen=True)
class Built:
    """A project with its name and its repository, and a method to build it."""

    folder: Path
    name: str
    repository: str

    def build(self, *words: str) -> Reported:
        command = (sys.executable, "-m", "mlspec", "build", "--report", "../report.json", *words)
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return Reported(done.stderr, done.stdout, json.loads((self.folder.parent / "report.json").read_text()))

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "MLSPEC_CACHE_DIR": str(self.folder.parent / "cache")}

    def label(self, name: str) -> str:
        words = ("docker", "image", "inspect", "--format", f'{{{{index .Config.Labels "{name}"}}}}', self.name)
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()

    def require(self, requirements: str) -> None:
        spec = self.folder / "mlspec.yaml"
        spec.write_text(spec.read_text().replace("[idna, pyyaml]", requirements))


@pytest.fixture(scope="module")
def built(registry: str, workshop: Path, prefix: str) -> Iterator[Built]:
    name = f"{prefix}-report-{secrets.token_hex(4)}"
    folder = workshop / "report" / "project"
    folder.mkdir(parents=True)
    (folder / "mlspec.yaml").write_text(SPEC.format(name=name))
    (folder / "main.py").write_text(f"print({name!r})\n")
    yield Built(folder, name, f"{registry}/{name}")
    # A push also leaves the image in the engine, under its name in the registry.
    subprocess.run(("docker", "rmi", "--force", f"{registry}/{name}"), capture_output=True)


@pytest.fixture(scope="module")
def first(built: Built) -> Reported:
    return built.build("--report", "../report.html", "--report", "../report.txt")


def manifest(reference: str) -> list[tuple[str, int]]:
    """Return the digests and sizes of the layers of an image in a registry."""
    words = ("docker", "buildx", "imagetools", "inspect", "--raw", reference)
    found = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
    return [(layer["digest"], layer["size"]) for layer in found["layers"]]


def test_the_first_build_has_nothing_to_compare_with(first: Reported) -> None:
    assert {layer["new"] for layer in first.report["layers"]} == {None}
    assert first.report["upload"] is None


def test_the_layers_are_told_by_what_is_in_them(first: Reported) -> None:
    named = [layer["name"] for layer in first.report["layers"] if layer["kind"] != "base"]
    packages = {layer["name"]: [package["name"] for package in layer["packages"]] for layer in first.report["layers"]}

    assert named == ["bytecode", "folders", "working_dir", "yaml", "tiny_wheels", "code"]
    assert (packages["yaml"], packages["tiny_wheels"]) == (["pyyaml"], ["idna"])


def test_every_kind_of_report_is_written(built: Built, first: Reported) -> None:
    place = built.folder.parent

    assert "pyyaml" in (place / "report.txt").read_text()
    assert "<svg" in (place / "report.html").read_text()


def test_builds_after_it_are_compared_with_the_last(built: Built, first: Reported) -> None:
    same = built.build()
    built.require("[idna, pyyaml, six]")
    added = built.build()

    assert same.new() == []
    assert same.report["upload"] == {"beside": "last build", "size": 0, "layers": 0, "pushed": False}
    assert "a push would upload no layers" in same.said
    assert added.new() == ["tiny_wheels"]
    assert 0 < added.report["upload"]["size"] < 200_000


def test_the_sizes_are_those_of_the_manifest_that_is_pushed(built: Built, first: Reported) -> None:
    pushed = built.build("--push", "--tag", built.repository)

    layers = manifest(built.repository)
    assert [(layer["digest"], layer["size"]) for layer in pushed.report["layers"]] == layers
    assert pushed.report["compressed"] is True
    assert pushed.report["size"] == sum(size for _, size in layers)


def test_a_push_is_compared_with_what_the_registry_had(built: Built, first: Reported) -> None:
    built.build("--push", "--tag", built.repository)
    before = set(manifest(built.repository))
    (built.folder / "main.py").write_text(f"print({secrets.token_hex(8)!r})\n")

    pushed = built.build("--push", "--tag", built.repository)

    new = set(manifest(built.repository)) - before
    assert pushed.report["upload"] == {
        "beside": "registry",
        "size": sum(n for _, n in new),
        "layers": 1,
        "pushed": True,
    }


def test_a_push_answers_with_the_digest_that_the_registry_has(built: Built, first: Reported) -> None:
    pushed = built.build("--push", "--tag", built.repository)

    words = ("docker", "buildx", "imagetools", "inspect", "--raw", built.repository)
    found = subprocess.run(words, check=True, capture_output=True).stdout
    assert pushed.answer == f"{built.repository}@sha256:{hashlib.sha256(found).hexdigest()}\n"


def layer_types(reference: str) -> set[str]:
    """Return the media types of the layers of an image in a registry."""
    words = ("docker", "buildx", "imagetools", "inspect", "--raw", reference)
    found = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
    return {layer["mediaType"].removeprefix("application/vnd.oci.image.layer.v1.") for layer in found["layers"]}


def test_all_layers_of_a_pushed_image_have_the_compression_that_was_asked_for(built: Built, first: Reported) -> None:
    built.build("--push", "--tag", built.repository)
    assert layer_types(built.repository) == {"tar+gzip"}

    # The layers of the base too, and those that the last build pushed.
    pushed = [built.build("--push", "--compression", "zstd", "--tag", built.repository).answer for _ in range(2)]
    assert layer_types(built.repository) == {"tar+zstd"}
    assert pushed[0] == pushed[1]


def test_a_new_revision_is_a_new_label_and_no_new_step(built: Built, first: Reported) -> None:
    git = ("git", "-c", "user.name=ann", "-c", "user.email=ann@example.com")
    revisions, builds = [], []
    subprocess.run((*git, "init", "--quiet"), cwd=built.folder, check=True)
    for message in ("one", "two"):
        subprocess.run((*git, "add", "--all"), cwd=built.folder, check=True)
        subprocess.run((*git, "commit", "--quiet", "--allow-empty", "-m", message), cwd=built.folder, check=True)
        builds.append(built.build())
        revisions.append(built.label("org.opencontainers.image.revision"))
    shutil.rmtree(built.folder / ".git")

    assert revisions[0] != revisions[1]
    assert all(revisions)
    assert builds[1].new() == []
    cached = {re.split("[,(]", step["label"])[0].strip() for step in builds[1].report["steps"] if step["cached"]}
    assert {"the code", "requirements: idna", "requirements: pyyaml"} <= cached


def test_a_report_beside_the_code_is_warned_of(built: Built, first: Reported) -> None:
    said = built.build("--report", "report.txt").said
    with contextlib.suppress(FileNotFoundError):
        (built.folder / "report.txt").unlink()

    assert "MLS582" in said


def test_the_engine_tells_the_same_layers_without_a_manifest(built: Built, first: Reported) -> None:
    from mlspec.host.engine import built_images

    made = built.build()
    found = built_images.read_built_image("", built.name)

    assert found is not None
    assert not found.is_compressed
    assert len(found.layers) == len(made.report["layers"])
    assert found.layers[-1].size < found.layers[0].size


def test_two_builds_at_the_same_time_report_the_same_image(workshop: Path, prefix: str) -> None:
    """BuildKit runs a shared step once, and reports neither its end nor its layers to the second build."""
    mark = secrets.token_hex(4)
    names = [f"{prefix}-shared-{mark}-{number}" for number in (1, 2)]
    run = f"run: [{{command: sleep 3 && echo {mark}, at: after_code}}]\n"
    for name in names:
        (workshop / name).mkdir()
        spec = f"name: {name}\npython: 3.12\nbase: slim-bookworm\nentrypoint: python main.py\n{run}"
        (workshop / name / "mlspec.yaml").write_text(spec)
        (workshop / name / "main.py").write_text(f"print({mark!r})\n")
        subprocess.run((sys.executable, "-m", "mlspec", "render"), cwd=workshop / name, check=True)
    command = (sys.executable, "-m", "mlspec", "build", "--report", "../{}.json")
    children = [
        subprocess.Popen(
            [word.format(name) for word in command], cwd=workshop / name, stderr=subprocess.PIPE, text=True
        )
        for name in names
    ]
    said = [child.communicate()[1] for child in children]
    words = ("docker", "image", "inspect", "--format", "{{len .RootFS.Layers}}", *names)
    counts = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()
    subprocess.run(("docker", "rmi", *names), capture_output=True)
    first, second = (json.loads((workshop / f"{name}.json").read_text()) for name in names)

    assert [child.returncode for child in children] == [0, 0], said
    assert ["canceled" in text for text in said] == [False, False]
    assert ["done     your step: sleep 3" in text for text in said] == [True, True]
    assert first["layers"] == second["layers"]
    assert [str(len(first["layers"]))] * 2 == counts
    assert (first["compressed"], second["compressed"]) == (True, True)
