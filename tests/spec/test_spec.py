"""Tests of the validation of data to a Spec: defaults, short and long forms, and inherited keys of images."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pydantic
import pytest

from mlspec.errors import SpecError
from mlspec.facts.accelerator import Accelerator
from mlspec.spec.document import parse
from mlspec.spec.keys import Settings
from mlspec.spec.nested_keys import Gpus
from mlspec.spec.spec import Image, Spec, validate

SpecOf = Callable[[str], Spec]
ImageOf = Callable[[str], Image]


def test_everything_but_python_has_a_default(image_of: ImageOf) -> None:
    assert image_of("python: 3.12").settings == Settings(python="3.12")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("platforms", ("linux/amd64",)),
        ("accelerator", Accelerator()),
        ("working_dir", "/app"),
        ("user", "1000:1000"),
        ("init", True),
        ("read_only", False),
        ("include", None),
        ("requirements", ()),
    ],
)
def test_defaults_are_these(key: str, value: object) -> None:
    assert getattr(Settings(python="3.12"), key) == value


def test_a_spec_without_images_has_one_without_a_name(spec_of: SpecOf) -> None:
    assert [image.key for image in spec_of("python: 3.12").images] == [""]


def test_a_null_and_a_key_of_the_users_own_say_nothing(image_of: ImageOf) -> None:
    assert image_of("python: 3.12\napt:\nx-mine: [1, {a: b}]").settings == Settings(python="3.12")


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("platforms: linux/arm64", "platforms: [linux/arm64]"),
        ("requirements: a.in", "requirements: [a.in]"),
        ("apt: git", "apt: [git]"),
        ("include: src", "include: [src]"),
        ("run: [make]", "run: [{command: make, at: after_install}]"),
        ("run: [{command: a, cache: /c}]", "run: [{command: a, cache: [/c]}]"),
        ("environment: [A=b=c, D]", "environment: {A: b=c, D: }"),
        ("labels: [a=b, c]", "labels: {a: b, c: ''}"),
        ("user: 7", "user: 7:7"),
        ("user: root", "user: 0:0"),
        ("entrypoint: python -c 'print(1)'", "entrypoint: [python, -c, print(1)]"),
        ("entrypoint: >\n  python\n  train.py\n", "entrypoint: [python, train.py]"),
        ("ports: [80]", "ports: [{target: 80}]"),
        ("ports: ['1:80/udp']", "ports: [{target: 80, published: 1, protocol: udp}]"),
        ("ports: ['0.0.0.0:1:80']", "ports: [{target: 80, published: 1, host_ip: 0.0.0.0}]"),
        ("healthcheck: curl host", "healthcheck: {test: curl host}"),
        ("gpus: all", "gpus: [{count: all}]"),
        ("gpus: 2", "gpus: {count: 2}"),
        ("tmpfs: /run", "tmpfs: [/run]"),
        ("secrets: [A]", "secrets: {A: {environment: A}}"),
        ("env_file: .env", "env_file: [{path: .env, required: true}]"),
        ("ulimits: {nofile: 3}", "ulimits: {nofile: {soft: 3, hard: 3}}"),
        ("mounts: [./a:/b]", "mounts: [{type: bind, source: ./a, target: /b}]"),
        ("mounts: [a1:/b:ro]", "mounts: [{type: volume, source: a1, target: /b, read_only: true}]"),
        ("mounts: ['C:\\a:/b']", "mounts: [{type: bind, source: 'C:\\a', target: /b}]"),
    ],
)
def test_short_and_long_forms_are_equal(image_of: ImageOf, short: str, long: str) -> None:
    assert image_of(f"python: 3.12\n{short}").settings == image_of(f"python: 3.12\n{long}").settings


def inherited(spec_of: SpecOf, above: str, own: str, key: str) -> object:
    (image,) = spec_of(f"python: 3.12\n{above}\nimages:\n  it:\n    {own}\n").images
    found: object = getattr(image.settings, key)
    return found


@pytest.mark.parametrize(
    ("above", "own", "key", "found"),
    [
        ("apt: [a1, b1]", "init: true", "apt", ("a1", "b1")),
        ("apt: [a1, b1]", "apt: [c1]", "apt", ("c1",)),
        ("apt: [a1, b1]", "apt: [..., c1]", "apt", ("a1", "b1", "c1")),
        ("apt: [a1, b1]", "apt: [c1, ...]", "apt", ("c1", "a1", "b1")),
        ("apt: [a1, b1]", "apt: [c1, ..., d1]", "apt", ("c1", "a1", "b1", "d1")),
        ("apt: a1", "apt: [..., c1]", "apt", ("a1", "c1")),
        ("apt: [a1]", "apt: [..., ...]", "apt", ("a1", "a1")),
        ("apt: [a1]", "apt:", "apt", ()),
        ("user: 5", "user:", "user", "1000:1000"),
        ("user: 5", "user: 6", "user", "6:6"),
        ("environment: {A: a, B: b}", "environment: {B: c, C: d}", "environment", {"A": "a", "B": "c", "C": "d"}),
        ("environment: [A=a, B=b]", "environment: {B: c}", "environment", {"A": "a", "B": "c"}),
        ("environment: {A: a, B: b}", "environment: [..., B=c]", "environment", {"A": "a", "B": "c"}),
        ("environment: [A=a, B=b]", "environment: [..., B=c]", "environment", {"A": "a", "B": "c"}),
        ("environment: {A: a}", "environment: [B=b]", "environment", {"B": "b"}),
        ("environment: {A: a}", "environment: {A: }", "environment", {"A": None}),
        ("gpus: all", "gpus: {count: 2}", "gpus", Gpus(count=2)),
    ],
)
def test_an_image_says_its_own_over_what_stands_above(
    spec_of: SpecOf, above: str, own: str, key: str, found: object
) -> None:
    assert inherited(spec_of, above, own, key) == found


def test_images_do_not_see_each_other(spec_of: SpecOf) -> None:
    spec = spec_of("python: 3.12\nimages: {a: {python: 3.11, apt: [git]}, b: }")

    assert [(image.key, image.settings.python, image.settings.apt) for image in spec.images] == [
        ("a", "3.11", ("git",)),
        ("b", "3.12", ()),
    ]


TEXT = """\
python: 3.12
apt: [git, curl]
environment: {A: a, B: b}
labels: [a=1]
images:
  it:
    user: 7
    apt: [ffmpeg, ..., vim]
    environment: {B: c}
    labels: {b: 2}
