"""Tests of images with pins from another tool's lock: adopted without an index, checked, and completed if needed."""

from __future__ import annotations

import re

import pytest

from mlspec.errors import LockError, MlspecError, Problem
from mlspec.lock.pins import Pin
from tests.lock.fake_world import FakeWorld
from tests.support.tool_locks import CASES

CASE = {case.name: case for case in CASES}
UNREACHABLE = LockError(Problem(code="MLS253", message="the index cannot be reached"))


def make_world(case: str, **newest: str) -> FakeWorld:
    """Return a world with the files of a case beside the spec, and with an index of only the ``newest`` packages."""
    world = FakeWorld(**newest)
    files = (path for path in CASE[case].folder.iterdir() if path.is_file() and path.suffix != ".txt")
    world.files |= {path.name: path.read_text(encoding="utf-8") for path in files}
    return world


def spec(*entries: str, more: str = "", python: str = "3.12") -> str:
    return f"python: {python}\nrequirements: [{', '.join(map(repr, entries))}]\n{more}"


def lock_pins(world: FakeWorld, text: str, platform: str = "linux/amd64") -> dict[str, Pin]:
    packages = world.update(text).contents[""].packages[platform]
    return {pin.name: pin for pin in (*packages.pins, *packages.vcs)}


def refuse(world: FakeWorld, text: str, **options: object) -> Problem:
    with pytest.raises(MlspecError) as caught:
        world.update(text, **options)
    (problem,) = caught.value.problems
    return problem


# Adopted pins


def test_no_index_is_asked_for_what_a_lock_has() -> None:
    world = make_world("uv-plain")
    pins = lock_pins(world, spec("uv.lock"))
    assert pins["httpx"].requirement == "httpx==0.28.1"
    assert pins["h11"].via == ("httpcore",)
    assert pins["httpx"].size
    assert "pywin32" not in pins
    assert world.requests == []


def test_the_project_itself_is_not_installed() -> None:
    assert "plain" not in lock_pins(make_world("uv-plain"), spec("uv.lock"))


@pytest.mark.parametrize(
    ("case", "lock", "own"),
    [
        ("uv-plain", "uv.lock", "-e ."),
        ("uv-extras", "uv.lock[hardware]", ".[hardware]"),
        ("poetry-plain", "poetry.lock", "-e ."),
        ("pdm-plain", "pdm.lock", "-e ."),
    ],
)
def test_the_project_is_installed_beside_its_lock_with_the_pins_of_the_lock(case: str, lock: str, own: str) -> None:
    alone, both = make_world(case, setuptools="80.0"), make_world(case, setuptools="80.0")
    for world in (alone, both):
        world.files["pyproject.toml"] = re.sub(r"(?s)\[build-system\].*?(?=\n\[|$)", "", world.files["pyproject.toml"])
    pins = lock_pins(alone, spec(lock))

    assert lock_pins(both, spec(own, lock)) == pins
    (package,) = both.update(spec(own, lock)).facts[""].local
    assert (package.path, package.name in pins) == (".", False)
    assert "setuptools==80.0" in both.files["requirements.build.lock"]


@pytest.mark.parametrize(("case", "lock"), [("pipenv-plain", "Pipfile.lock"), ("pylock-pip", "pylock.toml")])
def test_a_project_beside_a_lock_that_may_not_be_its_own_gets_the_pins_and_what_the_lock_lacks(
    case: str, lock: str
) -> None:
    world = make_world(case, setuptools="80.0", six="1.17.0", httpx="9.9")
    world.files["pyproject.toml"] = '[project]\nname = "tool"\nversion = "1"\ndependencies = ["six", "httpx>=0.27"]\n'
    before = lock_pins(world, spec(lock))

    after = lock_pins(world, spec("-e .", lock))

    assert {name: pin.version for name, pin in after.items()} == {
        **{name: pin.version for name, pin in before.items()},
        "six": "1.17.0",
    }
    assert [package.name for package in world.update(spec("-e .", lock)).facts[""].local] == ["tool"]


def test_the_hint_for_an_extra_that_the_lock_lacks_works() -> None:
    world = make_world("uv-extras", setuptools="80.0", hatchling="1.27", editables="0.5", **{"uv-build": "0.9"})
    hint = refuse(world, spec("-e .[hardware]", "uv.lock")).hint

    assert hint == "name it with them: uv.lock[hardware]"
    assert lock_pins(world, spec("-e .[hardware]", "uv.lock[hardware]"))


