"""Tests of installations in a clean environment: from a built wheel, and an editable one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.metadata import Metadata
from packaging.requirements import Requirement

from tests.support.places import PROJECT

# Files that a clone does not have, and large folders.
NOT_CLONED = (".git", ".venv", "__pycache__", "*.egg-info", "dist", ".*_cache", ".hypothesis", "site")
SPEC = "python: 3.12\nentrypoint: python train.py\n"

pytestmark = pytest.mark.slow


def _not_cloned(folder: str, names: list[str]) -> set[str]:
    # setuptools creates build/ at the top of the checkout. mlspec/build is a package.
    return shutil.ignore_patterns(*NOT_CLONED)(folder, names) | ({"build"} if Path(folder) == PROJECT else set())


@dataclass(frozen=True)
class Installation:
    """A copy of this checkout, and an environment with mlspec installed."""

    checkout: Path
    environment: Path
    wheel: Path

    def pip(self, *words: str) -> None:
        # Use the pip of these tests for the environment's Python, to save the installation of pip.
        pip = [sys.executable, "-m", "pip", "--python", str(self._python), "--quiet"]
        subprocess.run([*pip, *words], check=True, env=_clean() | {"PIP_NO_COMPILE": "1"})

    @property
    def _python(self) -> Path:
        return self.environment / ("Scripts" if os.name == "nt" else "bin") / "python"

    def run(self, program: str, *words: str, folder: Path) -> str:
        """Run a program of the environment without a network, and return its output."""
        command = [str(self._python.with_name(program)), *words]
        nowhere = {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
        done = subprocess.run(command, cwd=folder, env=_clean() | nowhere, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout


def _clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Return an environment with the wheel of a copy of this checkout and with its dependencies."""
    folder = tmp_path_factory.mktemp("packaging")
    shutil.copytree(PROJECT, folder / "checkout", ignore=_not_cloned, symlinks=True)
    # `make setup` installed this checkout with a setuptools of pip's choice. Here, the one of these tests is enough.
    words = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", "dist", "./checkout"]
    subprocess.run([sys.executable, "-m", "pip", *words], check=True, env=_clean(), cwd=folder)
    (wheel,) = (folder / "dist").glob("mlspec-*.whl")
    built = Installation(folder / "checkout", folder / "venv", wheel)
    venv.create(built.environment, symlinks=os.name != "nt")
    if os.name == "nt":
        built.pip("install", str(wheel))
    else:
        _link_dependencies(wheel, built.environment)
    return built


def _link_dependencies(wheel: Path, environment: Path) -> None:
    """Link what a wheel requires, and what that requires, from the environment of these tests: as pip would install it.

    pip takes ten seconds for it. `make setup` and .ci/run show that the index has them all.
    """
    with zipfile.ZipFile(wheel) as archive:
        (text,) = (archive.read(name) for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    (site,) = environment.glob("lib/python*/site-packages")
    wanted, seen = Metadata.from_email(text, validate=False).requires_dist or [], set[str]()
    while wanted:
        requirement = wanted.pop()
        if str(requirement) in seen:
            continue
        seen.add(str(requirement))
        found = distribution(requirement.name)
        assert requirement.specifier.contains(found.version, prereleases=True), requirement
        for name in {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}:
            if not (site / name).exists():
                (site / name).symlink_to(str(found.locate_file(name)))
        wanted += _required_by(found, requirement.extras or {""})


def _required_by(found: Distribution, extras: set[str]) -> list[Requirement]:
    own = map(Requirement, found.requires or ())
    return [one for one in own if not one.marker or any(one.marker.evaluate({"extra": name}) for name in extras)]


@pytest.fixture(scope="module", params=["wheel", "editable"])
def installation(built: Installation, request: pytest.FixtureRequest) -> Installation:
    """Return the environment, with mlspec from its wheel or from an editable install."""
    what = (
        [str(built.wheel)] if request.param == "wheel" else ["--no-build-isolation", "--editable", str(built.checkout)]
    )
    built.pip("install", "--no-deps", "--force-reinstall", *what)
    return built


def tracked(folder: str, *suffixes: str) -> set[str]:
    """Return the paths of the files in a folder of this checkout that belong in a package."""
    return {
        path.relative_to(PROJECT).as_posix()
        for path in (PROJECT / folder).rglob("*")
        if path.is_file() and path.suffix in suffixes and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_every_module_template_and_fact_and_nothing_else(built: Installation) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}

    templates = {f"mlspec/{name}" for name in tracked("templates", ".py", ".j2")}
    assert names == tracked("mlspec", ".py", ".toml", ".md", ".xz", ".typed") | templates


def test_the_wheel_says_what_it_is(built: Installation) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        (metadata,) = (archive.read(name).decode() for name in archive.namelist() if name.endswith("/METADATA"))
        licenses = [name for name in archive.namelist() if "/licenses/" in name]

    assert "\nRequires-Python: >=3.11\n" in metadata
    assert "\nDescription-Content-Type: text/markdown\n" in metadata
    assert len(licenses) == 1


def test_an_installation_renders_from_another_folder(installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "mlspec.yaml").write_text(SPEC)

    drawn = installation.run("mlspec", "render", "--unpinned", "--stdout", folder=tmp_path)

    assert "FROM python:3.12-slim-" in drawn
    assert 'ENTRYPOINT ["python", "train.py"]' in drawn


def test_an_installation_is_not_this_checkout(installation: Installation, tmp_path: Path) -> None:
    home = installation.run("python", "-c", "import mlspec; print(mlspec.__file__)", folder=tmp_path).strip()

    assert Path(home).is_relative_to(installation.wheel.parents[1])
