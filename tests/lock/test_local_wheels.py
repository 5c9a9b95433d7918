"""Tests of wheels of the project: their entries, their metadata, and their part of the lock."""

from __future__ import annotations

import hashlib
import io
import zipfile

import pytest

from mlspec.errors import LockError, SpecError
from tests.lock.fake_world import FakeWorld

FILE = "dist/our_tool-1.2-py3-none-any.whl"
METADATA = """\
Metadata-Version: 2.1
Name: Our.Tool
Version: 1.2
Requires-Python: >=3.10
Provides-Extra: serve
Requires-Dist: six
Requires-Dist: old; python_version < "3.9"
Requires-Dist: flask>=3; extra == "serve"
Requires-Dist: uvloop; sys_platform == "linux" and extra == "serve"
Requires-Dist: pytest; extra == "test"
"""


def wheel(metadata: str = METADATA, *, name: str = "our_tool-1.2", code: str = "") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("our_tool.py", code)
        archive.writestr(f"{name}.dist-info/METADATA", metadata)
        archive.writestr(f"{name}.dist-info/entry_points.txt", "[console_scripts]\nour-tool = our_tool:main\n")
    return buffer.getvalue()


def spec(*entries: str, more: str = "") -> str:
    return "python: 3.12\nrequirements:\n" + "".join(f"- '{entry}'\n" for entry in entries) + more


@pytest.fixture
def world() -> FakeWorld:
    """A folder with a wheel."""
    made = FakeWorld(six="1.17.0", flask="3.1.0", uvloop="0.21", old="1")
    made.wheels[FILE] = wheel()
    return made


def problem(world: FakeWorld, *entries: str) -> tuple[str, str, str]:
    with pytest.raises((SpecError, LockError)) as caught:
        world.update(spec(*entries))
    (found,) = caught.value.problems
    assert found.span is not None
    return found.code, found.message, found.hint


def asked(world: FakeWorld) -> list[str]:
    return sorted(r.text for r in world.requests[-1].requirements.requirements)


@pytest.mark.parametrize("entry", [f"./{FILE}", FILE, f"./lib/../{FILE}"])
def test_the_lock_has_the_path_and_the_hash_of_a_wheel_and_pins_for_its_requirements(
    entry: str, world: FakeWorld
) -> None:
    result = world.update(spec(entry))

    (found,) = result.facts[""].wheels
    assert (found.path, found.name, found.version, found.commands) == (FILE, "our-tool", "1.2", ("our-tool",))
    assert asked(world) == ['old ; python_version < "3.9"', "six"]
    assert f'"{FILE}" = "{hashlib.sha256(world.wheels[FILE]).hexdigest()}"' in world.files["mlspec.lock"]
    assert "our" not in world.files["requirements.lock"]


def test_extras_of_a_wheel_are_locked(world: FakeWorld) -> None:
    world.update(spec(f"./{FILE}[serve]"))

    assert asked(world) == [
        "flask>=3",
        'old ; python_version < "3.9"',
        "six",
        'uvloop ; sys_platform == "linux" and python_version >= "3"',
    ]


def test_a_wheel_in_a_requirements_file_is_relative_to_the_file(world: FakeWorld) -> None:
    world.files["deps/base.txt"] = f"../{FILE}\n"

    assert [found.path for found in world.update(spec("deps/base.txt")).facts[""].wheels] == [FILE]


def test_a_wheel_in_the_build_context_is_locked_and_one_outside_is_refused_with_a_hint_that_works(
    world: FakeWorld,
) -> None:
    world.wheels[f"../../{FILE}"] = wheel()
    entry, hint = f"../../{FILE}", "context: ../.."

    code, message, said = problem(world, entry)
    assert (code, said) == ("MLS206", f"to build from the folder above: {hint}")
    assert message == f"../../{FILE} is outside the folder of the spec"
    assert [found.path for found in world.update(spec(entry, more=hint)).facts[""].wheels] == [entry]


def test_a_wheel_alone_is_locked_once_and_its_other_bytes_make_the_lock_stale(world: FakeWorld) -> None:
    bare = METADATA.partition("Requires-Dist")[0]
    world.wheels[FILE] = wheel(bare)
    world.update(spec(FILE, "six"))
    world.forget_questions()
    world.update(spec(FILE))  # the lock of six is left over
    world.update(spec(FILE), locked=True)
    world.wheels[FILE] = wheel(bare, code="changed = True")

    with pytest.raises(SpecError) as caught:
        world.update(spec(FILE), locked=True)

    assert [found.code for found in caught.value.problems] == ["MLS404"]
    assert world.requests == []


