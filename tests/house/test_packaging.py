"""What is installed: from a built wheel and from an editable install, each in a clean environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.places import PROJECT

# What git leaves out of a clone, and what is large.
NOT_CLONED = (".git", ".venv", "__pycache__", "*.egg-info", "dist", ".*_cache", ".hypothesis", "site")
SPEC = "python: 3.12\nentrypoint: python train.py\n"

pytestmark = pytest.mark.slow


def _not_cloned(folder: str, names: list[str]) -> set[str]:
    # setuptools leaves build/ at the top; below it, mlspec/build is a package.
    return shutil.ignore_patterns(*NOT_CLONED)(folder, names) | ({"build"} if Path(folder) == PROJECT else set())


@dataclass(frozen=True)
class Installation:
    """A copy of this checkout, and an environment that mlspec is installed in."""

    checkout: Path
    environment: Path
    wheel: Path

    def pip(self, *words: str) -> None:
        # The pip of these tests, for the environment's Python: a pip in each would have to be installed first.
        pip = [sys.executable, "-m", "pip", "--python", str(self._python), "--quiet"]
        subprocess.run([*pip, *words], check=True, env=_clean() | {"PIP_NO_COMPILE": "1"})

    @property
    def _python(self) -> Path:
        return self.environment / ("Scripts" if os.name == "nt" else "bin") / "python"

    def run(self, program: str, *words: str, folder: Path) -> str:
        """Return what a program of the environment prints, where no network can be reached."""
        command = [str(self._python.with_name(program)), *words]
        nowhere = {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
        done = subprocess.run(command, cwd=folder, env=_clean() | nowhere, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout


def _clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Return an environment with the wheel of a copy of this checkout, and all it depends on."""
    folder = tmp_path_factory.mktemp("packaging")
    shutil.copytree(PROJECT, folder / "checkout", ignore=_not_cloned, symlinks=True)
    words = ["wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder / "dist"), str(folder / "checkout")]
    subprocess.run([sys.executable, "-m", "pip", *words], check=True, env=_clean())
    (wheel,) = (folder / "dist").glob("mlspec-*.whl")
    built = Installation(folder / "checkout", folder / "venv", wheel)
    venv.create(built.environment, symlinks=os.name != "nt")
    built.pip("install", str(wheel))
    return built


@pytest.fixture(params=["wheel", "editable"])
def installation(built: Installation, request: pytest.FixtureRequest) -> Installation:
    """Return the environment with mlspec from its wheel, then from a folder that can be edited."""
    what = (
        [str(built.wheel)] if request.param == "wheel" else ["--no-build-isolation", "--editable", str(built.checkout)]
    )
    built.pip("install", "--no-deps", "--force-reinstall", *what)
    return built


def tracked(folder: str, *suffixes: str) -> set[str]:
    """Return the files of this checkout that belong in a package, by their paths."""
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
