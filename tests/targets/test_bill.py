"""Tests of the bill of materials of an image, from its lock."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from mlspec.cli.app import cli
from mlspec.lock.mlspec_lock import BaseLock
from mlspec.lock.pins import Layer, Pin, RequirementsLock
from mlspec.targets.sbom import BillFacts, bill_of
from tests.support.places import PROJECT

SPECS = PROJECT / "specs"
COMMIT = "c" * 40
BASE = BaseLock(
    reference="python:3.12-slim", digest=f"sha256:{'a' * 64}", python="3.12.1", glibc="2.36", codename="bookworm"
)
PACKAGES = RequirementsLock(
    layers=(
        Layer("one", (Pin(name="numpy", version="2.3.1", requirement="numpy==2.3.1", hashes=(f"sha256:{'b' * 64}",)),)),
        Layer("two", (Pin(name="six", version="1.17.0", requirement="six==1.17.0", via=("numpy", "ours")),)),
    ),
    vcs=(Pin(name="ours", version="1.0", requirement=f"ours @ git+https://code.example/ours@{COMMIT}"),),
)


FACTS = BillFacts(
    name="app",
    base=BASE,
    packages=PACKAGES,
    required=("numpy",),
    apt=("ffmpeg",),
    snapshot="2026-11-01",
    lock="version = 1\n",
)


def billed(facts: BillFacts = FACTS) -> str:
    return bill_of(facts, "0.1.0")


def part(name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(part for part in json.loads(billed())["components"] if part["name"] == name)
    return found


def needs(ref: str) -> list[str]:
    return next(row.get("dependsOn", []) for row in json.loads(billed())["dependencies"] if row["ref"] == ref)


def test_the_same_lock_gives_the_same_bill_and_another_lock_another_number() -> None:
    assert billed() == billed()
    assert (
        json.loads(billed())["serialNumber"] != json.loads(billed(replace(FACTS, lock="version = 2\n")))["serialNumber"]
    )
    assert "timestamp" not in billed()


def test_a_package_is_named_with_its_version_and_hash() -> None:
    assert part("numpy")["purl"] == "pkg:pypi/numpy@2.3.1"
    assert part("numpy")["hashes"] == [{"alg": "SHA-256", "content": "b" * 64}]


def test_a_git_dependency_is_named_with_its_commit() -> None:
    assert COMMIT in part("ours")["purl"]


def test_the_base_is_named_with_its_digest() -> None:
    assert part("docker.io/library/python")["version"] == BASE.digest


def test_a_debian_package_is_named_with_its_release_and_the_day_of_its_archive() -> None:
    assert part("ffmpeg")["purl"] == "pkg:deb/debian/ffmpeg?distro=bookworm"
    assert part("ffmpeg")["properties"] == [{"name": "mlspec:apt_snapshot", "value": "2026-11-01"}]
    assert "version" not in part("ffmpeg")


def test_other_debian_packages_make_another_bill() -> None:
    assert (
        json.loads(billed())["serialNumber"] != json.loads(billed(replace(FACTS, apt=(), snapshot="")))["serialNumber"]
    )


def test_who_needs_whom_is_told() -> None:
    assert needs("package:numpy") == ["package:six"]
    assert needs("package:ours") == ["package:six"]
    assert needs("image:app") == ["base", "debian:ffmpeg", "package:numpy", "package:ours"]


@pytest.mark.parametrize(
    "words", [("first-training",), ("several-images", "train"), ("batch-job",)], ids=lambda words: words[0]
)
def test_the_bill_of_an_example_is_valid(words: tuple[str, ...]) -> None:
    folder, *image = words
    done = CliRunner().invoke(cli, ["sbom", *image, "-f", str(SPECS / folder / "mlspec.yaml")])

    assert done.exit_code == 0, done.output
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(done.stdout) is None