def test_only_hashes_of_files_for_the_target_are_kept() -> None:
    world = make_world("uv-extras")
    text = spec("uv.lock[hardware]", more="platforms: [linux/amd64, linux/arm64]")
    packages = world.update(text).contents[""].packages
    pins = {platform: {pin.name: pin for pin in lock.pins} for platform, lock in packages.items()}
    assert len(pins["linux/amd64"]["psutil"].hashes) == 1
    assert "psutil" not in pins["linux/arm64"]


def test_extras_and_groups_are_chosen_as_for_a_pyproject() -> None:
    world = make_world("uv-groups")
    assert not {"pytest", "waitress"} & lock_pins(world, spec("uv.lock")).keys()
    assert {"waitress", "tomli-w"} <= lock_pins(world, spec("uv.lock", "--group uv.lock:serve")).keys()
    assert "waitress" in lock_pins(world, spec("--group Serve", "uv.lock"))


def test_the_same_lock_is_kept_and_another_is_not() -> None:
    world = make_world("uv-plain")
    first = world.update(spec("uv.lock"))
    again = world.update(spec("uv.lock"), locked=True)
    assert again.artifacts[-1].text == first.artifacts[-1].text
    world.files["uv.lock"] = world.files["uv.lock"].replace('version = "0.16.0"', 'version = "0.15.0"')
    assert refuse(world, spec("uv.lock"), locked=True).code == "MLS404"


@pytest.mark.parametrize("case", ["uv-plain", "pdm-groups", "poetry-plain", "pipenv-plain", "pylock-pip"])
def test_two_updates_give_the_same_text(case: str) -> None:
    lock = CASE[case].lock
    texts = []
    for _ in range(2):
        world = make_world(case)
        world.failure = UNREACHABLE
        world.update(spec(lock))
        texts.append(world.files["requirements.lock"])
    assert texts[0] == texts[1]


# Indexes and repositories


def test_packages_of_another_index_have_a_layer_of_their_own() -> None:
    world = make_world("uv-index")
    result = world.update(spec("uv.lock"))
    assert {url for _, url in result.facts[""].layer_indexes} == {"https://one.example.com/simple/"}
    assert result.contents[""].packages["linux/amd64"].pins


def test_one_index_on_all_platforms_is_asked_for() -> None:
    problem = refuse(make_world("uv-index"), spec("uv.lock", more="platforms: [linux/amd64, linux/arm64]"))
    assert problem.code == "MLS217"
    assert "heavy comes from" in problem.message


def test_an_index_with_a_login_takes_it_from_the_secret_of_the_spec() -> None:
    secret = "indexes: [{url: https://one.example.com/simple/, packages: [ours, heavy], secret: login}]\n"
    secret += "secrets: {login: {environment: LOGIN}}"
    result = make_world("uv-index").update(spec("uv.lock", more=secret))
    assert {url for _, url in result.facts[""].layer_indexes} == {"https://one.example.com/simple/"}


def test_a_package_of_the_default_index_is_not_taken_from_that_of_the_accelerator() -> None:
    result = make_world("uv-torch").update(spec("uv.lock", more="accelerator: cuda12.8"))
    assert dict(result.facts[""].layer_indexes)["torch"] == "https://pypi.org/simple"


@pytest.mark.parametrize("case", ["uv-git", "poetry-source", "pylock-uv"])
def test_a_repository_is_pinned_to_the_commit_of_the_lock(case: str) -> None:
    world = make_world(case)
    world.failure = UNREACHABLE
    pins = lock_pins(world, spec(CASE[case].lock))
    (pin,) = [pin for pin in pins.values() if "git+" in pin.requirement]
    assert pin.requirement.startswith(f"{pin.name} @ git+https://git.example.com/ours.git@")
    assert pin.requirement.endswith("#subdirectory=python")
    assert pin.ref == "v1.0"


# Packages that a lock lacks


def test_more_names_are_resolved_within_the_pins_of_the_lock() -> None:
    world = make_world("uv-plain", extra="1.0")
    pins = lock_pins(world, spec("uv.lock", "extra"))
    (request,) = world.requests
    assert [r.text for r in request.requirements.requirements] == ["extra"]
    assert "idna==3.20" in {r.text for r in request.requirements.constraints}
    assert pins["extra"].version == "1.0"
    assert pins["httpx"].version == "0.28.1"


def test_a_name_that_the_lock_has_asks_no_index() -> None:
    world = make_world("uv-plain")
    world.update(spec("uv.lock", "idna>=3"))
    assert world.requests == []


def test_a_line_that_the_lock_contradicts_is_an_error_at_its_line() -> None:
    world = make_world("uv-plain")
    world.files["more.txt"] = "certifi\nidna<3.10\n"
    problem = refuse(world, spec("uv.lock", "more.txt"))
    assert (problem.code, problem.file, problem.span and problem.span.line) == ("MLS274", "more.txt", 2)
    assert "uv lock --upgrade-package idna" in problem.hint


