from __future__ import annotations

import pytest

from mlspec.facts import base_image, debian
from mlspec.facts.accelerator import parse_accelerator
from mlspec.facts.base_image import BaseChoice, BaseRefusal, base_reference
from mlspec.facts.image_reference import parse_reference
from mlspec.facts.installer import pinned_installer
from mlspec.facts.python import python_variants, python_versions, support_on
from mlspec.facts.torch import torch_index, torch_indexes, torch_packages

DIGEST = f"sha256:{'0123456789abcdef' * 4}"


def chosen(python: str, base: str | None = None) -> BaseChoice:
    choice = base_reference(python, base)
    assert isinstance(choice, BaseChoice)
    return choice


def refused(python: str, base: str) -> BaseRefusal:
    refusal = base_reference(python, base)
    assert isinstance(refusal, BaseRefusal)
    return refusal


# The tables


def test_debian_releases_stand_in_order() -> None:
    versions = [release.version for release in debian.debian_releases()]

    assert versions == sorted(versions)


def test_the_default_codename_is_the_newest_that_is_out() -> None:
    assert debian.default_codename() == [r.codename for r in debian.debian_releases() if r.released][-1]


def test_every_variant_stands_on_a_known_debian_and_python() -> None:
    codenames = {release.codename for release in debian.debian_releases()}
    pythons = {version.python for version in python_versions()}

    assert {(row.codename in codenames, row.python in pythons) for row in python_variants()} == {(True, True)}


def test_every_python_has_a_variant() -> None:
    assert {row.python for row in python_variants()} == {row.python for row in python_versions()}


def test_dates_are_iso_text() -> None:
    bookworm = next(release for release in debian.debian_releases() if release.codename == "bookworm")

    assert (bookworm.released, bookworm.end_of_life, bookworm.glibc) == ("2023-06-10", "2026-07-11", "2.36")


@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64"])
def test_the_installer_has_wheels_for_both_libraries(platform: str) -> None:
    wheels = [wheel for wheel in pinned_installer().wheels if wheel.platform == platform]

    assert {wheel.libc for wheel in wheels} == {"glibc", "musl"}


def test_the_installer_names_and_hashes_fit_their_version() -> None:
    installer = pinned_installer()

    assert all(w.file.startswith(f"{installer.name}-{installer.version}-") for w in installer.wheels)
    assert all(len(bytes.fromhex(w.sha256)) == 32 for w in installer.wheels)


def test_other_machines_have_no_installer() -> None:
    assert pinned_installer().hashes("linux/s390x") == ()


@pytest.mark.parametrize(
    ("accelerator", "label"),
    [("cpu", "cpu"), ("cuda", None), ("cuda12.8", "cu128"), ("cuda11.8", "cu118"), ("rocm6.3", "rocm6.3")],
)
def test_an_accelerator_has_a_label(accelerator: str, label: str | None) -> None:
    assert parse_accelerator(accelerator).label == label


def test_the_versions_of_the_torch_indexes_are_those_of_their_labels() -> None:
    named = [(f"{index.kind}{index.version}", index.label) for index in torch_indexes()]

    assert [(parse_accelerator(accelerator).label, label) for accelerator, label in named] == [(x, x) for _, x in named]


@pytest.mark.parametrize(
    ("label", "torch", "has"),
    [
        ("cu124", "2.5.1", True),
        ("cu124", "2.7.0", False),
        ("cu128", "2.6", False),
        ("cu130", "2.15.0+cu130", True),
        ("cpu", "2.9.1", True),
        ("cu999", "2.9.1", False),
    ],
)
def test_an_index_knows_its_torch_versions(label: str, torch: str, has: bool) -> None:
    assert torch_index(label).has(torch) is has


def test_an_unknown_label_follows_the_pattern() -> None:
    index = torch_index("rocm9.9")

    assert (index.kind, index.url.rpartition("/")[2]) == ("rocm", "rocm9.9")


def test_torch_and_its_family_are_served_there() -> None:
    assert {"torch", "torchvision", "torchaudio"} <= set(torch_packages())


@pytest.mark.parametrize(
    ("end", "today", "expected"),
    [
        ("2026-10-31", "2026-11-23", "ended"),
        ("2026-11-23", "2026-11-23", "ending"),
        ("2027-04-30", "2026-11-23", "ending"),
        ("2027-05-31", "2026-11-23", "supported"),
        ("", "2026-11-23", "unknown"),
    ],
)
def test_support_ends(end: str, today: str, expected: str) -> None:
    assert support_on(end, today) == expected


def test_a_release_to_come_is_planned() -> None:
    assert support_on("2031-10-31", "2026-09-01", released="2026-10-01") == "planned"


# Bases


