"""Tests of the reader of system libraries in wheels: modules and their libraries count, plugins do not."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import struct
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from mlspec import api
from mlspec.facts import libraries
from mlspec.host.resolver.child.elf import needed_libraries
from mlspec.host.resolver.compile import Resolver
from mlspec.host.resolver.metadata.maker import MetadataMaker
from mlspec.lock.pins import Layer, LockTarget, Pin, RequirementsLock
from mlspec.lock.requirements.collect import RequirementEntry, collect
from mlspec.lock.requirements_lock import dump_requirements, parse_requirements
from mlspec.lock.state import LockOptions
from mlspec.lock.world import Compiled
from tests.support.index import File, PackageIndex, metadata, serving

TARGET = LockTarget(python="3.12.4", platform="linux/amd64", glibc="2.36")
TAG = "cp312-cp312-manylinux_2_28_x86_64"


def elf(*names: str, size: int = 0) -> bytes:
    """Return an ELF file that needs libraries: a header, one segment, and a dynamic section with the names."""
    strings = b"\0" + b"".join(name.encode() + b"\0" for name in names)
    place = 64 + 2 * 56
    offsets = [1 + sum(len(name) + 1 for name in names[:number]) for number in range(len(names))]
    entries = [(5, place), *((1, offset) for offset in offsets), (0, 0)]
    dynamic = b"".join(struct.pack("<qQ", *entry) for entry in entries)
    total = place + len(strings) + len(dynamic)
    head = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, total, total, 4096)
    part = struct.pack("<IIQQQQQQ", 2, 6, *[place + len(strings)] * 3, len(dynamic), len(dynamic), 8)
    return head + load + part + strings + dynamic + bytes(size)


def binary(name: str, files: Mapping[str, bytes], version: str = "1.0") -> File:
    """Return a wheel for one platform with these files."""
    info = f"{name}-{version}.dist-info"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in {**files, f"{info}/METADATA": metadata(name, version).encode()}.items():
            archive.writestr(path, data)
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nTag: {TAG}\n")
        archive.writestr(f"{info}/RECORD", "")
    return File(f"{name}-{version}-{TAG}.whl", name, buffer.getvalue(), metadata=metadata(name, version))


DRAW = {
    "draw/core.cpython-312-x86_64-linux-gnu.so": elf("libc.so.6", "libcairo-1a2b.so.2"),
    "draw.libs/libcairo-1a2b.so.2": elf("libXrender.so.1", "libm.so.6"),
    "draw/plugins/libqxcb.so": elf("libxcb-cursor.so.0"),
    "draw/backend_gtk.py": b"",
}


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[PackageIndex]:
    with ExitStack() as stack:
        served = stack.enter_context(serving())
        monkeypatch.setenv("MLSPEC_INDEX_URL", served.url)
        yield served


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def compiled(*names: str, said: list[str] | None = None) -> Compiled:
    wanted = collect([RequirementEntry(name, ()) for name in names], lambda path: "", "mlspec.yaml")
    maker = MetadataMaker(TARGET, say=(said if said is not None else []).append)
    return Resolver(TARGET, (), maker, inspects_wheels=True).compile(wanted)


def loads(found: Compiled) -> dict[str, dict[str, str]]:
    return {pin.name: dict(pin.loads) for pin in found.pins}


def test_names_are_read_out_of_an_elf_file_and_nothing_out_of_others() -> None:
    assert needed_libraries(elf("libX11.so.6", "libc.so.6")) == ("libX11.so.6", "libc.so.6")
    assert needed_libraries(b"") == needed_libraries(b"#!/bin/sh") == needed_libraries(elf("libX11.so.6")[:100]) == ()
    assert needed_libraries(Path("/proc/self/exe").read_bytes())


def test_what_modules_lead_to_counts_and_plugins_do_not(index: PackageIndex) -> None:
    index.add(binary("draw", DRAW))
    said: list[str] = []

    found = compiled("draw", said=said)

    assert loads(found) == {"draw": {"libXrender.so.1": "draw.libs/libcairo-1a2b.so.2"}}
    assert "read which libraries 1 wheels load" in said[-1]


def test_what_another_wheel_brings_is_not_lacking_and_leads_on(index: PackageIndex) -> None:
    core = elf("libQt6Gui.so.6", "libGL.so.1")
    index.add(binary("shown", {"shown/core.abi3.so": core}))
    index.add(binary("qtlibs", {"qt/lib/libQt6Gui.so.6": elf("libEGL.so.1"), "qt/lib/libGL.so.1": elf("libX11.so.6")}))

    found = loads(compiled("shown", "qtlibs"))

    assert found["shown"] == {"libEGL.so.1": "qt/lib/libQt6Gui.so.6", "libX11.so.6": "qt/lib/libGL.so.1"}
    assert found["qtlibs"] == {}


def test_what_was_read_is_kept_and_gives_the_same_again(index: PackageIndex) -> None:
    index.add(binary("draw", DRAW))
    first = compiled("draw")
    before = index.bytes_sent
    said: list[str] = []

    assert loads(compiled("draw", said=said)) == loads(first)
    assert "0 B downloaded" in said[-1]
    assert index.bytes_sent - before < 50_000


def test_a_file_that_is_too_large_is_passed_over_and_it_is_said(index: PackageIndex) -> None:
    noise = b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(270_000))
    index.add(binary("huge", {"huge/core.abi3.so": elf("libX11.so.6") + noise}))
    said: list[str] = []

    assert loads(compiled("huge", said=said)) == {"huge": {}}
    assert said[-1] == "large, so mlspec did not read all of their files: huge"
    assert index.bytes_sent < 1_000_000


def test_a_lock_says_it_and_reads_it_back() -> None:
    pin = Pin(
        name="draw", version="1.0", requirement="draw==1.0", size=1000, loads=(("libXrender.so.1", "a.libs/b.so"),)
    )
    pin = dataclasses.replace(pin, via=("other",))
    text = dump_requirements(RequirementsLock((Layer("requirements", (pin,)),)), header="#")

    assert "    # 1.0 kB, loads libXrender.so.1 in a.libs/b.so, via other\n" in text
    assert parse_requirements(text, "requirements.lock").pins == (pin,)


@pytest.mark.parametrize(
    ("apt", "is_lacking"), [("[]", True), ("[git]", True), ("[libxrender1]", False), ("[libcairo2]", False)]
)
def test_it_is_told_with_the_line_that_mends_it(
    index: PackageIndex, tmp_path: Path, apt: str, is_lacking: bool
) -> None:
    index.add(binary("draw", DRAW))
    spec = tmp_path / "mlspec.yaml"
    spec.write_text(f"python: 3.12\nbase: slim-bookworm\nrequirements: [draw]\napt: {apt}\nentrypoint: python a.py\n")

    found = [p for p in api.render(spec, LockOptions(unpinned=True)).warnings if p.code == "MLS610"]

    assert bool(found) == is_lacking
    for problem in found:
        assert problem.message.startswith("draw 1.0 loads libXrender.so.1, which a slim image lacks")
        assert "draw.libs/libcairo-1a2b.so.2" in problem.message
        assert "libxrender1]" in problem.hint


def test_each_known_library_is_in_a_package_of_a_release_that_brings_it() -> None:
    for soname, packages in libraries.sonames().items():
        assert packages, soname
        assert all(libraries.brings(codename, name, name) for codename, name in packages.items())
    assert libraries.brings("bookworm", "ffmpeg", "libgl1")
    assert not libraries.brings("bookworm", "git", "libgl1")
