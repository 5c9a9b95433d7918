"""Tests of the comparison of two builds of one image."""

from __future__ import annotations

import tarfile

import pytest

from mlspec.build.comparison import Difference, LayerDifference, compare_archives, digest, layer_count
from tests.support.archives import Files, image, link

BASE: Files = {"etc/passwd": b"root"}


def test_the_same_image_differs_in_nothing() -> None:
    assert compare_archives(image(BASE, {"a": b"1"}), image(BASE, {"a": b"1"})) == ()


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        ({"a": b"1"}, {"a": b"2"}, Difference("a", ("content",))),
        ({"a": b"1"}, {}, Difference("a", ("missing in the second",))),
        ({}, {"a": b"1"}, Difference("a", ("missing in the first",))),
        ({"b": link("b")}, {"b": link("b", linkname="c")}, Difference("b", ("content",))),
        ({"b": link("b")}, {"b": link("b", mode=0o700)}, Difference("b", ("mode",))),
        ({"b": link("b")}, {"b": link("b", uid=5)}, Difference("b", ("owner",))),
        ({"b": link("b")}, {"b": link("b", mtime=5)}, Difference("b", ("time",))),
        ({"b": link("b")}, {"b": link("b", type=tarfile.DIRTYPE, linkname="")}, Difference("b", ("kind", "content"))),
    ],
    ids=["content", "second", "first", "link", "mode", "owner", "time", "kind"],
)
def test_a_difference_is_named_by_its_path_and_what_differs(one: Files, other: Files, difference: Difference) -> None:
    assert compare_archives(image(BASE, one), image(BASE, other)) == (LayerDifference(1, (difference,)),)


def test_the_order_of_files_makes_another_layer_of_the_same_files() -> None:
    found = compare_archives(image({"a": b"1", "b": b"2"}), image({"b": b"2", "a": b"1"}))

    assert found == (LayerDifference(0, ()),)


def test_a_layer_more_is_a_difference() -> None:
    found = compare_archives(image(BASE), image(BASE, {"a": b"1"}))

    assert found == (LayerDifference(1, (Difference("a", ("missing in the first",)),)),)


def test_images_of_the_same_layers_may_differ_in_their_configuration() -> None:
    assert compare_archives(image(BASE), image(BASE, config=b"[]")) == (LayerDifference(-1, ()),)


def test_the_layers_of_an_image_are_counted() -> None:
    assert layer_count(image(BASE, {"a": b"1"})) == 2


def test_an_image_has_the_digest_that_it_is_pushed_under() -> None:
    assert digest(image(BASE)) == digest(image(BASE)) != digest(image({"a": b"1"}))
    assert digest(image(BASE)).startswith("sha256:")
