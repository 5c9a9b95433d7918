"""Tests of the key `context`: the place of a spec in its build context, and contexts that cannot be."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mlspec.errors import SpecError
from mlspec.plan.ignore_file import find_outside, ignore_lines, include_line
from mlspec.spec.document import parse
from mlspec.spec.spec import Image, validate
from mlspec.spec.values import Refused, build_context
from mlspec.targets import ignore_patterns
from tests.support.moby import left_out

FOLDER = ("repo", "services", "api")


def image_in(text: str, folder: tuple[str, ...] = FOLDER) -> Image:
    (image,) = validate(parse(f"python: 3.12\n{text}", "mlspec.yaml", folder)).images
    return image


def problem_in(text: str, folder: tuple[str, ...] = FOLDER) -> tuple[str, str]:
    with pytest.raises(SpecError) as raised:
        image_in(text, folder)
    (problem,) = raised.value.problems
    return problem.message, problem.hint


@pytest.mark.parametrize(
    ("text", "place", "working_dir"),
    [
        ("", "", "/app"),
        ("context: .", "", "/app"),
        ("context: ./", "", "/app"),
        ("context: ..", "api", "/app/api"),
        ("context: ../..", "services/api", "/app/services/api"),
        ("context: '..\\../'", "services/api", "/app/services/api"),
        ("context: ../../..", "repo/services/api", "/app/repo/services/api"),
        ("context: ../..\nworking_dir: /srv/services/api", "services/api", "/srv/services/api"),
        ("context: .\nworking_dir: /srv", "", "/srv"),
    ],
)
def test_the_place_of_the_spec_in_its_context_is_its_place_in_the_image(
    text: str, place: str, working_dir: str
) -> None:
    image = image_in(text)

    assert (image.place, image.settings.working_dir) == (place, working_dir)


@pytest.mark.parametrize("value", ["../libs", "..x", "a/..", "/srv", "~", "C:/x", "https://h/r.git", "git@h:r"])
def test_another_folder_is_no_context(value: str) -> None:
    with pytest.raises(Refused):
        build_context(value)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            "context: ../../../..",
            "there is no folder ../../../.. above the folder of the spec",
            "write a folder above the spec, such as: context: ..",
        ),
        (
            "context: ../..\nworking_dir: /srv",
            "/srv does not end in services/api, the path of the spec in its build context",
            "write: working_dir: /srv/services/api",
        ),
        (
            "context: ../..\nworking_dir: /services/api",
            "/services/api does not end in services/api, the path of the spec in its build context",
            "write: working_dir: /app/services/api",
        ),
        (
            "include: [., ../../libs]",
            '"../../libs" is outside the folder of the spec',
            "to build from the folder above: context: ../..",
        ),
        (
            "context: ..\ninclude: ['!../../libs']",
            '"!../../libs" is outside the build context',
            "to build from the folder above: context: ../..",
        ),
    ],
)
def test_a_contradiction_is_refused_with_a_hint_that_works(text: str, message: str, hint: str) -> None:
    assert problem_in(text) == (message, hint)

    key, _, value = hint.rpartition(": ")[0].rpartition(" ")[2], "", hint.rpartition(": ")[2]
    corrected = [line for line in text.split("\n") if not line.startswith(f"{key}:")]
    assert image_in("\n".join([*corrected, f"{key}: {value}"])).place


def test_each_image_of_a_spec_has_its_own_context() -> None:
    text = "python: 3.12\ncontext: ..\nimages: {a: , b: {context: ../..}, c: {context: .}}"
    images = validate(parse(text, "mlspec.yaml", FOLDER)).images

    assert [image.settings.working_dir for image in images] == ["/app/api", "/app/services/api", "/app"]


def test_a_name_that_a_dockerfile_gives_a_meaning_is_refused() -> None:
    message, _ = problem_in("context: ../..", ("repo", "my services", "api"))

    assert message == 'the folder "my services" cannot be part of a path in a Dockerfile'
    assert image_in("context: ..", ("my services", "api")).place == "api"


# The ignore file

NAMES = st.text(st.sampled_from("ab1 *?[]{}|()^+$.!#~-:,\xa0é"), min_size=1, max_size=5).filter(
    lambda name: name not in {".", ".."}
)
PLACES = st.lists(st.sampled_from(["services", "a+b", "x.y", "api"]), min_size=1, max_size=3).map("/".join)


@given(PLACES, NAMES, NAMES)
def test_a_secret_is_left_out_wherever_the_context_is(place: str, name: str, other: str) -> None:
    assume(name not in {other, place.partition("/")[0]})
    context = "/".join([".."] * (place.count("/") + 1))
    files = {"BESIDE": {"file": f"./{name}"}, "ABOVE": {"file": f"{context}/{name}"}}
    settings = image_in(f"context: {context}\nsecrets: {json.dumps(files)}", tuple(f"repo/{place}".split("/"))).settings

    lines = ignore_lines(settings, place)[-2:]

    assert all(left_out("\n".join(lines), path) for path in (name, f"{place}/{name}", f"{place}/{name}/below"))
    assert not any(left_out("\n".join(lines), path) for path in (other, f"{place}/{other}", f"{place}/deep/{name}"))


def test_a_mount_of_the_spec_s_folder_or_one_above_leaves_nothing_out() -> None:
    settings = image_in("context: ../..\nmounts: [.:/a, ..:/b, ../..:/c, ../worker:/d]").settings
    never = ignore_lines(image_in("context: ../..").settings, "services/api")

    assert ignore_lines(settings, "services/api")[len(never) :] == ("services/worker",)


@pytest.mark.parametrize(
    ("entry", "kept", "others"),
    [
        (".", ["services/api/a"], ["services/worker/a", "services/a", "libs/a"]),
        ("src", ["services/api/src/a"], ["src/a", "services/src/a"]),
        ("*.py", ["services/api/a.py"], ["a.py", "services/api/src/a.py"]),
        ("**/*.py", ["services/api/src/a.py"], ["src/a.py"]),
        ("../../libs/common", ["libs/common/a"], ["libs/other/a", "services/api/libs/common/a"]),
        ("../../libs/*/src", ["libs/common/src/a"], ["libs/common/tests/a"]),
        ("../worker/jobs.py", ["services/worker/jobs.py"], ["services/worker/.token"]),
        ("../..", ["a", "libs/a", "services/api/a"], []),
        ("../../**/*.toml", ["a.toml", "libs/common/a.toml"], ["libs/a"]),
    ],
)
def test_an_entry_of_include_is_relative_to_the_spec(entry: str, kept: list[str], others: list[str]) -> None:
    text = f"*\n{include_line(entry, 'services/api')}"
    seen = ignore_patterns.parse(text, "services/api")

    assert [path for path in (*kept, *others) if not left_out(text, path)] == kept
    from_spec = {path: "/".join([*[".."] * 2, path]) for path in (*kept, *others)}
    assert [path for path in from_spec if not seen.leaves_out(from_spec[path])] == kept


@pytest.mark.parametrize(
    ("entry", "start"),
    [
        (".", ""),
        ("src", ""),
        ("!../../libs", ""),
        ("../../libs/common", "../../libs/common"),
        ("../../libs/c*", "../../libs"),
        ("../../*", "../.."),
        ("..", ".."),
    ],
)
def test_a_scan_of_what_is_outside_begins_where_no_wildcard_is(entry: str, start: str) -> None:
    assert find_outside(entry) == start