"""


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        (("python",), 1, 9),
        (("user",), 7, 11),
        (("apt", 0), 8, 11),
        (("apt", 1), 2, 7),
        (("apt", 2), 2, 12),
        (("apt", 3), 8, 24),
        (("environment", "A"), 3, 18),
        (("environment", "B"), 9, 22),
        (("labels", "a"), 4, 10),
        (("labels", "b"), 10, 17),
        ((), 7, 5),
    ],
)
def test_a_value_is_known_to_come_from_its_line(path: tuple[str | int, ...], line: int, column: int) -> None:
    spec = validate(parse(TEXT, "mlspec.yaml"))

    span = spec.document.locate(spec.image("it").origin(*path))

    assert (span.line, span.column) == (line, column)


def test_a_spec_cannot_be_changed(spec_of: SpecOf) -> None:
    spec = spec_of("python: 3.12")

    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.name = "other"  # type: ignore[misc]
    with pytest.raises(pydantic.ValidationError):
        spec.images[0].settings.python = "3.11"  # type: ignore[misc]


def test_an_image_is_found_by_its_key(spec_of: SpecOf) -> None:
    assert spec_of("python: 3.12\nimages: {a: , b: }").image("b").key == "b"


def test_a_problem_of_several_images_in_one_line_is_told_once(spec_of: SpecOf) -> None:
    with pytest.raises(SpecError) as caught:
        spec_of("python: 3.12\nshm_size: big\nimages: {a: , b: }")

    assert len(caught.value.problems) == 1
