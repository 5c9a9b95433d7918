"""Snapshots: each spec below specs/ draws its files below drawn/, and linters find nothing in these files.

After a wanted change: pytest tests/targets/test_snapshots.py --snapshot-update, and read the diff.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import jinja2
import pytest
import yaml
from jinja2.nodes import TemplateData

from mlspec import api
from mlspec.facts import base_image
from mlspec.lock.image_facts import ImageFacts
from mlspec.lock.pins import FROM_GIT
from mlspec.lock.requirements.local_packages.local_package import LocalPackage
from mlspec.lock.requirements.local_packages.local_wheel import LocalWheel
from mlspec.lock.source_layers import SourceLayer, local_source_layers
from mlspec.plan import plan
from mlspec.spec.document import parse
from mlspec.spec.files import Artifact, architecture
from mlspec.spec.keys import Settings, TopKeys
from mlspec.spec.spec import Image, validate
from mlspec.targets import filters, registry
from tests.support import places
from tests.support.golden import Golden
from tests.support.places import DRAWN

SPECS = sorted(places.SPECS.glob("*.yaml"))
FORMER = "sha256:" + "cd" * 32
DIGEST = f"sha256:{'ab' * 32}"

# The sources in the locks of some specs.
SOURCES = {
    "compiled": (
        SourceLayer(layer="psycopg2", packages=("psycopg2",), languages=("C",), is_locked=True),
        SourceLayer(layer="team-crate", packages=("team-crate",), languages=("Rust",)),
        SourceLayer(layer="antlr4-python3-runtime", packages=("antlr4-python3-runtime",), languages=("Python",)),
        SourceLayer(layer=FROM_GIT, packages=("tool",), languages=("C++",), is_locked=True),
    ),
    "platforms-git": (
        SourceLayer(layer="psycopg2", packages=("psycopg2",), languages=("C",), is_locked=True),
        SourceLayer(layer=FROM_GIT, packages=("our-lib",), languages=("Python",), is_locked=True),
    ),
    "compiled-cuda": (
        SourceLayer(
            layer="flash-attn",
            packages=("flash-attn",),
            languages=("C++", "CUDA"),
            first=(("flash-attn", ("torch==2.6.0+cu124", "ninja")),),
            is_locked=True,
        ),
    ),
}

# The packages of the project in the requirements of some specs.
LOCAL = {
    "project": (LocalPackage(path=".", name="tool", requires=("hatchling",), files=("README.md", "pyproject.toml")),),
    "project-compiled": (
        LocalPackage(path=".", name="tool", requires=("setuptools",), files=("setup.py",), is_compiled=True),
    ),
    "project-platforms": (
        LocalPackage(path=".", name="tool", requires=("hatchling",), files=("pyproject.toml",)),
        LocalPackage(path="libs/common", name="common", requires=("flit_core",), files=("common.py", "pyproject.toml")),
    ),
}

# The wheels of the project in the requirements of some specs.
WHEELS = {
    "project-wheel": (LocalWheel(path="dist/tool-1.0-py3-none-any.whl", name="tool", version="1.0", sha256="ef" * 32),),
}

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the linters are run as files of this system")


def resolved(stem: str, image: Image, name: str | None) -> ImageFacts:
    """Return facts about an image as its lock might have them."""
    settings = image.settings
    choice = base_image.base_reference(settings.python, settings.base)
    assert isinstance(choice, base_image.BaseChoice)
    from_git = [text for text in settings.requirements if "git+" in text]
    alone = {"numpy", "torch", *(source.layer for source in SOURCES.get(stem, ()))}
    wheels = [text for text in settings.requirements if not re.search(r"git\+|^-e|^\.", text)]
    are_several = len(settings.platforms) > 1
    return ImageFacts(
        project=name or stem,
        base=f"{choice.reference}@{DIGEST}",
        is_official=choice.is_official,
        codename=choice.codename or "",
        glibc=choice.glibc or "",
        install_base=f"{choice.reference}@{FORMER}" if stem.endswith("upgraded-base") else None,
        layers=(
            *(text for text in wheels if text in alone),
            *(["tiny_wheels"] if wheels else []),
            *(["tiny_wheels.ours"] if settings.indexes else []),
        ),
        architectures=tuple(map(architecture, settings.platforms)) if are_several else (),
        has_vcs=bool(from_git),
        dev=settings.dev,
        dev_indexes=tuple(index.url for index in settings.indexes if set(index.packages) & set(settings.dev)),
        has_dev_locks=bool(settings.dev),
        uses_ssh=any("git+ssh:" in text for text in from_git),
        sources=(*SOURCES.get(stem, ()), *local_source_layers(LOCAL.get(stem, ()))),
        local=LOCAL.get(stem, ()),
        wheels=WHEELS.get(stem, ()),
        has_build_locks=stem in LOCAL or any(source.is_locked for source in SOURCES.get(stem, ())),
        layer_indexes=(("tiny_wheels.ours", settings.indexes[0].url),) if settings.indexes else (),
        index_urls=tuple(index.url for index in settings.indexes),
    )


def drawn(path: Path, names: Iterable[str] = ()) -> tuple[Artifact, ...]:
    """Draw the artifacts of a spec; ``names`` are targets, by default those of the spec."""
    spec = api.load(path)
    plans = [plan.resolve(path.name, image, resolved(path.stem, image, spec.name)) for image in spec.images]
    return registry.emit_all(plans, names or (*registry.ALWAYS, *spec.targets))


def shared(text: str, target: str, file: str = "mlspec.yaml") -> str:
    """Return the file of a target for all images of a spec without packages."""
    spec = validate(parse(f"python: 3.12\n{text}", file))
    known = ImageFacts(project=spec.name or "lab", base="python:3.12-slim", is_official=True)
    (artifact,) = registry.emit_all([plan.resolve(file, image, known) for image in spec.images], [target])
    return artifact.text


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_draws_what_it_drew(path: Path, golden: Golden) -> None:
    for artifact in drawn(path):
        assert artifact.text == golden(DRAWN / artifact.path)


def test_no_snapshot_is_left_over() -> None:
    names = {artifact.path for path in SPECS for artifact in drawn(path)}

    assert {path.relative_to(DRAWN).as_posix() for path in DRAWN.rglob("*") if path.is_file()} == names


def test_every_key_is_drawn() -> None:
    specs = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in SPECS]
    images = [image for spec in specs for image in spec.get("images", {}).values()]

    assert {key for keys in (*specs, *images) for key in keys} == {*Settings.model_fields, *TopKeys.model_fields}


def words_of(template: str) -> set[str]:
    """Return the literal lines of a template, without values."""
    environment = filters.environment()
    assert isinstance(environment.loader, jinja2.PackageLoader)
    source = environment.loader.get_source(environment, template)[0]
    parts = (node.data for node in environment.parse(source).find_all(TemplateData))
    return {line.strip() for part in parts for line in part.splitlines() if line.strip()}


@pytest.mark.parametrize("template", ["Dockerfile.j2", "dockerignore.j2", "run.sh.j2", "devcontainer.j2"])
def test_every_word_of_the_templates_is_drawn(template: str) -> None:
    every = "".join(path.read_text(encoding="utf-8") for path in DRAWN.rglob("*") if path.is_file())

    assert sorted(words for words in words_of(template) if words not in every) == []


@pytest.mark.parametrize(("linter", "suffix"), [("hadolint", "Dockerfile"), ("shellcheck", "run.sh")])
def test_a_linter_finds_nothing(linter: str, suffix: str) -> None:
    paths = sorted(path for path in DRAWN.rglob("*") if path.name.endswith(suffix))
    program = Path(sys.executable).with_name(linter)
    assert subprocess.run([program, *paths], capture_output=True, text=True, check=False).stdout == ""


@pytest.mark.parametrize("path", sorted(DRAWN.glob("*.run.sh")), ids=lambda path: path.name)
def test_a_shell_can_read_it(path: Path) -> None:
    assert subprocess.run(["sh", "-n", path], capture_output=True, text=True, check=False).stderr == ""
