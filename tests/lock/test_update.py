"""Tests of updates of locks: unchanged parts stay without requests, the world answers for the rest."""

from __future__ import annotations

import re

import pytest

from mlspec.errors import LockError, MlspecError, Problem, SpecError, ToolError
from mlspec.lock.state import LockResult
from mlspec.lock.update import outline_lock
from mlspec.spec import document, spec
from tests.lock.fake_world import FakeWorld, digest

SPEC = "python: 3.12\nbase: slim-bookworm\nrequirements: [apple]\n"
BOTH = f"{SPEC}platforms: [linux/amd64, linux/arm64]\n"
IMAGES = f"{SPEC}images: {{one: {{requirements: [apple]}}, two: {{requirements: [banana]}}}}\n"
CONFLICT = "<<<<<<< ours\n{ours}=======\n{theirs}>>>>>>> theirs\n"


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld(apple="1.0", banana="1.0", setuptools="80.0")


def versions(result: LockResult, image: str = "", platform: str = "linux/amd64") -> dict[str, str]:
    return {pin.name: pin.version for pin in result.contents[image].packages[platform].pins}


def problem_of(world: FakeWorld, text: str, kind: type[MlspecError] = SpecError, **options: object) -> Problem:
    """Return the only problem of an update."""
    with pytest.raises(kind) as raised:
        world.update(text, **options)
    (problem,) = raised.value.problems
    return problem


# Packages


def test_a_first_lock_has_the_newest_versions(world: FakeWorld) -> None:
    result = world.update(SPEC)

    assert versions(result) == {"apple": "1.0"}
    assert result.changes == ("+ apple 1.0",)
    assert sorted(world.files) == ["mlspec.lock", "requirements.lock"]


def test_a_current_lock_asks_nobody_and_stays_as_it_is(world: FakeWorld) -> None:
    world.update(SPEC)
    before = dict(world.files)
    world.newest["apple"] = "2.0"
    world.forget_questions()

    result = world.update(SPEC, locked=True)

    assert (world.requests, world.looked_up, world.said) == ([], [], [])
    assert (world.files, result.changes) == (before, ())


def test_pins_stay_where_the_requirements_change(world: FakeWorld) -> None:
    world.update(SPEC)
    world.newest["apple"] = "2.0"

    result = world.update(SPEC.replace("[apple]", "[apple, banana]"))

    assert versions(result) == {"apple": "1.0", "banana": "1.0"}
    assert result.changes == ("+ banana 1.0",)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"upgrade": True}, {"apple": "2.0", "banana": "2.0"}),
        ({"upgrade_packages": ("apple",)}, {"apple": "2.0", "banana": "1.0"}),
    ],
)
def test_an_upgrade_moves_what_it_names(world: FakeWorld, options: dict[str, object], expected: dict[str, str]) -> None:
    text = SPEC.replace("[apple]", "[apple, banana]")
    world.update(text)
    world.newest |= {"apple": "2.0", "banana": "2.0"}

    result = world.update(text, **options)

    assert versions(result) == expected
    assert result.changes[0] == "  apple 1.0 -> 2.0"


def test_a_package_to_upgrade_is_in_one_of_several_locks(world: FakeWorld) -> None:
    world.update(IMAGES)
    world.newest["banana"] = "2.0"

    assert versions(world.update(IMAGES, upgrade_packages=("banana",)), "two") == {"banana": "2.0"}
    assert problem_of(world, IMAGES, upgrade_packages=("cherry",)).code == "MLS411"


def test_a_lock_for_another_base_keeps_no_pin(world: FakeWorld) -> None:
    world.update(SPEC)
    world.newest["apple"] = "2.0"
    world.move_base(2, python="3.13.1", glibc="2.41")

    result = world.update(SPEC.replace("3.12", "3.13"))

    assert versions(result) == {"apple": "2.0"}


