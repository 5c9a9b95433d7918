"""Tests of real builds with a package that only a private index with a login has."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlspec import api
from mlspec.facts.installer import pinned_installer
from mlspec.lock.state import LockOptions
from mlspec.targets import run_script
from mlspec.targets.build_options import BuildOptions
from tests.engine.conftest import PREFIX
from tests.support.index import File, PackageIndex, sdist, serving, wheel

pytestmark = pytest.mark.engine

PASSWORD = "s3cr3t-word"
SPEC = """\
python: 3.12
base: slim-bookworm
name: {name}
requirements: [team-fruit]
indexes: [{{url: {url}, packages: [team-*], secret: login}}]
secrets: {{login: {{environment: TEAM_NETRC}}}}
entrypoint: python -c "import team_fruit; print('found')"
"""


@pytest.fixture
def private(registry: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[PackageIndex]:
    monkeypatch.setenv("TEAM_NETRC", f"machine 127.0.0.1 login ann password {PASSWORD}")
    with serving(wheel("team-fruit", "1.0"), login=f"ann:{PASSWORD}") as index:
        yield index


def test_the_login_opens_the_index_and_stays_out_of_the_image(private: PackageIndex, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    name = f"{PREFIX}-private-index"
    (folder / "mlspec.yaml").write_text(SPEC.format(name=name, url=private.url))
    rendered = api.render(folder / "mlspec.yaml", LockOptions())
    api.write(rendered)

    # The index listens on this host's loopback address, which a build reaches only over the host's network.
    command = (*run_script.build_command(rendered.plans[0], BuildOptions(progress="plain")), "--network=host")
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    ran = subprocess.run([folder / "run.sh"], capture_output=True, text=True, check=True)

    assert ran.stdout == "found\n"
    assert PASSWORD not in built.stderr
    assert PASSWORD.encode() not in saved(name, tmp_path)


TWO_INDEXES = """\
python: 3.12
base: slim-bookworm
name: {name}
requirements: [fruit, team-fruit, lab-fruit]
indexes:
- {{url: {team}, packages: [team-*], secret: team}}
- {{url: {lab}, packages: [lab-*], secret: lab}}
secrets: {{team: {{environment: TEAM_NETRC}}, lab: {{environment: LAB_NETRC}}}}
entrypoint: python -c "import fruit, team_fruit, lab_fruit"
"""


def test_each_package_comes_from_its_own_index_with_its_own_login(
    registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEAM_NETRC", f"machine 127.0.0.2 login ann password {PASSWORD}")
    monkeypatch.setenv("LAB_NETRC", f"machine 127.0.0.3 login bob password {PASSWORD}-too")
    # The same files on all three indexes, so that hashes do not differ; newer files on the wrong indexes.
    files = [wheel("fruit", "1.0"), wheel("team-fruit", "1.0"), wheel("lab-fruit", "1.0")]
    with (
        serving(*files, wheel("team-fruit", "9.0"), wheel("lab-fruit", "9.0"), *installer(tmp_path)) as default,
        serving(*files, wheel("fruit", "9.0"), host="127.0.0.2", login=f"ann:{PASSWORD}") as team,
        serving(*files, wheel("team-fruit", "9.0"), host="127.0.0.3", login=f"bob:{PASSWORD}-too") as lab,
    ):
        monkeypatch.setenv("MLSPEC_INDEX_URL", default.url)
        name = f"{PREFIX}-two-indexes"
        folder = tmp_path / "project"
        folder.mkdir()
        (folder / "mlspec.yaml").write_text(TWO_INDEXES.format(name=name, team=team.url, lab=lab.url))
        indexes = (default, team, lab)

        rendered = api.render(folder / "mlspec.yaml", LockOptions())
        locked = [(index.pages, set(index.logins)) for index in indexes]
        for index in indexes:
            index.requests.clear()
            index.logins.clear()
        api.write(rendered)
        options = BuildOptions(progress="plain", index_url=default.url)
        command = (*run_script.build_command(rendered.plans[0], options), "--network=host", "--no-cache")
        built = subprocess.run(command, cwd=folder, capture_output=True, text=True)

    logins = [set(), {f"ann:{PASSWORD}"}, {f"bob:{PASSWORD}-too"}]
    assert built.returncode == 0, built.stderr
    assert locked == list(zip([{"fruit"}, {"team-fruit"}, {"lab-fruit"}], logins, strict=True))
    assert [index.pages - {"pip"} for index in indexes] == [{"fruit", "uv"}, {"team-fruit"}, {"lab-fruit"}]
    assert [index.logins for index in indexes] == logins
    assert [{name for name in index.downloads if "fruit" in name} for index in (team, lab)] == [
        {"team_fruit-1.0-py3-none-any.whl"},
        {"lab_fruit-1.0-py3-none-any.whl"},
    ]
    written = "".join(path.read_text() for path in folder.iterdir())
    assert PASSWORD not in f"{' '.join(command)}{built.stderr}{built.stdout}{written}"
    assert PASSWORD.encode() not in saved(name, tmp_path)


# A backend that requires a package for its build, and writes the installed version of the package into the wheel.
BACKEND = """\
import zipfile
from importlib.metadata import version

