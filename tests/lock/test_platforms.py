"""Tests of images for several platforms: a lock for each platform, and one Dockerfile, explanation, check and build."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mlspec.errors import Problem
from mlspec.host.resolver import process
from mlspec.lock import platforms
from mlspec.lock.image_facts import ImageFacts
from mlspec.lock.pins import Layer, LockTarget, Pin, RequirementsLock
from mlspec.lock.requirements.collect import RequirementEntry, collect
from mlspec.plan.plan import Plan, resolve
from mlspec.spec.spec import Image
from mlspec.targets import run_script
from mlspec.targets.build_options import BuildOptions
from tests.cli.test_pipeline import LOCK, mlspec, texts
from tests.support.compiling import compile_requirements
from tests.support.index import File, serving, wheel

AMD, ARM = "linux/amd64", "linux/arm64"
SPEC = """\
python: 3.12
base: slim-bookworm
platforms: [linux/amd64, linux/arm64]
requirements: [app]
"""
LOCKS = ("requirements.amd64.lock", "requirements.arm64.lock")
Serve = Callable[..., None]


def native(name: str, version: str, *machines: str, requires: tuple[str, ...] = (), size: int = 0) -> list[File]:
    """Return a wheel for each machine."""
    return [wheel(name, version, requires, tag=f"cp312-cp312-manylinux_2_17_{m}", size=size) for m in machines]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Return a function that replaces the default index by one with the given files."""
    monkeypatch.setenv("MLSPEC_REGISTRY_MIRROR", "http://127.0.0.1:9")
    with ExitStack() as stack:
        yield lambda *files: monkeypatch.setenv("MLSPEC_INDEX_URL", stack.enter_context(serving(*files)).url)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serve: Serve) -> Path:
    """A folder with a spec for two platforms; on one of them its package requires another, large package."""
    serve(
        *native("app", "1.0", "x86_64", "aarch64", requires=('gpu ; platform_machine == "x86_64"', "pure")),
        *native("app", "2.0", "x86_64", "aarch64", requires=('gpu ; platform_machine == "x86_64"', "pure")),
        *native("gpu", "1.0", "x86_64", size=9_000_000),
        wheel("pure", "1.0"),
    )
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "mlspec.yaml").write_text(SPEC)
    (folder / "mlspec.lock").write_text(LOCK)
    monkeypatch.chdir(folder)
    return folder


def pinned(name: str) -> set[str]:
    return set(re.findall(r"^(\S+==\S+)", Path(name).read_text(), re.MULTILINE))


def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLSPEC_INDEX_URL", "http://127.0.0.1:9/simple/")


# Locking


def test_each_platform_has_a_lock_of_its_own(project: Path) -> None:
    said = mlspec("render").stderr

    assert [pinned(name) for name in LOCKS] == [{"app==2.0", "gpu==1.0", "pure==1.0"}, {"app==2.0", "pure==1.0"}]
    assert "+ gpu 1.0, on linux/amd64\n" in said
    assert "+ app 2.0\n" in said
    assert "requirements.lock" not in texts(project)


def test_a_layer_of_one_platform_is_empty_on_the_other(project: Path) -> None:
    mlspec("render")

    drawn = (project / "Dockerfile").read_text()
    assert "--mount=type=bind,source=requirements.$TARGETARCH.lock,target=/requirements.lock" in drawn
    assert "for layer in gpu tiny_wheels; do" in drawn