@pytest.mark.parametrize(
    ("python", "base", "reference"),
    [
        ("3.12", None, "python:3.12-slim-trixie"),
        ("3.12", "slim", "python:3.12-slim-trixie"),
        ("3.12", "slim-bookworm", "python:3.12-slim-bookworm"),
        ("3.12", "bookworm", "python:3.12-slim-bookworm"),
        ("3.10", "Slim-Trixie", "python:3.10-slim-trixie"),
        ("3.12", "bullseye", "python:3.12-slim-bullseye"),
        ("3.8", None, "python:3.8-slim-bookworm"),
    ],
)
def test_a_base_is_slim_on_a_named_debian(python: str, base: str | None, reference: str) -> None:
    choice = chosen(python, base)

    assert choice.reference == reference


@pytest.mark.parametrize(
    ("python", "codename"),
    [
        ("3.12.4", "bookworm"),
        ("3.12.11", "trixie"),
        ("3.12.99", "trixie"),
        ("3.11.2", "bullseye"),
        ("3.8.1", "bookworm"),
    ],
)
def test_a_patch_version_stands_on_the_newest_debian_it_was_built_on(python: str, codename: str) -> None:
    choice = chosen(python)

    assert choice.codename == codename


def test_an_unknown_python_stands_on_the_default() -> None:
    choice = chosen("3.99")

    assert choice.reference == "python:3.99-slim-trixie"


def test_an_official_base_knows_its_library() -> None:
    choice = base_reference("3.12", "bookworm")

    assert choice == BaseChoice(
        reference="python:3.12-slim-bookworm", codename="bookworm", glibc="2.36", python="3.12", is_official=True
    )


def test_a_whole_reference_is_kept_and_its_digest_taken_apart() -> None:
    choice = chosen("3.12", f"python:3.11.4-slim-bookworm@{DIGEST}")

    assert (choice.reference, choice.digest, choice.python) == ("python:3.11.4-slim-bookworm", DIGEST, "3.11.4")
    assert choice.with_digest == f"python:3.11.4-slim-bookworm@{DIGEST}"


def test_another_image_tells_little() -> None:
    choice = base_reference("3.12", "nvidia/cuda:12.4.1-devel-ubuntu22.04")

    assert choice == BaseChoice(reference="nvidia/cuda:12.4.1-devel-ubuntu22.04", is_official=False)


def test_a_tag_may_name_debian_anywhere() -> None:
    choice = chosen("3.12", "registry.example.com:5000/team/base:7-trixie")

    assert (choice.glibc, choice.is_official) == ("2.41", False)


def test_a_misspelt_base_has_suggestions() -> None:
    refusal = refused("3.12", "slim-bokworm")

    assert refusal.suggestions[0] == "slim-bookworm"


def test_a_base_like_nothing_known_lists_what_there_is() -> None:
    refusal = refused("3.12", "xyz")

    assert refusal.suggestions == ("slim-trixie", "slim-bookworm")


@pytest.mark.parametrize(
    "base", ["alpine", "alpine3.20", "slim-alpine", "python:3.12-alpine", "alpine:3.20", "x/y:1-musl"]
)
def test_musl_is_refused_with_the_reason(base: str) -> None:
    refusal = refused("3.12", base)

    assert "musl" in refusal.message


@pytest.mark.parametrize("base", ["::", "a b:1", "${BASE}:1", "python@sha256:12", "/", "https://example.com/a"])
def test_nonsense_is_not_a_reference(base: str) -> None:
    refusal = refused("3.12", base)

    assert "not an image reference" in refusal.message


def test_names_for_a_patch_version_are_those_it_was_built_on() -> None:
    assert base_image.base_names("3.11.4") == ("slim-bookworm", "slim-bullseye", "slim-buster")


# References


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("python", "docker.io/library/python:latest"),
        ("python:3.12-slim", "docker.io/library/python:3.12-slim"),
        ("pytorch/pytorch:2.9", "docker.io/pytorch/pytorch:2.9"),
        ("index.docker.io/python", "docker.io/library/python:latest"),
        ("localhost/a", "localhost/a:latest"),
        ("127.0.0.1:5000/a/b:c", "127.0.0.1:5000/a/b:c"),
        ("[::1]:5000/a:b", "[::1]:5000/a:b"),
        (f"ghcr.io/x/y@{DIGEST}", f"ghcr.io/x/y@{DIGEST}"),
        (f"python:3.12@{DIGEST}", f"docker.io/library/python:3.12@{DIGEST}"),
        ("a__b/c.d--e:_x", "docker.io/a__b/c.d--e:_x"),
    ],
)
def test_a_reference_has_docker_s_defaults(text: str, full: str) -> None:
    assert str(parse_reference(text)) == full


@pytest.mark.parametrize("text", ["python:3.12-slim", "a/b:c", "ghcr.io/x/y:1", f"python:3.12@{DIGEST}"])
def test_a_familiar_reference_is_as_people_write_it(text: str) -> None:
    image = parse_reference(text)

    assert getattr(image, "familiar", None) == text


@pytest.mark.parametrize("text", ["", ":", "a..b", "a/", "/a", "a:", "a@b", "-a", "a:-b", "ä", "a b", "x" * 300])
def test_what_is_not_a_reference_is_none(text: str) -> None:
    assert parse_reference(text) is None