@pytest.mark.parametrize(
    ("file", "message", "hint"),
    [
        (
            "our_tool-1.2-cp311-cp311-manylinux_2_17_x86_64.whl",
            "is not for Python 3.12 on linux/amd64 with glibc 2.36",
            "python: 3.11",
        ),
        (
            "our_tool-1.2-cp312-cp312-manylinux_2_39_x86_64.whl",
            "is not for Python 3.12 on linux/amd64 with glibc 2.36",
            "name a wheel that was built for the image, such as our_tool-1.2-cp312-cp312-manylinux_2_36_x86_64.whl",
        ),
        (
            "our_tool-1.2-cp312-cp312-macosx_11_0_arm64.whl",
            "is not for Python 3.12 on linux/amd64 with glibc 2.36",
            "name a wheel that was built for the image, such as our_tool-1.2-cp312-cp312-manylinux_2_36_x86_64.whl",
        ),
    ],
)
def test_a_wheel_for_another_target_is_refused(file: str, message: str, hint: str, world: FakeWorld) -> None:
    world.wheels[file] = wheel()

    assert problem(world, f"./{file}") == ("MLS226", f"{file} {message}", hint)


def test_a_wheel_for_the_target_is_locked(world: FakeWorld) -> None:
    file = "our_tool-1.2-cp312-cp312-manylinux_2_36_x86_64.whl"
    world.wheels[file] = wheel()

    assert world.update(spec(f"./{file}")).facts[""].wheels


def test_a_wheel_for_another_python_is_refused(world: FakeWorld) -> None:
    world.wheels[FILE] = wheel(METADATA.replace(">=3.10", ">=3.13"))

    assert problem(world, FILE)[1] == ("our_tool-1.2-py3-none-any.whl requires Python >=3.13, and the image has 3.12.4")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"no archive", "file is not a zip file"),
        (wheel()[:-30], "file is not a zip file"),
        (wheel(name="x/y"), "it has no METADATA"),
        (wheel("Name: other\n"), "its METADATA is of other, and its name of our-tool"),
        (wheel(METADATA + "Requires-Dist: not a requirement!\n"), "expected"),
    ],
)
def test_a_damaged_wheel_is_refused(data: bytes, message: str, world: FakeWorld) -> None:
    world.wheels[FILE] = data

    code, said, hint = problem(world, FILE)

    assert code == "MLS226"
    assert said.lower().startswith(f"{FILE} is not a wheel: {message}".lower())
    assert hint


@pytest.mark.parametrize(
    ("entry", "code", "message", "hint"),
    [
        ("./dist/our_tool-1.1-py3-none-any.whl", "MLS201", "there is no file dist/", f"did you mean: {FILE}"),
        ("./other-1-py3-none-any.whl", "MLS201", "there is no file other-1", "build it first: pip wheel --no-deps"),
        (f"./{FILE}[fast]", "MLS226", f"{FILE} has no extra fast", "it has: serve"),
        ("-c limits.txt", "MLS226", "a wheel is not a constraint", "write it under `requirements`"),
        (f'./{FILE} ; python_version > "3"', "MLS226", "a wheel of the project is installed on", f"write: {FILE}"),
        ("hashed.txt", "MLS226", f"{FILE} is not the wheel of this hash", "write: --hash=sha256:"),
    ],
)
def test_what_is_no_wheel_of_the_project_is_refused(
    entry: str, code: str, message: str, hint: str, world: FakeWorld
) -> None:
    world.files |= {"limits.txt": f"{FILE}\n", "hashed.txt": f"{FILE} --hash=sha256:{'0' * 64}\n"}

    found = problem(world, entry)

    assert found[0] == code
    assert found[1].startswith(message)
    assert found[2].startswith(hint)


def test_a_wheel_fulfils_requirements_of_its_version_and_others_are_a_conflict(world: FakeWorld) -> None:
    world.newest["our-tool"] = "9.0"
    world.update(spec(FILE, "our-tool>=1"))

    assert "our" not in world.files["requirements.lock"]
    code, message, _ = problem(world, FILE, "our-tool>=2")
    assert (code, message) == (
        "MLS228",
        f"our-tool is the wheel {FILE}, but the requirements ask for our-tool==9.0 as well",
    )


def test_two_wheels_of_one_name_are_a_conflict(world: FakeWorld) -> None:
    world.wheels["our_tool-1.3-py3-none-any.whl"] = wheel()

    assert problem(world, FILE, "./our_tool-1.3-py3-none-any.whl")[:2] == (
        "MLS228",
        f"our_tool-1.3-py3-none-any.whl and {FILE} are both our-tool",
    )