def test_layers_that_the_spec_asks_for_are_made_without_asking(world: FakeWorld) -> None:
    world.update(SPEC)
    world.forget_questions()

    world.update(f"{SPEC}layers: {{ours: apple}}\n")

    assert "# layer ours\napple==1.0" in world.files["requirements.lock"]
    assert world.requests == []


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        (SPEC, {"requirements.lock": "all_wheels"}),
        (f"{SPEC}platforms: [linux/arm64]\n", {"requirements.lock": "all_wheels"}),
        (BOTH, {"requirements.amd64.lock": "tiny_wheels", "requirements.arm64.lock": "tiny_wheels"}),
        (IMAGES, {"one.requirements.lock": "tiny_wheels", "two.requirements.lock": "tiny_wheels"}),
    ],
    ids=["one image", "one platform that is named", "two platforms", "two images"],
)
def test_light_wheels_are_one_layer_in_a_spec_of_one_image_for_one_platform(
    world: FakeWorld, text: str, layers: dict[str, str]
) -> None:
    world.update(text)

    locks = {name: text for name, text in world.files.items() if name.endswith("requirements.lock") or ".a" in name}
    assert {name: re.findall(r"^# layer (\S+)$", text, re.M) for name, text in locks.items()} == {
        name: [layer] for name, layer in layers.items()
    }


def test_the_problems_of_all_images_are_told_at_once(world: FakeWorld) -> None:
    with pytest.raises(LockError) as raised:
        world.update("python: 3.12\nimages: {one: {requirements: [x]}, two: {requirements: [y]}}\n")

    assert [problem.message for problem in raised.value.problems] == ["there is no package x", "there is no package y"]


# Locks that stay unchanged


@pytest.mark.parametrize("text", [SPEC.replace("apple", "banana"), SPEC.replace("3.12", "3.13")])
def test_locked_refuses_a_lock_that_is_not_current(world: FakeWorld, text: str) -> None:
    world.update(SPEC)
    world.forget_questions()

    problem = problem_of(world, text, locked=True)

    assert (problem.code, problem.file, problem.hint) == ("MLS404", "mlspec.lock", "make it again: mlspec lock")
    assert (world.requests, world.looked_up) == ([], [])


def test_locked_refuses_a_lock_that_is_missing(world: FakeWorld) -> None:
    assert problem_of(world, SPEC, locked=True).message == "there is no mlspec.lock"


def test_an_edited_lock_is_refused_and_mended(world: FakeWorld) -> None:
    world.update(SPEC)
    world.files["requirements.lock"] = world.files["requirements.lock"].replace("1.0", "0.9")

    assert problem_of(world, SPEC).code == "MLS405"
    assert versions(world.update(SPEC, mend=True)) == {"apple": "0.9"}


@pytest.mark.parametrize("name", ["mlspec.lock", "requirements.lock"])
def test_both_sides_of_a_merge_are_refused_and_mended(world: FakeWorld, name: str) -> None:
    world.update(SPEC)
    world.files[name] = CONFLICT.format(ours=world.files[name], theirs="apple==0.9\n")

    assert problem_of(world, SPEC).message == "this lock has unresolved merge conflicts"
    assert versions(world.update(SPEC, mend=True)) == {"apple": "1.0"}


# The base


@pytest.mark.parametrize(
    ("moves", "install_digest"),
    [
        ([{"number": 2}], digest(1)),
        ([{"number": 2}, {"number": 3, "python": "3.12.5"}], digest(1)),
        ([{"number": 2}, {"number": 1}], ""),
        ([{"number": 2, "glibc": "2.41"}], ""),
    ],
)
def test_packages_stay_installed_on_the_base_they_were_where_they_fit(
    world: FakeWorld, moves: list[dict[str, object]], install_digest: str
) -> None:
    world.update(SPEC)
    for move in moves:
        world.move_base(**move)  # type: ignore[arg-type]
        result = world.update(SPEC, upgrade=True)

    base = result.contents[""].base
    assert (base.digest, base.install_digest) == (world.digest, install_digest)