def get_requires_for_build_wheel(settings=None):
    return ["team-helper"]

def build_wheel(folder, settings=None, metadata=None):
    info = "team_source-1.0.dist-info"
    files = {
        "team_source.py": f"helper = {version('team-helper')!r}\\n",
        f"{info}/METADATA": "Metadata-Version: 2.2\\nName: team-source\\nVersion: 1.0\\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\\nGenerator: backend\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\\n" for path in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(f"{folder}/team_source-1.0-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
    return "team_source-1.0-py3-none-any.whl"
"""
PROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
SOURCE = sdist("team-source", "1.0", contents={"pyproject.toml": PROJECT, "backend.py": BACKEND})
FROM_SOURCE = """\
python: 3.12
base: slim-bookworm
name: {name}
requirements: [team-source]
indexes: [{{url: {url}, packages: [team-*]}}]
entrypoint: python -c "import team_source; print(team_source.helper)"
"""


def test_what_a_build_asks_for_unforeseen_comes_from_the_index_of_the_spec_before_the_default_one(
    registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        serving(SOURCE, wheel("team-helper", "1.0")) as team,
        serving(wheel("team-helper", "9.0"), *installer(tmp_path)) as default,
    ):
        monkeypatch.setenv("MLSPEC_INDEX_URL", default.url)
        folder = tmp_path / "project"
        folder.mkdir()
        (folder / "mlspec.yaml").write_text(FROM_SOURCE.format(name=f"{PREFIX}-from-source", url=team.url))
        rendered = api.render(folder / "mlspec.yaml", LockOptions())
        api.write(rendered)
        options = BuildOptions(progress="plain", index_url=default.url)
        command = (*run_script.build_command(rendered.plans[0], options), "--network=host", "--no-cache")
        built = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    ran = subprocess.run([folder / "run.sh"], capture_output=True, text=True, check=True)

    assert ran.stdout == "1.0\n"


@pytest.mark.parametrize(
    ("layers", "installers"), [("", set()), ("layers: {ours: [team-*]}\n", {"uv"})], ids=["light", "layers"]
)
def test_a_mirror_of_the_index_is_where_packages_come_from(
    layers: str, installers: set[str], registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(wheel("team-fruit", "1.0")) as mirror:
        monkeypatch.setenv("MLSPEC_INDEX_URL", mirror.url)
        folder = tmp_path / "mirrored"
        folder.mkdir()
        spec = f"python: 3.12\nbase: slim-bookworm\nname: {PREFIX}-mirrored\nrequirements: [team-fruit]\n"
        (folder / "mlspec.yaml").write_text(f"{spec}{layers}entrypoint: python -c 'import team_fruit'\n")
        rendered = api.render(folder / "mlspec.yaml", LockOptions())
        api.write(rendered)
        options = BuildOptions(progress="plain", index_url=mirror.url)
        mirror.add(*installer(tmp_path))
        command = (*run_script.build_command(rendered.plans[0], options), "--network=host")
        built = subprocess.run(command, cwd=folder, capture_output=True, text=True)

    assert built.returncode == 0, built.stderr
    assert {name.partition("-")[0] for name in mirror.downloads} == {"team_fruit", *installers}


def installer(folder: Path) -> Iterator[File]:
    """Yield the wheel of the installer, because a mirror has it too."""
    row = pinned_installer()
    words = [
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        "--dest",
        str(folder),
        f"{row.name}=={row.version}",
    ]
    subprocess.run([sys.executable, "-m", "pip", *words], check=True)
    yield from (File(path.name, row.name, path.read_bytes()) for path in folder.glob("*.whl"))


def saved(image: str, folder: Path) -> bytes:
    """Return all bytes of an image: its history, its configuration and the contents of its layers."""
    archive = folder / "image.tar"
    subprocess.run(["docker", "save", "--output", archive, image], check=True)
    layers = folder / "layers"
    layers.mkdir()
    subprocess.run(["tar", "-xf", archive, "-C", layers], check=True)
    blobs = [path for path in layers.rglob("*") if path.is_file()]
    plain = [subprocess.run(["gzip", "-dcf", blob], capture_output=True, check=True).stdout for blob in blobs]
    return b"".join(plain)