def test_a_source_asks_the_index_for_its_build() -> None:
    world = make_world("uv-source", docopt="0.6.2", setuptools="80")
    world.sources = {"docopt": "setuptools"}
    world.update(spec("uv.lock"))
    first, second = world.requests
    assert [r.text for r in first.requirements.requirements] == ["docopt==0.6.2"]
    assert first.requirements.built_from_source == {"docopt"}
    assert [r.text for r in second.requirements.requirements] == ["setuptools"]


def test_a_source_without_an_index_is_a_warning() -> None:
    world = make_world("uv-source")
    world.failure = UNREACHABLE
    result = world.update(spec("uv.lock"))
    assert [warning.code for warning in result.warnings] == ["MLS261"]
    assert {pin.name for pin in result.contents[""].packages["linux/amd64"].pins if pin.is_source} == {"docopt"}


def test_sizes_come_from_the_index_where_it_answers() -> None:
    world = make_world("poetry-plain")
    world.failure = UNREACHABLE
    pins = lock_pins(world, spec("poetry.lock"))
    assert {pin.size for pin in pins.values()} == {None}
    assert any("poetry.lock has no sizes" in said for said in world.said)


# Contradictions


@pytest.mark.parametrize(
    ("case", "file", "old", "new", "command"),
    [
        ("uv-plain", "pyproject.toml", "httpx[http2]>=0.27", "httpx[http2]>=0.28", "uv lock"),
        ("uv-plain", "pyproject.toml", "httpx[http2]", "httpx", "uv lock"),
        ("uv-plain", "pyproject.toml", ">=3.10", ">=3.11", "uv lock"),
        ("uv-groups", "pyproject.toml", '["pytest"]', '["pytest", "ruff"]', "uv lock"),
        ("uv-overrides", "pyproject.toml", "urllib3==2.1.0", "urllib3==2.2.0", "uv lock"),
        ("poetry-plain", "pyproject.toml", ">=0.27", ">=0.28", "poetry lock"),
        ("poetry-classic", "pyproject.toml", "^8.1", "^8.0", "poetry lock"),
        ("poetry-forks", "pyproject.toml", "pytest>=8", "pytest>=7", "poetry lock"),
        ("pdm-groups", "pyproject.toml", "click>=8", "click>=7", "pdm lock"),
        ("pipenv-plain", "Pipfile", ">=0.27", ">=0.28", "pipenv lock"),
    ],
)
def test_a_lock_that_no_longer_fits_its_project_is_refused(
    case: str, file: str, old: str, new: str, command: str
) -> None:
    world = make_world(case)
    assert old in world.files[file]
    world.files[file] = world.files[file].replace(old, new)
    problem = refuse(world, spec(CASE[case].lock))
    assert problem.code == "MLS271"
    assert problem.hint.startswith(f"renew it: {command}")


@pytest.mark.parametrize(
    ("case", "entries", "code", "said"),
    [
        ("uv-plain", ("uv.lock", "pyproject.toml"), "MLS273", "names both"),
        ("uv-extras", ("-e .[hardware]", "uv.lock"), "MLS273", "without the extra hardware"),
        ("uv-plain", ("uv.lock", "poetry.lock"), "MLS273", "two locks"),
        ("uv-groups", ("--group uv.lock:serve",), "MLS273", "but not uv.lock itself"),
        ("uv-conflicts", ("uv.lock[old,new]",), "MLS273", "exclude each other"),
        ("uv-extras", ("uv.lock[hardwear]",), "MLS209", 'no extra "hardwear"'),
        ("uv-groups", ("uv.lock", "--group uv.lock:server"), "MLS209", 'no group "server"'),
        ("uv-torch", ("uv.lock",), "MLS272", "not for linux/arm64"),
        ("pipenv-categories", ("Pipfile.lock",), "MLS272", "is for Python ==3.11.*"),
    ],
)
def test_what_cannot_be_right_beside_a_lock_is_refused(
    case: str, entries: tuple[str, ...], code: str, said: str
) -> None:
    world = make_world(case)
    world.files.setdefault("poetry.lock", CASE["poetry-plain"].folder.joinpath("poetry.lock").read_text())
    more = "platforms: [linux/arm64]" if case == "uv-torch" else ""
    problem = refuse(world, spec(*entries, more=more))
    assert problem.code == code
    assert said in problem.message


