"""Tests of the lock of packages for developers: beside those of the image, which stay as they are."""

from __future__ import annotations

import pytest

from mlspec.errors import LockError, Problem, SpecError
from mlspec.lock.state import LockResult
from tests.lock.fake_world import FakeWorld

BARE = "python: 3.12\nbase: slim-bookworm\ntargets: [devcontainer]\nrequirements: [apple]\n"
SPEC = f"{BARE}dev: [cherry]\n"
LOCK = "requirements.dev.lock"


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld(apple="1.0", banana="1.0", cherry="1.0", setuptools="80.0")


def versions(result: LockResult) -> dict[str, str]:
    return {pin.name: pin.version for pin in result.contents[""].dev["linux/amd64"].pins}


def test_packages_for_developers_have_a_lock_of_their_own(world: FakeWorld) -> None:
    result = world.update(SPEC)

    assert versions(result) == {"cherry": "1.0"}
    assert "cherry" in world.files[LOCK]
    assert "cherry" not in world.files["requirements.lock"]
    assert result.changes == ("+ apple 1.0", "+ cherry 1.0, for developers")


def test_the_lock_of_the_image_is_the_same_without_them(world: FakeWorld) -> None:
    world.update(BARE)
    before = world.files["requirements.lock"]

    world.update(SPEC)

    assert world.files["requirements.lock"] == before


def test_they_fit_the_pins_of_the_image_and_come_as_wheels(world: FakeWorld) -> None:
    world.update(BARE)
    world.newest["apple"] = "2.0"

    world.update(f"{BARE}dev: [apple, cherry]\n")

    asked = world.requests[-1].requirements
    assert [r.text for r in asked.constraints] == ["apple==1.0"]
    assert asked.options == ("--only-binary :all:",)
    assert "apple" not in world.files[LOCK]


def test_a_current_lock_asks_nobody(world: FakeWorld) -> None:
    world.update(SPEC)
    before = dict(world.files)
    world.newest["cherry"] = "2.0"
    world.forget_questions()

    world.update(SPEC, locked=True)

    assert (world.requests, world.files) == ([], before)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{BARE}dev: [cherry, banana]\n", "the requirements of dev changed"),
        (f"{BARE}dev: [cherry>=1]\n", "the requirements of dev changed"),
    ],
)
def test_other_requirements_put_the_lock_out_of_date(world: FakeWorld, text: str, reason: str) -> None:
    world.update(SPEC)

    with pytest.raises(SpecError, match=reason):
        world.update(text, locked=True)


def test_a_missing_lock_is_made_again(world: FakeWorld) -> None:
    world.update(SPEC)
    del world.files[LOCK]

    with pytest.raises(SpecError, match=f"{LOCK} is missing"):
        world.update(SPEC, locked=True)
    world.update(SPEC)

    assert "cherry" in world.files[LOCK]


def test_a_hand_edit_is_refused(world: FakeWorld) -> None:
    world.update(SPEC)
    world.files[LOCK] = world.files[LOCK].replace("cherry==1.0", "cherry==0.9")

    with pytest.raises(SpecError, match=r"requirements\.dev\.lock was edited by hand"):
        world.update(SPEC)


def test_an_upgrade_of_one_package_moves_only_the_lock_that_has_it(world: FakeWorld) -> None:
    world.update(SPEC)
    world.newest |= {"apple": "2.0", "cherry": "2.0"}

    result = world.update(SPEC, upgrade_packages=("cherry",))

    assert result.changes == ("  cherry 1.0 -> 2.0, for developers",)
    with pytest.raises(SpecError, match="has grape"):
        world.update(SPEC, upgrade_packages=("grape",))


def test_an_upgrade_of_the_image_locks_them_again(world: FakeWorld) -> None:
    world.update(SPEC)
    world.newest["apple"] = "2.0"

    world.update(SPEC, upgrade_packages=("apple",))

    assert [r.text for r in world.requests[-1].requirements.constraints] == ["apple==2.0"]


def test_without_the_key_no_trace_is_left_in_the_lock(world: FakeWorld) -> None:
    world.update(SPEC)

    result = world.update(BARE)

    assert "dev" not in world.files["mlspec.lock"]
    assert [artifact.path for artifact in result.artifacts] == ["requirements.lock", "mlspec.lock"]


def test_an_image_without_packages_can_have_them(world: FakeWorld) -> None:
    result = world.update(SPEC.replace("requirements: [apple]\n", ""))

    assert versions(result) == {"cherry": "1.0"}


def test_each_platform_has_a_lock(world: FakeWorld) -> None:
    world.update(f"{SPEC}platforms: [linux/amd64, linux/arm64]\n")

    assert {"requirements.dev.amd64.lock", "requirements.dev.arm64.lock"} <= world.files.keys()


def test_each_image_has_a_lock(world: FakeWorld) -> None:
    world.update(f"{SPEC}images: {{one: {{}}, two: {{dev: [banana]}}}}\n")

    assert "cherry" in world.files["one.requirements.dev.lock"]
    assert "banana" in world.files["two.requirements.dev.lock"]


def test_the_image_may_have_a_younger_release_than_a_cooldown_takes(world: FakeWorld) -> None:
    world.update(f"{SPEC}cooldown: 7 days\n")

    request = world.requests[-1]
    assert request.cooldown
    assert "apple" in request.cooldown.exclude


def test_no_hint_says_to_compile_a_package(world: FakeWorld) -> None:
    world.failure = LockError(Problem(code="MLS245", message="no wheel", hint="take cherry 1; or compile it: X"))

    with pytest.raises(LockError) as raised:
        world.update(SPEC.replace("requirements: [apple]\n", ""))

    assert [problem.hint for problem in raised.value.problems] == ["take cherry 1"]


def test_a_source_is_refused(world: FakeWorld) -> None:
    world.sources = {"cherry": "setuptools"}

    with pytest.raises(SpecError, match="cherry would be built from source"):
        world.update(SPEC)


def test_a_package_of_the_project_is_refused(world: FakeWorld) -> None:
    world.files["libs/x/pyproject.toml"] = '[project]\nname = "x"\nversion = "1"\n'

    with pytest.raises(SpecError, match="a package of the project"):
        world.update(f"{BARE}dev: [./libs/x]\n")