def test_a_base_that_the_registry_lost_is_not_installed_on(world: FakeWorld) -> None:
    world.update(SPEC)
    world.kept.clear()
    world.move_base(2)

    assert world.update(SPEC, upgrade=True).contents[""].base.install_digest == ""


def test_without_a_registry_the_ways_on_are_told(world: FakeWorld) -> None:
    world.is_reachable = False

    problem = problem_of(world, SPEC, ToolError)

    assert problem.hint.startswith("check the network\nwithout a registry: write the digest")
    assert problem.span is not None
    assert problem.span.line == 2


def test_a_digest_in_the_spec_needs_no_registry(world: FakeWorld) -> None:
    world.is_reachable = False

    result = world.update(SPEC.replace("slim-bookworm", f"python:3.12-slim-bookworm@{digest(7)}"))

    assert result.contents[""].base.digest == digest(7)
    assert [warning.code for warning in result.warnings] == ["MLS332"]


def test_unpinned_takes_the_tag_and_warns(world: FakeWorld) -> None:
    result = world.update(SPEC, unpinned=True)

    assert world.looked_up == []
    assert result.facts[""].base == "python:3.12-slim-bookworm"
    assert [warning.code for warning in result.warnings] == ["MLS331"]


def test_a_base_of_another_python_is_refused(world: FakeWorld) -> None:
    world.move_base(2, python="3.11.9")

    assert problem_of(world, SPEC).message == "python:3.12-slim-bookworm has Python 3.11.9, not 3.12"


# Platforms


def test_a_second_platform_takes_the_versions_of_the_first(world: FakeWorld) -> None:
    world.update(BOTH)

    first, second = world.requests
    assert (first.target.platform, second.target.platform) == ("linux/amd64", "linux/arm64")
    assert second.previous is not None
    assert [pin.requirement for pin in second.previous.pins] == ["apple==1.0"]
    assert {"requirements.amd64.lock", "requirements.arm64.lock"} <= set(world.files)


def test_a_change_on_all_platforms_is_told_once(world: FakeWorld) -> None:
    assert world.update(BOTH).changes == ("+ apple 1.0",)


def test_a_platform_without_a_wheel_is_told_how_to_leave_it_out(world: FakeWorld) -> None:
    world.lacking = {"apple": "linux/arm64"}

    problem = problem_of(world, BOTH, LockError)

    assert (problem.code, problem.message) == ("MLS236", "apple has no wheel, on linux/arm64")
    assert problem.hint.endswith('or leave it out there: apple ; platform_machine == "x86_64"')


def test_a_base_that_is_not_built_for_a_platform_is_told_at_its_key(world: FakeWorld) -> None:
    world.platforms = ["linux/amd64"]

    problem = problem_of(world, BOTH, ToolError)

    assert (problem.code, problem.span and problem.span.line) == ("MLS304", 2)


def test_a_platform_less_keeps_its_lock(world: FakeWorld) -> None:
    world.update(BOTH)
    world.forget_questions()

    world.update(SPEC)

    assert world.requests == []


# Builds


def test_what_a_build_takes_is_locked_too(world: FakeWorld) -> None:
    world.sources = {"apple": "setuptools"}

    world.update(SPEC)

    assert "setuptools==80.0" in world.files["requirements.build.lock"]
    assert [request.inspects_wheels for request in world.requests] == [True, False]


def test_a_build_that_cannot_be_locked_is_a_warning(world: FakeWorld) -> None:
    world.sources = {"apple": "absent"}

    (warning,) = world.update(SPEC).warnings

    assert warning.code == "MLS261"
    assert warning.message == "the build dependencies of apple are not locked: there is no package absent"


def test_an_index_that_does_not_answer_is_no_reason_to_lock_less(world: FakeWorld) -> None:
    world.failure = LockError(Problem(code="MLS253", message="the index did not answer in time"))

    assert problem_of(world, SPEC, LockError).code == "MLS253"


# Extras that follow from the accelerator