@pytest.mark.parametrize(
    ("name", "text", "code", "said"),
    [
        ("uv.lock", "version = 1\n[[package]\n", "MLS270", "damaged"),
        ("uv.lock", "version = 2\n", "MLS270", "format 2"),
        ("uv.lock", "version = 1\n", "MLS271", "workspace"),
        ("uv.lock", "version = 1\npackage = 3\n", "MLS270", "not a valid lock"),
        ("poetry.lock", '[metadata]\nlock-version = "2.0"\n', "MLS270", "format 2.0"),
        ("pdm.lock", '[metadata]\nlock_version = "4.5.0"\nstrategy = []\n', "MLS270", "inherit_metadata"),
        ("Pipfile.lock", '{"_meta": {"pipfile-spec": 5}}', "MLS270", "format 5"),
        ("Pipfile.lock", "{", "MLS270", "damaged"),
        ("pylock.toml", 'lock-version = "1.0"\n', "MLS270", "PEP 751"),
    ],
)
def test_a_lock_that_cannot_be_read_says_why(name: str, text: str, code: str, said: str) -> None:
    world = FakeWorld()
    world.files[name] = text
    problem = refuse(world, spec(name))
    assert (problem.code, problem.file) == (code, name)
    assert said in problem.message


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('version = "0.16.0"', 'version = "0.16.0 ; rm -rf /"', "is not a version of h11"),
        ('version = "0.16.0"', 'version = "0.16\\n# layer x"', "is not a version of h11"),
        ("sha256:4e35b956", "sha256:4e35b95$", "a hash of h11"),
        ('{ registry = "https://pypi.org/simple" }', '{ git = "https://x.example/h.git?rev=1#main" }', "at a commit"),
        ('{ registry = "https://pypi.org/simple" }', '{ url = "https://a:b@x.example/h-1.tar.gz" }', "login"),
        ('{ registry = "https://pypi.org/simple" }', '{ git = "http://x.example/h.git?rev=1#1" }', "network path"),
    ],
)
def test_a_value_that_no_tool_writes_is_refused(old: str, new: str, said: str) -> None:
    world = make_world("uv-plain")
    before, mark, rest = world.files["uv.lock"].partition('name = "h11"')
    start = rest.index('version = "')
    world.files["uv.lock"] = before + mark + rest[:start] + rest[start:].replace(old, new, 1)
    assert said in refuse(world, spec("uv.lock")).message


def test_a_group_of_pdm_that_is_left_out_is_a_warning() -> None:
    world = make_world("pdm-groups")
    world.failure = UNREACHABLE
    unheeded = world.update(spec("pdm.lock")).contents[""].requirements.unheeded
    assert [row.message.split(" by default")[0] for row in unheeded] == ["pdm installs the group serve"]


def test_a_lock_is_no_constraint_for_a_build() -> None:
    problem = refuse(make_world("uv-plain"), spec("six", more="build_constraints: [uv.lock]"))
    assert problem.code == "MLS263"


def test_code_of_a_folder_is_refused_at_its_place() -> None:
    world = make_world("uv-plain")
    text = world.files["uv.lock"]
    place = text.index('name = "h11"')
    world.files["uv.lock"] = text[:place] + text[place:].replace(
        'source = { registry = "https://pypi.org/simple" }', 'source = { editable = "libs/h11" }', 1
    )
    problem = refuse(world, spec("uv.lock"))
    assert (problem.code, problem.file) == ("MLS216", "uv.lock")
    assert problem.hint == "install it from there too, below requirements: -e ./libs/h11"

    world.newest["setuptools"] = "80.0"
    world.files["libs/h11/pyproject.toml"] = '[project]\nname = "h11"\nversion = "0.16"\n'
    pins = lock_pins(world, spec("uv.lock", "-e ./libs/h11"))
    assert ("h11" in pins, "httpcore" in pins) == (False, True)


def test_a_release_without_a_wheel_for_the_image_is_refused() -> None:
    world = make_world("uv-torch")
    world.files["uv.lock"] = world.files["uv.lock"].replace("manylinux_2_28_x86_64", "manylinux_2_99_x86_64")
    with pytest.raises(MlspecError) as caught:
        world.update(spec("uv.lock", more="accelerator: cuda"))
    problem = next(problem for problem in caught.value.problems if "torch " in problem.message)
    assert (problem.code, problem.file) == ("MLS245", "uv.lock")


# Upgrades


def test_an_upgrade_says_which_tool_moves_the_pins() -> None:
    world = make_world("uv-plain")
    world.update(spec("uv.lock"), upgrade=True)
    assert "uv.lock has the pins; to move them: uv lock --upgrade" in world.said


def test_one_package_of_a_lock_cannot_be_upgraded_here() -> None:
    problem = refuse(make_world("poetry-plain"), spec("poetry.lock"), upgrade_packages=("httpx",))
    assert problem.code == "MLS274"
    assert problem.hint == "move it there: poetry update --lock httpx"
