"""Tests of the layers of packages: few enough for an engine, and stable if other packages change."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlspec.lock.layers import group_pins, is_as_wanted
from mlspec.lock.pins import Layer, Pin, RequirementsLock
from mlspec.lock.requirements.indexes import Index, labels
from mlspec.spec.spec import Image

MB = 1_000_000


def pin(name: str, size: int | None = 1000, *, source: bool = False) -> Pin:
    return Pin(name=name, version="1", requirement=f"{name}==1", size=size, via=("spec",), is_source=source)


# A package that makes a lock too heavy for one light layer.
HEAVY = pin("zzz-heavy", 900 * MB)


def layered(*pins: Pin, previous: tuple[Layer, ...] = ()) -> dict[str, list[str]]:
    lock = RequirementsLock(previous) if previous else None
    layers = group_pins([*pins, HEAVY] if 0 < sum(p.size or 0 for p in pins) < 30 * MB else pins, lock)
    return {layer.name: [p.name for p in layer.pins] for layer in layers if layer.pins != (HEAVY,)}


def test_a_heavy_wheel_has_a_layer_of_its_own_and_others_share_bands() -> None:
    found = layered(
        pin("six", 11_000),
        pin("torch", 900 * MB),
        pin("pandas", 12 * MB),
        pin("rich", 300_000),
        pin("pyyaml", 800_000),
        pin("fonttools", 5 * MB),
        pin("antlr", 100_000, source=True),
        pin("mystery", None),
    )

    assert list(found.items()) == [
        ("torch", ["torch"]),
        ("pandas", ["pandas"]),
        ("antlr", ["antlr"]),
        ("medium_wheels_1", ["fonttools"]),
        ("small_wheels", ["pyyaml", "rich"]),
        ("tiny_wheels", ["mystery", "six"]),
    ]


def test_sources_that_shared_a_layer_stay_in_it_and_a_new_one_is_alone() -> None:
    before = (Layer("source_builds", (pin("antlr", source=True), pin("fasttext", source=True))),)

    found = layered(*before[0].pins, pin("pyaudio", source=True), previous=before)

    assert found == {"pyaudio": ["pyaudio"], "source_builds": ["antlr", "fasttext"]}


def test_a_lock_taken_as_written_is_one_layer() -> None:
    pins = [dataclasses.replace(pin(name, None), via=()) for name in ("b", "a")]

    assert layered(*pins) == {"requirements": ["a", "b"]}


@pytest.mark.parametrize(
    ("before", "size", "after"),
    [
        ("x", 8 * MB, "x"),
        ("x", 5 * MB, "x"),
        ("x", 3 * MB, "medium_wheels_2"),
        ("medium_wheels_2", 11 * MB, "medium_wheels_2"),
        ("medium_wheels_1", 5 * MB, "medium_wheels_2"),
        ("x", None, "x"),
        ("medium_wheels", 11 * MB, "medium_wheels"),
        ("medium_wheels", 13 * MB, "x"),
        ("medium_wheels", 600_000, "medium_wheels"),
        ("medium_wheels", 400_000, "small_wheels"),
        ("tiny_wheels", 370_000, "tiny_wheels"),
        ("tiny_wheels", 380_000, "small_wheels"),
        ("source_builds", 500_000, "small_wheels"),
        ("requirements", 500_000, "small_wheels"),
        ("y", 500_000, "small_wheels"),
    ],
)
def test_a_package_stays_unless_it_left_its_layer_by_more_than_half(before: str, size: int | None, after: str) -> None:
    assert layered(pin("x", size), previous=(Layer(before, (pin("x"),)),)) == {after: ["x"]}


def test_a_package_stays_in_the_layer_that_an_older_lock_has_for_it_and_a_new_one_does_not_join() -> None:
    before = (
        Layer("medium_wheels_3", (pin("fonttools", 5 * MB),)),
        Layer("medium_wheels_4", (pin("x", 5 * MB),)),
    )

    found = layered(pin("fonttools", 5 * MB), pin("pillow", 7 * MB), pin("x", 6 * MB), previous=before)

    assert found == {"medium_wheels_1": ["pillow"], "medium_wheels_3": ["fonttools"], "medium_wheels_4": ["x"]}
    assert is_as_wanted(before, {})


def test_no_package_is_in_a_layer_of_its_band_that_never_was_its_own() -> None:
    assert not is_as_wanted((Layer("medium_wheels_3", (pin("x", 5 * MB),)),), {})


def test_a_new_heavy_wheel_does_not_reorder_the_others() -> None:
    previous = (Layer("a", (pin("a", 50 * MB),)), Layer("b", (pin("b", 19 * MB),)))

    found = layered(pin("a", 48 * MB), pin("b", 19 * MB), pin("c", 60 * MB), pin("d", 9 * MB), previous=previous)

    assert list(found) == ["c", "a", "b", "d"]


_sizes = st.none() | st.integers(0, 20 * MB)


@given(st.dictionaries(st.sampled_from("abcdefgh"), _sizes, min_size=1), st.sampled_from("abcdefgh"), _sizes)
def test_a_change_of_one_package_moves_no_other(sizes: dict[str, int | None], name: str, size: int | None) -> None:
    previous = group_pins([HEAVY, *(pin(n, s) for n, s in sizes.items())], None)
    changed = [HEAVY, *(pin(n, s) for n, s in {**sizes, name: size}.items())]

    def homes(layers: tuple[Layer, ...]) -> dict[str, str]:
        return {p.name: layer.name for layer in layers for p in layer.pins if p.name != name}

    assert homes(group_pins(changed, RequirementsLock(previous))) == homes(previous)


@given(st.lists(st.builds(pin, st.sampled_from("abcdefgh"), _sizes), unique_by=lambda p: p.name, min_size=1))
def test_layers_hold_every_pin_once_whatever_the_order(pins: list[Pin]) -> None:
    layers = group_pins(pins, None)

    assert sorted(p.name for layer in layers for p in layer.pins) == sorted(p.name for p in pins)
    assert group_pins(reversed(pins), None) == layers


# The most an engine takes


@pytest.mark.parametrize("size", [100_000, 500_000, 4 * MB, 20 * MB])
@pytest.mark.parametrize("count", [5, 50, 500])
def test_there_are_never_more_layers_than_an_engine_takes(count: int, size: int) -> None:
    assert len(group_pins([pin(f"p{number}", size) for number in range(count)], None)) <= 80


def test_of_too_many_heavy_wheels_the_heaviest_stand_alone() -> None:
    found = layered(*(pin(f"p{number:03}", (10 + number) * MB) for number in range(100)))

    alone = [name for name in found if name.startswith("p")]
    assert alone == [f"p{number:03}" for number in range(99, 35, -1)]
    assert sorted(p for name in found if name not in alone for p in found[name]) == [f"p{n:03}" for n in range(36)]


def test_a_new_heavy_wheel_takes_no_place_from_another() -> None:
    before = group_pins([pin(f"p{number:03}", (10 + number) * MB) for number in range(100)], None)
    after = group_pins([*(p for layer in before for p in layer.pins), pin("new", 900 * MB)], RequirementsLock(before))

    homes = {p.name: layer.name for layer in before for p in layer.pins}
    assert {p.name: layer.name for layer in after for p in layer.pins if p.name != "new"} == homes


# Layers of a spec


def test_a_spec_can_ask_for_layers_of_its_own() -> None:
    pins = [pin("Our-Thing".lower()), pin("our-plugin-a"), pin("numpy", 15 * MB), pin("six")]
    wanted = {"ours": ("Our_Thing", "our-plugin-*"), "later": ("our-*", "numpy")}

    found = {layer.name: [p.name for p in layer.pins] for layer in group_pins(pins, None, wanted)}

    assert found == {"later": ["numpy"], "ours": ["our-plugin-a", "our-thing"], "tiny_wheels": ["six"]}


def test_what_a_spec_no_longer_asks_for_goes_home() -> None:
    before = group_pins([pin("a"), pin("b")], None, {"ours": ("a",)})

    assert is_as_wanted(before, {"ours": ("a",)})
    assert not is_as_wanted(before, {})
    assert not is_as_wanted(before, {"ours": ("a", "b")})
    assert layered(pin("a"), pin("b"), previous=before) == {"tiny_wheels": ["a", "b"]}


def test_a_spec_names_its_layers(image_of: Callable[[str], Image]) -> None:
    image = image_of("python: 3.12\nlayers: {ours: our-*, all: [a, b]}")

    assert image.settings.layers == {"ours": ("our-*",), "all": ("a", "b")}


# Indexes

TEAM = Index(url="https://packages.example/team/simple", packages=("team-*", "torch"))


def test_a_layer_comes_from_one_index() -> None:
    pins = [pin("six"), pin("team-fruit"), pin("torch", 900 * MB), pin("team-source", source=True)]

    found = {layer.name: [p.name for p in layer.pins] for layer in group_pins(pins, None, {}, (TEAM,))}

    assert found == {
        "torch": ["torch"],
        "tiny_wheels": ["six"],
        "tiny_wheels.team": ["team-fruit"],
        "team-source": ["team-source"],
    }


def test_a_layer_of_the_spec_is_one_for_each_index() -> None:
    layers = group_pins([pin("six"), pin("team-fruit")], None, {"ours": ("six", "team-*")}, (TEAM,))

    assert {layer.name: [p.name for p in layer.pins] for layer in layers} == {
        "ours": ["six"],
        "ours.team": ["team-fruit"],
    }


def test_a_lock_as_written_is_a_layer_for_each_index() -> None:
    pins = [Pin(name=name, version="1", requirement=f"{name}==1") for name in ("six", "team-fruit")]

    assert [layer.name for layer in group_pins(pins, None, {}, (TEAM,))] == ["requirements", "requirements.team"]


def test_a_package_keeps_its_layer_when_it_moves_to_another_index() -> None:
    before = group_pins([HEAVY, pin("pyyaml", 200_000), pin("rich", 300_000)], None)

    after = group_pins([HEAVY, pin("pyyaml", 260_000), pin("rich", 300_000)], RequirementsLock(before), {}, (TEAM,))
    moved = Index(url="https://other.example/simple", packages=("pyyaml",))
    elsewhere = group_pins([HEAVY, pin("pyyaml", 260_000)], RequirementsLock(before), {}, (moved,))

    assert [layer.name for layer in (*after, *elsewhere) if layer.pins != (HEAVY,)] == [
        "small_wheels",
        "tiny_wheels",
        "tiny_wheels.other-example",
    ]


def test_a_lock_whose_layers_mix_indexes_is_not_as_wanted() -> None:
    mixed = (Layer("tiny_wheels", (pin("six"), pin("team-fruit"))),)

    assert is_as_wanted(mixed, {})
    assert not is_as_wanted(mixed, {}, (TEAM,))
    assert is_as_wanted(group_pins(mixed[0].pins, RequirementsLock(mixed), {}, (TEAM,)), {}, (TEAM,))


def test_indexes_are_told_apart_by_the_ends_of_their_addresses() -> None:
    urls = (
        "https://a.example/api/pypi/team/simple/",
        "https://b.example/simple",
        "https://c.example/team",
        "https://d/",
    )

    found = labels([Index(url=url, packages=("x",)) for url in urls])

    assert [label for label, _ in found] == ["team", "b-example", "team_2", "d"]


# Light locks


def test_light_wheels_are_one_layer() -> None:
    layers = group_pins([pin("pydantic", 2 * MB), pin("numpy", 17 * MB), pin("six")], None)

    assert [layer.name for layer in layers] == ["all_wheels"]
    assert is_as_wanted(layers, {})


@pytest.mark.parametrize(
    ("size", "layers"), [(20 * MB - 1_001, ["all_wheels"]), (20 * MB - 1_000, ["a", "tiny_wheels"])]
)
def test_wheels_of_20_mb_together_are_no_longer_light(size: int, layers: list[str]) -> None:
    assert [layer.name for layer in group_pins([pin("a", size), pin("six", 1_000)], None)] == layers


def test_light_wheels_that_another_image_or_platform_may_share_have_layers() -> None:
    layers = group_pins([pin("numpy", 17 * MB), pin("six")], None, may_be_light=False)

    assert [layer.name for layer in layers] == ["numpy", "tiny_wheels"]


@pytest.mark.parametrize(
    "pins",
    [
        [pin("scipy", 20 * MB), pin("six")],
        [pin("six"), pin("antlr", source=True)],
        [pin("six"), pin("mystery", None)],
    ],
    ids=["heavy", "source", "unknown size"],
)
def test_a_lock_that_is_not_known_to_be_light_has_layers(pins: list[Pin]) -> None:
    assert "all_wheels" not in [layer.name for layer in group_pins(pins, None)]


def test_a_light_lock_stays_one_layer_until_it_outgrows_that_by_half() -> None:
    before = RequirementsLock(group_pins([pin("a", 19 * MB)], None))

    assert [layer.name for layer in group_pins([pin("a", 29 * MB)], before)] == ["all_wheels"]
    assert [layer.name for layer in group_pins([pin("a", 30 * MB)], before)] == ["a"]


def test_layers_of_an_older_lock_become_one_when_it_is_locked_again() -> None:
    before = RequirementsLock((Layer("tiny_wheels", (pin("six"),)), Layer("small_wheels", (pin("rich", 300_000),))))

    assert is_as_wanted(before.layers, {})
    assert [layer.name for layer in group_pins(before.pins, before)] == ["all_wheels"]


def test_a_layer_that_the_spec_asks_for_keeps_the_others_apart() -> None:
    layers = group_pins([pin("six"), pin("idna")], None, {"ours": ("six",)})

    assert [layer.name for layer in layers] == ["ours", "tiny_wheels"]