@pytest.mark.parametrize(
    ("accelerator", "requirement", "asked"),
    [
        ("cuda12.8", "jax", "jax[cuda12]"),
        ("cuda13.0", "jax", "jax[cuda13]"),
        ("cuda", "jax", "jax[cuda12]"),
        ("cpu", "jax", "jax"),
        ("rocm7.1", "jax", "jax"),
        # jax has no known extra for this CUDA, so mlspec chooses none.
        ("cuda11.8", "jax", "jax"),
        ("cuda13.0", "jax[cpu]", "jax[cpu]"),
        ("cuda13.0", "jax[cuda13]", "jax[cuda13]"),
        ("cuda13.0", "jax[tpu]", "jax[tpu]"),
    ],
)
def test_pip_is_asked_for_the_extra_of_the_accelerator(accelerator: str, requirement: str, asked: str) -> None:
    world = FakeWorld(jax="0.12.0")

    world.update(f"{{python: 3.12, accelerator: {accelerator}, requirements: ['{requirement}']}}")

    assert [r.text for r in world.requests[0].requirements.requirements] == [asked]


def test_a_step_of_the_user_s_may_bring_what_an_extra_would() -> None:
    world = FakeWorld(jax="0.12.0")

    world.update("{python: 3.12, accelerator: cuda12.8, requirements: [jax], run: [make cuda]}")

    assert [r.text for r in world.requests[0].requirements.requirements] == ["jax"]


# Indexes


def test_a_login_reaches_pip_and_no_lock(world: FakeWorld) -> None:
    world.logins["team"] = ("ann", "s3cr3t-word")
    indexes = "indexes: [{url: 'https://example.com/simple', packages: [apple], secret: team}]\n"

    world.update(f"{SPEC}secrets: {{team: {{environment: TEAM}}}}\n{indexes}")

    assert (world.requests[0].indexes[0].username, world.requests[0].indexes[0].password) == ("ann", "s3cr3t-word")
    assert not any("s3cr3t-word" in text for text in world.files.values())


def test_a_login_that_is_missing_is_told_at_its_key(world: FakeWorld) -> None:
    indexes = "indexes: [{url: 'https://example.com/simple', packages: [apple], secret: team}]\n"

    problem = problem_of(world, f"{SPEC}secrets: {{team: {{environment: TEAM}}}}\n{indexes}")

    assert (problem.code, problem.span and problem.span.line) == ("MLS260", 5)


# Digests that a bot moved


def test_adopt_takes_the_digest_of_the_dockerfile(world: FakeWorld) -> None:
    world.update(SPEC)
    world.move_base(2)
    world.files["Dockerfile"] = f"FROM python:3.12-slim-bookworm@{digest(2)} AS python\n"

    result = world.update(SPEC, adopt=True)

    assert (result.contents[""].base.digest, result.contents[""].base.install_digest) == (digest(2), "")
    assert result.changes == (f"python:3.12-slim-bookworm has the digest of its Dockerfile: {digest(2)}",)


def test_adopt_refuses_a_digest_that_the_registry_does_not_know(world: FakeWorld) -> None:
    world.update(SPEC)
    world.files["Dockerfile"] = f"FROM python:3.12-slim-bookworm@{digest(2)} AS python\n"

    problem = problem_of(world, SPEC, ToolError, adopt=True)

    assert (problem.file, problem.span and problem.span.column) == ("Dockerfile", 6)


def test_there_may_be_nothing_to_adopt(world: FakeWorld) -> None:
    world.update(SPEC)

    world.update(SPEC, adopt=True)

    assert world.said[-1] == "nothing to adopt: no Dockerfile has another digest than the lock"


# Before there is a lock


def test_an_outline_asks_nobody(world: FakeWorld) -> None:
    found = outline_lock(spec.validate(document.parse(SPEC, "mlspec.yaml")), world)

    assert (world.requests, world.looked_up) == ([], [])
    assert found.facts[""].layers == ("requirements",)