def test_what_is_current_is_rendered_without_a_network(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlspec("render")
    before = texts(project)
    offline(monkeypatch)

    mlspec("render", "--check")
    mlspec("render", "--locked")

    assert texts(project) == before


def test_a_hand_in_one_lock_is_noticed(project: Path) -> None:
    mlspec("render")
    lock = project / LOCKS[1]
    lock.write_text(lock.read_text().replace("pure==1.0", "pure==0.9"))

    assert "MLS405: requirements.arm64.lock was edited by hand" in mlspec("render", "--check", code=1).stderr


def test_one_platform_becomes_two_and_no_pin_moves(project: Path, serve: Serve) -> None:
    one = SPEC.replace("[linux/amd64, linux/arm64]", "linux/amd64").replace("[app]", "[app==1.0]")
    (project / "mlspec.yaml").write_text(one)
    mlspec("render")
    former = (project / "requirements.lock").read_text()
    serve(
        *native("app", "1.0", "x86_64", "aarch64", requires=('gpu ; platform_machine == "x86_64"', "pure")),
        *native("gpu", "1.0", "x86_64", size=9_000_000),
        *(wheel("pure", version) for version in ("1.0", "2.0")),
    )

    (project / "mlspec.yaml").write_text(one.replace("linux/amd64", "[linux/amd64, linux/arm64]"))
    said = mlspec("render").stderr

    assert (project / LOCKS[0]).read_text() == former
    assert pinned(LOCKS[1]) == {"app==1.0", "pure==1.0"}
    assert "on linux/amd64\n" not in said


def test_two_platforms_become_one_without_a_network(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlspec("render")
    arm = (project / LOCKS[1]).read_text()
    offline(monkeypatch)

    (project / "mlspec.yaml").write_text(SPEC.replace("[linux/amd64, linux/arm64]", "linux/arm64"))
    mlspec("render")

    assert (project / "requirements.lock").read_text() == arm


def test_platforms_have_one_version_wherever_it_fits(project: Path) -> None:
    (project / "mlspec.yaml").write_text(SPEC.replace("[app]", "[app==1.0]"))
    mlspec("render")
    (project / "mlspec.yaml").write_text(SPEC)

    mlspec("lock", "--upgrade-package", "app")

    assert [sorted(pinned(name))[0] for name in LOCKS] == ["app==2.0", "app==2.0"]


def test_another_version_on_one_platform_is_told(project: Path, serve: Serve) -> None:
    serve(*native("app", "1.0", "x86_64", "aarch64"), *native("app", "2.0", "x86_64"))

    said = mlspec("render").stderr

    assert "MLS237: warning: app is 2.0 on linux/amd64 and 1.0 on linux/arm64" in said
    assert "hint: to have one version on all, require app==1.0" in said


def test_a_wheel_that_one_platform_lacks_is_told_with_the_marker_to_write(project: Path, serve: Serve) -> None:
    serve(*native("app", "1.0", "x86_64"))

    said = mlspec("render", code=3).stderr

    assert "MLS236: app 1.0 has no wheel for Python 3.12.15 on linux/arm64" in said
    assert 'or leave it out there: app ; platform_machine == "x86_64"' in said
    assert not (project / "Dockerfile").exists()


def test_what_no_platform_has_is_told_once(project: Path, serve: Serve) -> None:
    serve()

    assert mlspec("render", code=1).stderr.count("MLS242: there is no package app") == 1


def test_a_platform_without_any_package_has_an_empty_lock(project: Path) -> None:
    (project / "mlspec.yaml").write_text(SPEC.replace("[app]", "['pure ; platform_machine == \"x86_64\"']"))

    mlspec("render")

    assert (pinned(LOCKS[0]), pinned(LOCKS[1])) == ({"pure==1.0"}, set())
    mlspec("render", "--check")


# The host

HOSTS = {
    "macOS": ("Darwin", "arm64", "darwin", "macosx-14.0-arm64"),
    "Windows": ("Windows", "AMD64", "win32", "win-amd64"),
    "another Linux": ("Linux", "riscv64", "linux", "linux-riscv64"),
}


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("python", ["3.9.25", "3.14.0"])
def test_the_host_changes_nothing_in_a_lock(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, python: str
) -> None:
    """In the child that resolves, all functions of Python report another machine."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    minor = python.replace(".", "").removesuffix("0" if python.endswith(".0") else "25")
    markers = (
        'a ; platform_system == "Linux"',
        'b ; sys_platform == "linux" and os_name == "posix"',
        'c ; platform_machine == "aarch64"',
        f'd ; implementation_name == "cpython" and implementation_version == "{python}"',
        f'e ; platform_python_implementation == "CPython" and python_full_version == "{python}"',
        'f ; platform_system == "Darwin" or sys_platform == "win32" or os_name == "nt"',
        'g ; "told" in platform_version or platform_release == "99"',
    )
    tags = ("win_amd64", "macosx_11_0_arm64", "linux_riscv64")
    serve(
        wheel("app", "2.0", markers),
        *(wheel(letter, "1") for letter in "abcdefg"),
        *(wheel("app", "3", tag=f"cp{minor}-cp{minor}-{tag}") for tag in tags),
    )
    system, machine, name, tag = HOSTS[host]
    lies = (
        f"import os, platform, sysconfig; platform.system = lambda: {system!r}; platform.machine = lambda: {machine!r}",
        "platform.release = lambda: '99'; platform.version = lambda: 'told'",
        "platform.mac_ver = lambda *_: ('14.0', ('', '', ''), 'arm64')",
        f"sysconfig.get_platform = lambda: {tag!r}; sys.platform = {name!r}",
    )
    monkeypatch.setattr(process, "START", process.START.replace("import main;", f"import main; {'; '.join(lies)};"))
    wanted = collect([RequirementEntry("app", ("requirements", 0))], lambda _: "", "mlspec.yaml")

    found = [
        {
            pin.name
            for pin in compile_requirements(wanted, LockTarget(python=python, platform=on, glibc="2.36"), ()).pins
        }
        for on in (AMD, ARM)
    ]

    assert found == [{"a", "app", "b", "d", "e"}, {"a", "app", "b", "c", "d", "e"}]


# Other readers of locks


def test_explain_points_at_the_lock_of_each_platform(project: Path) -> None:
    mlspec("render")

    drawn = (project / "Dockerfile").read_text().splitlines()
    said = mlspec("explain", f"Dockerfile:{drawn.index('FROM installer AS layer-tiny_wheels') + 1}").stdout

    assert "requirements.amd64.lock" in said
    assert "requirements.arm64.lock" in said


def test_explain_explains_both_locks(project: Path) -> None:
    mlspec("render")

    said = mlspec("explain", "--format", "json", "--target", "lock").stdout

    found = json.loads(said)
    names = {Path(part["path"]).name for part in (found if isinstance(found, list) else found["artifacts"])}
    assert {*LOCKS, "mlspec.lock"} <= names


def test_a_bill_is_of_one_platform(project: Path) -> None:
    mlspec("render")

    def parts(*words: str) -> set[str]:
        return {part["name"] for part in json.loads(mlspec("sbom", *words).stdout)["components"]} & {"gpu", "pure"}

    assert parts() == {"gpu", "pure"}
    assert parts("--platform", ARM) == {"pure"}


def test_a_platform_that_the_image_has_not_is_refused(project: Path) -> None:
    (project / "mlspec.yaml").write_text(SPEC.replace(", linux/arm64]", "]"))
    mlspec("render")

    said = mlspec("sbom", "--platform", ARM, code=1).stderr

    assert "mlspec.yaml:3:12: MLS239: written-once is not for linux/arm64" in said


def test_a_run_takes_the_platform_of_its_engine(project: Path) -> None:
    mlspec("render")

    assert "--platform" not in (project / "run.sh").read_text()


# Values


@pytest.fixture
def plan(image_of: Callable[[str], Image]) -> Plan:
    """The plan of an image for two platforms."""
    image = image_of(SPEC)
    return resolve("mlspec.yaml", image, ImageFacts(project="two", base="python:3.12", is_official=True))


@pytest.mark.parametrize(
    ("wanted", "own", "push", "built"),
    [
        ((), AMD, False, (AMD,)),
        ((), ARM, False, (ARM,)),
        ((), "linux/riscv64", False, (AMD,)),
        ((), ARM, True, (AMD, ARM)),
        ((ARM,), AMD, True, (ARM,)),
    ],
)
def test_what_is_built(plan: Plan, wanted: tuple[str, ...], own: str, push: bool, built: tuple[str, ...]) -> None:
    assert run_script.platforms_to_build(plan, wanted, own, push=push) == built


def test_several_are_built_by_one_command(plan: Plan) -> None:
    words = run_script.build_command(plan, BuildOptions(platforms=(AMD, ARM), push=True))

    assert words[words.index("--platform") + 1] == "linux/amd64,linux/arm64"


def test_several_at_once_are_pushed(project: Path) -> None:
    said = mlspec("build", "--platform", AMD, "--platform", ARM, code=2).stderr

    assert "the engine cannot load an image of several platforms: add --push" in said


@pytest.mark.parametrize(
    ("layers", "united"),
    [
        ([("a", "b"), ("a", "b")], ("a", "b")),
        ([("a", "c"), ("a", "b", "c")], ("a", "b", "c")),
        ([("a", "b"), ("b", "a")], ("a", "b")),
        ([("a",), ("b", "c", "a", "d")], ("b", "c", "a", "d")),
        ([(), ("a", "b")], ("a", "b")),
        ([("a", "b"), ()], ("a", "b")),
    ],
)
def test_layers_are_united_in_the_order_of_the_first(layers: list[tuple[str, ...]], united: tuple[str, ...]) -> None:
    assert platforms.merge_layer_names(layers) == united


def test_what_all_platforms_say_is_told_without_their_names() -> None:
    every, one = Problem(code="MLS1", message="same"), Problem(code="MLS1", message="apart")

    told = platforms.merge_messages({AMD: (every, one), ARM: (every,)}, platforms.mark_platforms)

    assert [problem.message for problem in told] == ["same", "apart, on linux/amd64"]


def test_pins_of_the_model_come_before_a_platforms_own() -> None:
    def lock(*pins: str) -> RequirementsLock:
        named = (pin.partition("==") for pin in pins)
        return RequirementsLock(
            (Layer("x", tuple(Pin(name=n, version=v, requirement=f"{n}=={v}") for n, _, v in named)),)
        )

    found = platforms.prefer_pins(lock("a==2"), lock("a==1", "b==1"))

    assert [pin.requirement for pin in found.pins] == ["a==2", "b==1"]
