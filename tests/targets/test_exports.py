"""Tests of exports: each form is read by a reader of the tools that take it, and has the pins of the lock."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from packaging.pylock import Pylock
from packaging.requirements import Requirement
from pip._internal.network.session import PipSession
from pip._internal.req import parse_requirements

from mlspec.lock.pins import Layer, Pin, RequirementsLock
from mlspec.lock.requirements.indexes import Index
from mlspec.lock.requirements.local_packages.local_package import LocalPackage
from mlspec.spec import document, spec
from mlspec.spec.spec import Image
from mlspec.targets.exports.conda_export import export_conda
from mlspec.targets.exports.export_facts import ExportFacts, ExportForm
from mlspec.targets.exports.export_losses import find_export_losses, list_container_keys
from mlspec.targets.exports.pip_export import export_requirements
from mlspec.targets.exports.pylock_export import ExportedFile, export_pylock

COMMIT = "c" * 40


def value(letter: str) -> str:
    return f"sha256:{letter * 64}"


PINS = (
    Pin(name="numpy", version="2.3.1", requirement="numpy==2.3.1", hashes=(value("a"), value("b"))),
    Pin(name="torch", version="2.9.0+cpu", requirement="torch==2.9.0+cpu", hashes=(value("d"),), via=("ours",)),
    Pin(name="docopt", version="0.6", requirement="docopt==0.6", hashes=(value("e"),), is_source=True),
    Pin(
        name="plain",
        version="1.0",
        requirement="plain @ https://example.com/plain-1.0-py3-none-any.whl",
        hashes=(value("f"),),
    ),
    Pin(
        name="uvicorn",
        version="0.5",
        requirement="uvicorn[standard]==0.5",
        hashes=(value("9"),),
        marker='sys_platform == "linux"',
    ),
)
GIT = Pin(
    name="ours",
    version="1.0",
    requirement=f"ours @ git+https://git.example/ours.git@{COMMIT}#subdirectory=py",
    ref="v1",
    is_source=True,
)
TORCH = "https://download.pytorch.org/whl/cpu"
FACTS = ExportFacts(
    name="app-train",
    spec_file="mlspec.yaml",
    platform="linux/amd64",
    python="3.12.4",
    asked_python="3.12",
    packages=RequirementsLock(layers=(Layer("one", PINS[:2]), Layer("two", PINS[2:])), vcs=(GIT,)),
    indexes=(Index(url=TORCH, packages=("torch",)), Index(url="https://unused.example/simple", packages=("other",))),
    environment={"THREADS": "4", "TEXT": "yes: 'no'"},
)
FILES = {
    "numpy": {
        value("a"): ExportedFile("numpy-2.3.1-cp312-cp312-manylinux_2_28_x86_64.whl", "https://files.example/n", 7),
        value("0"): ExportedFile("numpy-2.3.1-cp312-cp312-win_amd64.whl", "https://files.example/w", 7),
    },
    "torch": {value("d"): ExportedFile("torch-2.9.0+cpu-cp312-cp312-linux_x86_64.whl", "https://files.example/t")},
    "docopt": {value("e"): ExportedFile("docopt-0.6.tar.gz", "https://files.example/docopt-0.6.tar.gz", 5)},
    "uvicorn": {value("9"): ExportedFile("uvicorn-0.5-py3-none-any.whl", "https://files.example/uvicorn.whl", 5)},
}


def read_by_pip(text: str, folder: Path) -> tuple[dict[str, set[str]], list[str]]:
    """Return the requirements with their hashes, and the indexes, that pip reads in a file."""
    from pip._internal.index.collector import LinkCollector
    from pip._internal.index.package_finder import PackageFinder
    from pip._internal.models.search_scope import SearchScope
    from pip._internal.models.selection_prefs import SelectionPreferences

    file = folder / "requirements.txt"
    file.write_text(text)
    session = PipSession()
    scope = SearchScope.create(find_links=[], index_urls=[], no_index=False)
    finder = PackageFinder.create(LinkCollector(session, scope), SelectionPreferences(allow_yanked=False))
    rows = list(parse_requirements(str(file), session, finder))
    hashes = {
        row.requirement.strip(): {
            f"{kind}:{one}" for kind, some in (row.options or {})["hashes"].items() for one in some
        }
        for row in rows
    }
    return hashes, finder.search_scope.index_urls


def test_pip_reads_each_package_with_its_hashes_and_the_used_indexes(tmp_path: Path) -> None:
    found, urls = read_by_pip(export_requirements(FACTS), tmp_path)

    expected = {f"{pin.requirement}{f' ; {pin.marker}' if pin.marker else ''}": set(pin.hashes) for pin in PINS}
    assert found == expected
    assert urls == [TORCH]


def test_an_index_for_all_packages_replaces_the_default_one() -> None:
    facts = replace(FACTS, indexes=(*FACTS.indexes, Index(url="https://all.example/simple")))

    assert f"--extra-index-url {TORCH}\n--index-url https://all.example/simple\n" in export_requirements(facts)


def test_a_package_from_git_is_a_command_in_a_comment() -> None:
    (line,) = [line for line in export_requirements(FACTS).splitlines() if COMMIT in line]

    assert line == f"# Not in this file, because it has no hash: pip install --no-deps '{GIT.requirement}'"


def test_the_reader_of_pep_751_finds_files_archives_and_commits() -> None:
    lock = Pylock.from_dict(tomllib.loads(export_pylock(FACTS, FILES)))

    packages = {str(package.name): package for package in lock.packages}
    assert sorted(packages) == ["docopt", "numpy", "ours", "plain", "torch", "uvicorn"]
    (numpy,) = packages["numpy"].wheels or ()
    assert (numpy.filename, numpy.hashes, numpy.size) == (FILES["numpy"][value("a")].name, {"sha256": "a" * 64}, 7)
    source, archive, ours = packages["docopt"].sdist, packages["plain"].archive, packages["ours"].vcs
    assert source
    assert archive
    assert ours
    assert (source.hashes, archive.hashes) == ({"sha256": "e" * 64}, {"sha256": "f" * 64})
    assert (ours.url, ours.commit_id, ours.requested_revision, ours.subdirectory) == (
        "https://git.example/ours.git",
        COMMIT,
        "v1",
        "py",
    )
    assert packages["ours"].dependencies == [{"name": "torch"}]
    assert packages["torch"].index == TORCH
    assert str(packages["uvicorn"].marker) == 'sys_platform == "linux"'


@pytest.mark.parametrize(("machine", "python", "fits"), [("x86_64", "3.12.9", True), ("arm64", "3.12.9", False)])
def test_a_pylock_is_for_the_platform_and_the_python_of_the_image(machine: str, python: str, fits: bool) -> None:
    lock = Pylock.from_dict(tomllib.loads(export_pylock(FACTS, FILES)))

    environment = {"sys_platform": "linux", "platform_machine": machine, "implementation_name": "cpython"}
    assert [marker.evaluate(environment) for marker in lock.environments or ()] == [fits]
    assert python in (lock.requires_python or "")
    assert "3.13.0" not in (lock.requires_python or "")


def test_an_environment_of_conda_has_python_packages_and_variables() -> None:
    found = yaml.safe_load(export_conda(FACTS))

    *programs, packages = found["dependencies"]
    assert (found["name"], programs) == ("app-train", ["python=3.12", "pip"])
    option, *lines = packages["pip"]
    assert option == f"--extra-index-url {TORCH}"
    assert [str(Requirement(re.split(" --hash=", line)[0])) for line in lines] == [
        str(Requirement(f"{pin.requirement}{f' ; {pin.marker}' if pin.marker else ''}"))
        for pin in sorted(PINS, key=lambda pin: pin.name)
    ]
    assert found["variables"] == FACTS.environment


def image_of(text: str) -> Image:
    return spec.validate(document.parse(text, "mlspec.yaml")).images[0]


FULL = """python: 3.12
base: debian:12-slim
accelerator: cuda
apt: [ffmpeg]
build_apt: [gcc]
environment: {A: 1, B: }
env_file: my.env
secrets: [TOKEN]
indexes: [{url: "https://download.pytorch.org/whl/cpu", packages: [torch], secret: TOKEN}]
run: [make]
requirements: [numpy]
entrypoint: python x.py
"""


def test_every_setting_of_the_environment_that_is_lost_is_a_warning_at_its_line() -> None:
    found = find_export_losses(FACTS, image_of(FULL), "requirements")

    assert [(problem.code, problem.span.line if problem.span else 0) for problem in found] == [
        ("MLS430", 11), ("MLS431", 4), ("MLS431", 5), ("MLS431", 2), ("MLS431", 3), ("MLS431", 9), ("MLS431", 6),
        ("MLS431", 7), ("MLS431", 8), ("MLS431", 10),
    ]  # fmt: skip
    assert [problem.severity for problem in found].count("error") == 1


def test_conda_keeps_variables_and_a_pylock_keeps_git() -> None:
    of_conda = [problem.message for problem in find_export_losses(FACTS, image_of(FULL), "conda")]
    of_pylock = [problem.code for problem in find_export_losses(FACTS, image_of(FULL), "pylock")]

    assert "environment.yml cannot contain environment variables: B" in of_conda
    assert "MLS430" not in of_pylock


@pytest.mark.parametrize("form", ["requirements", "pylock", "conda"])
def test_a_package_of_the_project_is_in_no_form(form: ExportForm) -> None:
    local = LocalPackage(path="libs/own", name="own", requires=(), files=())

    found = find_export_losses(replace(FACTS, local=(local,)), image_of("python: 3.12\n"), form)

    (problem,) = [problem for problem in found if "own:" in problem.message]
    assert (problem.code, problem.hint) == ("MLS430", "install it as well: pip install --no-deps -e ./libs/own")


def test_the_keys_about_containers_are_listed() -> None:
    assert list_container_keys(image_of(FULL)) == ("entrypoint",)
