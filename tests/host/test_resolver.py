"""Tests of the resolver with indexes on the loopback address."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

import pytest

from mlspec.errors import LockError
from mlspec.host import waiting
from mlspec.host.resolver import process
from mlspec.host.resolver.child.sources import static_metadata
from mlspec.host.resolver.unreachable import describe_unreachable
from mlspec.lock.layers import group_pins
from mlspec.lock.pins import Layer, LockTarget, RequirementsLock
from mlspec.lock.promises import check_logins
from mlspec.lock.requirements.collect import RequirementEntry, collect
from mlspec.lock.requirements.indexes import Index
from mlspec.lock.requirements.requirement_types import Requirements
from mlspec.lock.requirements_lock import dump_requirements, dump_vcs
from mlspec.lock.world import Compiled
from tests.support.compiling import compile_requirements
from tests.support.index import File, PackageIndex, sdist, serving, wheel

TARGET = LockTarget(python="3.12.4", platform="linux/amd64", glibc="2.36")
Serve = Callable[..., PackageIndex]


def required(*texts: str, **files: str) -> Requirements:
    def read(path: str) -> str:
        if (name := path.replace(".", "_")) not in files:
            raise FileNotFoundError(path)
        return files[name]

    return collect(
        [RequirementEntry(text, ("requirements", i)) for i, text in enumerate(texts)],
        read,
        "mlspec.yaml",
    )


def versions(compiled: Compiled) -> dict[str, str]:
    return {pin.name: pin.version for pin in (*compiled.pins, *compiled.vcs)}


def locked(compiled: Compiled) -> RequirementsLock:
    return RequirementsLock(group_pins(compiled.pins, None), compiled.vcs)


def refusal(*texts: str, target: LockTarget = TARGET, indexes: tuple[Index, ...] = ()) -> str:
    with pytest.raises(LockError) as caught:
        compile_requirements(required(*texts), target, indexes)
    assert "Traceback" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """A function that starts indexes; the first one replaces pip's default index."""
    with ExitStack() as stack:

        def start(*files: File, **options: object) -> PackageIndex:
            index = stack.enter_context(serving(*files, **options))
            if "MLSPEC_INDEX_URL" not in os.environ:
                monkeypatch.setenv("MLSPEC_INDEX_URL", index.url)
            return index

        monkeypatch.delenv("MLSPEC_INDEX_URL", raising=False)
        yield start


# The target


@pytest.mark.usefixtures("resolver_anew")
def test_markers_tags_and_requires_python_are_those_of_the_target(serve: Serve) -> None:
    serve(
        wheel(
            "app",
            "1",
            [
                'older; python_version < "3.10"',
                'newer; python_full_version >= "3.13.2"',
                'arm; platform_machine == "aarch64"',
            ],
        ),
        wheel("older", "1"),
        wheel("newer", "1"),
        wheel("arm", "1"),
        wheel("native", "1", tag="cp312-cp312-manylinux_2_17_x86_64"),
        wheel("native", "2", tag="cp313-cp313-manylinux_2_17_x86_64"),
        wheel("native", "3", tag="cp39-cp39-manylinux_2_17_aarch64"),
        wheel("pure", "1", requires_python="<3.10"),
        wheel("pure", "2", requires_python=">=3.10,<3.13"),
        wheel("pure", "3", requires_python=">=3.13.3"),
    )
    wanted = required("app", "native", "pure")

    found = [
        versions(compile_requirements(wanted, LockTarget(python=python, platform=platform, glibc="2.36"), ()))
        for python, platform in (("3.12.4", "linux/amd64"), ("3.13.3", "linux/amd64"), ("3.9.19", "linux/arm64"))
    ]

    assert found == [
        {"app": "1", "native": "1", "pure": "2"},
        {"app": "1", "native": "2", "newer": "1", "pure": "3"},
        {"app": "1", "arm": "1", "native": "3", "older": "1", "pure": "1"},
    ]


def test_the_c_library_decides_which_wheels_fit(serve: Serve) -> None:
    serve(
        wheel("native", "1", tag="cp312-cp312-manylinux2014_x86_64"),
        wheel("native", "2", tag="cp312-cp312-manylinux_2_41_x86_64"),
    )

    found = [
        versions(
            compile_requirements(required("native"), LockTarget(python="3.12.4", platform="linux/amd64", glibc=g), ())
        )
        for g in ("2.36", "2.41")
    ]

    assert found == [{"native": "1"}, {"native": "2"}]


def test_abi3_wheels_of_older_pythons_fit_and_musl_and_mac_ones_do_not(serve: Serve) -> None:
    fitting = wheel("native", "1", tag="cp38-abi3-manylinux_2_28_x86_64")
    serve(
        fitting, *(wheel("native", "1", tag=f"cp312-cp312-{p}") for p in ("musllinux_1_2_x86_64", "macosx_11_0_arm64"))
    )

    pin = compile_requirements(required("native"), TARGET, ()).pins[0]

    assert (pin.hashes, pin.size) == ((f"sha256:{fitting.sha256}",), len(fitting.data))


def test_hashes_are_of_every_file_that_fits_and_sizes_of_the_best(serve: Serve) -> None:
    best = wheel("native", "1", tag="cp312-cp312-manylinux_2_28_x86_64", size=70_000)
    pure = wheel("native", "1")
    serve(best, pure, wheel("native", "1", tag="cp312-cp312-manylinux_2_28_aarch64"), sdist("native", "1"))

    pin = compile_requirements(required("native"), TARGET, ()).pins[0]

    assert (set(pin.hashes), pin.size) == ({f"sha256:{best.sha256}", f"sha256:{pure.sha256}"}, len(best.data))


def test_an_html_index_is_asked_for_sizes_and_never_for_whole_files(serve: Serve) -> None:
    file = wheel("native", "1", tag="cp312-cp312-manylinux_2_28_x86_64", size=300_000)
    index = serve(file, as_json=False)

    pin = compile_requirements(required("native"), TARGET, ()).pins[0]

    assert (pin.size, pin.hashes) == (len(file.data), (f"sha256:{file.sha256}",))
    assert index.downloads == {f"{file.name}.metadata"}


def test_metadata_is_read_out_of_a_wheel_where_an_index_has_none_apart(serve: Serve) -> None:
    file = wheel("native", "1", ["dependency"], size=400_000)
    index = serve(File(file.name, file.project, file.data), wheel("dependency", "1"))

    found = versions(compile_requirements(required("native"), TARGET, ()))

    assert found == {"dependency": "1", "native": "1"}
    assert index.bytes_sent < 150_000


def test_an_index_without_hashes_is_read_for_the_fitting_files_only(serve: Serve) -> None:
    file, other = wheel("native", "1"), wheel("native", "1", tag="cp39-cp39-win_amd64")
    index = serve(file, other, with_hashes=False)

    pin = compile_requirements(required("native"), TARGET, ()).pins[0]

    assert pin.hashes == (f"sha256:{file.sha256}",)
    assert other.name not in index.downloads


def test_the_lock_installs_with_plain_pip(serve: Serve, tmp_path: Path) -> None:
    serve(wheel("app", "1", ["lib[extra]>=1"]), wheel("lib", "1.5", ['more; extra == "extra"']), wheel("more", "0.1"))
    text = dump_requirements(locked(compile_requirements(required("app"), TARGET, ())), header="# Generated")
    lock = tmp_path / "requirements.lock"
    lock.write_text(text)

    pip = [sys.executable, "-m", "pip", "install", "--isolated", "--index-url", os.environ["MLSPEC_INDEX_URL"]]
    done = subprocess.run(
        [*pip, "--require-hashes", "--no-deps", "--target", str(tmp_path / "site"), "-r", str(lock)],
        env={**os.environ, "PIP_CONFIG_FILE": os.devnull},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in (tmp_path / "site").glob("*.dist-info")) == [
        "app-1.dist-info",
        "lib-1.5.dist-info",
        "more-0.1.dist-info",
    ]


def test_the_order_of_lines_and_the_run_change_nothing(serve: Serve) -> None:
    serve(wheel("one", "1", ["two"]), wheel("two", "1"), wheel("three", "1"))

    texts = {
        dump_requirements(locked(compile_requirements(required(*order), TARGET, ())), header="#")
        for order in (("one", "three"), ("three", "one"))
    }

    assert len(texts) == 1


def test_a_long_resolution_reports_its_progress(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(wheel("one", "1", ["base"]), wheel("base", "1"))
    monkeypatch.setattr(process, "_REPORT_EVERY", 0)
    lines: list[str] = []

    class Log:
        def pulse(self, text: str) -> None: ...

        def note(self, text: str) -> None: ...

        def report(self, text: str) -> None:
            lines.append(text)

    with waiting.watch(Log()):
        compile_requirements(required("one"), TARGET, ())

    known = re.compile(r"resolving: [12] packages known, looking at (one|base), \d+ s")
    assert [line for line in lines if known.fullmatch(line)]


# Pins that stay


def test_pins_stay_until_asked_and_one_can_be_moved(serve: Serve) -> None:
    index = serve(wheel("one", "1", ["base"]), wheel("two", "1"), wheel("base", "1"))
    before = locked(compile_requirements(required("one", "two"), TARGET, ()))
    index.add(wheel("one", "2", ["base"]), wheel("two", "2"), wheel("base", "2"), wheel("extra", "3", ["base>=1"]))
    more = required("one", "two", "extra")

    kept = versions(compile_requirements(more, TARGET, (), previous=before))
    moved = versions(compile_requirements(more, TARGET, (), previous=before, upgrade_packages=("base",)))
    upgraded = versions(compile_requirements(more, TARGET, (), previous=before, upgrade=True))

    assert kept == {"base": "1", "extra": "3", "one": "1", "two": "1"}
    assert moved == {"base": "2", "extra": "3", "one": "1", "two": "1"}
    assert upgraded == {"base": "2", "extra": "3", "one": "2", "two": "2"}


def test_a_pin_moves_only_when_a_new_requirement_needs_it(serve: Serve) -> None:
    index = serve(wheel("one", "1", ["base"]), wheel("two", "1"), wheel("base", "1"))
    before = locked(compile_requirements(required("one", "two"), TARGET, ()))
    index.add(wheel("two", "2"), wheel("base", "2"), wheel("base", "3"), wheel("extra", "1", ["base==2"]))

    found = versions(compile_requirements(required("one", "two", "extra"), TARGET, (), previous=before))

    assert found == {"base": "2", "extra": "1", "one": "1", "two": "1"}


def test_a_pin_that_stays_needs_no_page_and_no_metadata(serve: Serve) -> None:
    index = serve(wheel("one", "1", ["base"]), wheel("base", "1"), wheel("extra", "1", ["base>=1"]))
    first = compile_requirements(required("one"), TARGET, ())
    index.add(wheel("base", "2"))
    index.requests.clear()

    second = compile_requirements(required("one", "extra"), TARGET, (), previous=locked(first))

    kept = {pin.requirement: (pin.hashes, pin.size) for pin in second.pins}
    assert kept.items() >= {pin.requirement: (pin.hashes, pin.size) for pin in first.pins}.items()
    assert versions(second) == {"one": "1", "base": "1", "extra": "1"}
    assert index.pages == {"extra"}
    assert {path.rpartition("/")[2].partition("-")[0] for _, path in index.requests if "/files/" in path} == {"extra"}


def test_a_pin_that_stays_is_looked_up_where_its_hashes_are_not_known(serve: Serve) -> None:
    index = serve(wheel("one", "1"))
    first = compile_requirements(required("one"), TARGET, ())
    other = dataclasses.replace(first.pins[0], hashes=(f"sha256:{'0' * 64}",))
    previous = RequirementsLock(group_pins((other,), None), ())
    index.add(wheel("two", "1"))
    index.requests.clear()

    second = compile_requirements(required("one", "two"), TARGET, (), previous=previous)

    assert index.pages == {"one", "two"}
    assert first.pins[0].hashes == next(pin.hashes for pin in second.pins if pin.name == "one")


def test_a_pin_that_stays_is_still_said_to_be_held_back(serve: Serve) -> None:
    serve(wheel("one", "1", ["base<2"]), wheel("base", "1"), wheel("base", "2"), wheel("extra", "1"))
    first = compile_requirements(required("one"), TARGET, ())

    second = compile_requirements(required("one", "extra"), TARGET, (), previous=locked(first))

    assert [str(row) for row in second.held_back] == ["base 1, not 2: one 1 asks for base<2"]
    assert second.held_back == first.held_back


def test_another_target_has_its_own_files(serve: Serve) -> None:
    serve(wheel("one", "1", tag="cp312-cp312-manylinux_2_17_x86_64"), wheel("one", "1", tag="py3-none-any"))
    other = LockTarget(python="3.13.1", platform="linux/amd64", glibc="2.36")
    first = compile_requirements(required("one"), TARGET, ())

    second = compile_requirements(required("one"), other, (), previous=locked(first))

    assert len(first.pins[0].hashes) == 2
    assert len(second.pins[0].hashes) == 1


def test_the_crawl_asks_no_index_for_a_package_from_an_address(serve: Serve) -> None:
    index = serve(wheel("one", "1", ["two"]))
    elsewhere = serve(wheel("two", "1"))
    place = f"{elsewhere.url.removesuffix('simple/')}files/two-1-py3-none-any.whl"

    found = compile_requirements(required("one", f"two @ {place}"), TARGET, ())

    assert versions(found) == {"one": "1", "two": "1"}
    assert index.pages == {"one"}


def test_metadata_in_the_cache_is_not_that_of_another_index(serve: Serve) -> None:
    index = serve(wheel("one", "1"))
    compile_requirements(required("one"), TARGET, ())
    other = serve(wheel("one", "1"), wheel("base", "1"))

    compile_requirements(required("one"), TARGET, (Index(url=other.url, packages=("one",)),))

    assert "one-1-py3-none-any.whl.metadata" in {path.rpartition("/")[2] for _, path in index.requests}
    assert "one-1-py3-none-any.whl.metadata" in {path.rpartition("/")[2] for _, path in other.requests}


def test_a_package_can_be_moved_to_a_version(serve: Serve) -> None:
    index = serve(wheel("one", "1"))
    before = locked(compile_requirements(required("one"), TARGET, ()))
    index.add(wheel("one", "2"), wheel("one", "3"))

    found = compile_requirements(required("one"), TARGET, (), previous=before, upgrade_packages=("one==2",))

    assert versions(found) == {"one": "2"}


def test_upgrading_what_is_not_there_is_refused(serve: Serve) -> None:
    serve(wheel("numpy", "1"))

    with pytest.raises(LockError, match="did you mean: numpy"):
        compile_requirements(required("numpy"), TARGET, (), upgrade_packages=("numpi",))


def test_a_compiled_file_is_taken_as_it_is_for_the_target(serve: Serve) -> None:
    file = wheel("One.Thing", "1.2", ["what-the-file-leaves-out"])
    serve(file)
    hashed = f"One.Thing==1.2 ; python_version > '3' --hash=sha256:{file.sha256} --hash=sha256:{'0' * 64}"
    other = f"two==2 ; sys_platform == 'win32' --hash=sha256:{'0' * 64}"

    compiled = compile_requirements(required(hashed, other), TARGET, ())

    assert [layer.name for layer in group_pins(compiled.pins, None)] == ["requirements"]
    assert dump_requirements(locked(compiled), header="#").splitlines()[2:] == [
        "# layer requirements",
        'one-thing==1.2 ; python_version > "3" \\',
        f"    --hash=sha256:{file.sha256}",
    ]


@pytest.mark.parametrize(
    ("offered", "code"),
    [
        ([wheel("one", "1", tag="cp312-cp312-manylinux_2_17_x86_64")], "MLS247"),
        ([wheel("one", "1", tag="cp312-cp312-macosx_11_0_arm64")], "MLS245"),
        ([wheel("one", "2")], "MLS243"),
        ([wheel("one", "1", requires_python=">=3.13")], "MLS244"),
        ([], "MLS242"),
    ],
    ids=["another file", "for others", "no such version", "another Python", "no such package"],
)
def test_a_compiled_file_is_compared_with_the_index_line_by_line(offered: list[File], code: str, serve: Serve) -> None:
    right, mac = wheel("two", "2"), wheel("one", "1", tag="cp312-cp312-macosx_11_0_arm64")
    serve(right, *offered)
    text = f"two==2 --hash=sha256:{right.sha256}\none==1 --hash=sha256:{mac.sha256}\n"

    with pytest.raises(LockError) as caught:
        compile_requirements(required("r.txt", r_txt=text), TARGET, ())

    (problem,) = caught.value.problems
    assert (problem.code, problem.file, problem.span and problem.span.line) == (code, "r.txt", 2)


def test_a_compiled_file_is_compared_with_the_index_of_each_package(serve: Serve) -> None:
    file = wheel("ours", "1")
    default = serve()
    own = serve(file)
    index = Index(url=own.url, packages=("ours",))

    compiled = compile_requirements(required(f"ours==1 --hash=sha256:{file.sha256}"), TARGET, (index,))

    assert [pin.hashes for pin in compiled.pins] == [(f"sha256:{file.sha256}",)]
    assert default.pages == set()


@pytest.mark.parametrize("with_hashes", [True, False])
def test_hashes_of_other_kinds_and_of_sources_are_compared_too(serve: Serve, with_hashes: bool) -> None:
    file, source = wheel("one", "1"), sdist("one", "1")
    serve(file, source, with_hashes=with_hashes)
    long = f"sha512:{hashlib.sha512(file.data).hexdigest()}"

    compiled = [
        compile_requirements(required(f"one==1 --hash={given}"), TARGET, ())
        for given in (long, f"sha256:{source.sha256}")
    ]

    assert [pin.hashes for one in compiled for pin in one.pins] == [(long,), (f"sha256:{source.sha256}",)]


def test_a_compiled_file_has_nothing_of_a_package_that_it_does_not_name(serve: Serve) -> None:
    file = wheel("one", "1")
    serve(file)

    with pytest.raises(LockError, match="MLS240"):
        compile_requirements(required(f"one==1 --hash=sha256:{file.sha256}"), TARGET, (), upgrade_packages=("two",))


# Indexes


def test_a_package_of_one_index_is_never_looked_up_elsewhere(serve: Serve) -> None:
    default = serve(wheel("acme-tools", "99.0"), wheel("torch", "3.0+cu128"), wheel("public", "1"))
    private = serve(wheel("acme-tools", "1.0", ["public"]), wheel("torch", "2.0+cpu"), wheel("public", "9"))
    indexes = (Index(url=private.url, packages=("acme-*", "Torch")),)

    found = versions(compile_requirements(required("acme_tools", "torch"), TARGET, indexes))

    assert found == {"acme-tools": "1.0", "public": "1", "torch": "2.0+cpu"}
    assert (default.pages, private.pages) == ({"public"}, {"acme-tools", "torch"})


def test_an_index_without_packages_takes_the_place_of_the_default(serve: Serve) -> None:
    default, proxy = serve(wheel("public", "9")), serve(wheel("public", "1"))

    found = versions(compile_requirements(required("public"), TARGET, (Index(url=proxy.url),)))

    assert (found, default.requests) == ({"public": "1"}, [])


def test_a_login_is_used_and_written_nowhere(serve: Serve) -> None:
    serve(wheel("public", "1"))
    private = serve(wheel("secret-tool", "1", ["public"]), login="me:t/k@n")
    index = Index(url=private.url, packages=("secret-tool",), username="me", password="t/k@n")

    compiled = compile_requirements(required("secret-tool"), TARGET, (index,))

    assert versions(compiled) == {"public": "1", "secret-tool": "1"}
    assert check_logins(dump_requirements(locked(compiled), header="#")) == ()
    assert "t/k@n" not in repr((compiled, index))


def test_a_refused_login_says_so_without_showing_it(serve: Serve) -> None:
    private = serve(wheel("secret-tool", "1"), login="me:right")
    index = Index(url=private.url, packages=("secret-tool",), username="me", password="wrong-one")

    said = refusal("secret-tool", indexes=(index,))

    assert "MLS256" in said
    assert "refused access to secret-tool (401)" in said
    assert "wrong-one" not in said


@pytest.mark.usefixtures("resolver_anew")
def test_an_index_is_not_told_about_this_machine(serve: Serve) -> None:
    index = serve(wheel("public", "1"))

    compile_requirements(required("public"), TARGET, ())

    assert index.agents == {f"pip/{version('pip')}"}


def test_the_pip_configuration_of_this_machine_changes_nothing(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(wheel("public", "1"), wheel("public", "2"))
    evil = serve(wheel("public", "99"))
    local = tmp_path / "wheels"
    local.mkdir()
    file = wheel("public", "50")
    (local / file.name).write_bytes(file.data)
    (tmp_path / "constraints.txt").write_text("public<2\n")
    for folder in ("pip", ".pip", ".config/pip"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "pip.conf").write_text(
            f"[global]\nextra-index-url = {evil.url}\nfind-links = {local}\nconstraint = {tmp_path}/constraints.txt\n"
        )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip" / "pip.conf"))
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", evil.url.replace("://", "://user:hunter2@"))
    monkeypatch.setenv("PIP_FIND_LINKS", str(local))
    monkeypatch.setenv("PIP_CONSTRAINT", str(tmp_path / "constraints.txt"))
    monkeypatch.setenv("PIP_NO_BINARY", ":all:")
    monkeypatch.setenv("CUSTOM_COMPILE_COMMAND", "hunter2")

    compiled = compile_requirements(required("public"), TARGET, ())

    assert (versions(compiled), evil.requests) == ({"public": "2"}, [])
    assert "hunter2" not in repr(compiled)


# Sources


def test_a_source_is_taken_only_where_its_release_has_no_wheel(serve: Serve) -> None:
    serve(
        sdist("only-source", "2", ["wheels-elsewhere"]),
        wheel("only-source", "1"),
        sdist("wheels-elsewhere", "2"),
        wheel("wheels-elsewhere", "2", tag="cp312-cp312-win_amd64"),
        wheel("wheels-elsewhere", "1"),
    )

    compiled = compile_requirements(required("only-source"), TARGET, ())

    assert versions(compiled) == {"only-source": "2", "wheels-elsewhere": "1"}
    assert [pin.name for pin in compiled.pins if pin.is_source] == ["only-source"]
    assert list(map(str, compiled.held_back)) == [
        "wheels-elsewhere 1, not 2: it has no wheel that fits the target",
    ]


def test_a_package_named_to_be_built_is(serve: Serve) -> None:
    serve(sdist("native", "2"), wheel("native", "2", tag="cp312-cp312-win_amd64"), wheel("native", "1"))

    compiled = compile_requirements(required("native", "--no-binary native"), TARGET, ())

    assert [(pin.version, pin.is_source) for pin in compiled.pins] == [("2", True)]


def test_a_source_tells_its_languages_what_its_build_takes_and_the_newest_wheel(serve: Serve) -> None:
    project = '[build-system]\nrequires = ["setuptools>=61", "cython"]\nbuild-backend = "setuptools.build_meta"\n'
    made = {"pyproject.toml": project, "src/fast.pyx": "", "src/fast.cpp": "", "tests/other.rs": ""}
    serve(sdist("fast", "3", contents=made), sdist("fast", "2"), wheel("fast", "1"), sdist("pure", "1"))

    compiled = compile_requirements(required("fast", "pure"), TARGET, ())

    fast, pure = compiled.pins
    assert (fast.languages, fast.wheel_version) == (("C", "C++"), "1")
    assert (pure.languages, pure.wheel_version) == (("Python",), "")
    assert compiled.builds["fast"] == ("setuptools>=61", "cython", "wheel")


def undeclared(file: File) -> File:
    """Return a source with Metadata 2.1, the last version whose fields are not static in a source."""
    old = gzip.compress(gzip.decompress(file.data).replace(b"Metadata-Version: 2.2", b"Metadata-Version: 2.1"))
    return File(file.name, file.project, old)


def test_a_source_that_asks_torch_what_it_needs_is_believed_what_it_was_packed_with(serve: Serve) -> None:
    source = sdist("flash-attn", "2", ["einops"], contents={"setup.py": "import torch", "csrc/flash.cu": ""})
    serve(undeclared(source), wheel("einops", "1"))

    compiled = compile_requirements(required("flash-attn"), TARGET, ())

    assert versions(compiled) == {"einops": "1", "flash-attn": "2"}


@pytest.mark.parametrize(
    ("tag", "python"),
    [
        ("cp312-cp312-manylinux_2_17_x86_64", "3.12"),
        ("cp313-cp313-manylinux_2_28_x86_64", "3.13"),
        ("cp39-abi3-win_amd64", ""),
        ("cp313-cp313-manylinux_2_17_aarch64", ""),
    ],
)
def test_the_newest_python_with_a_wheel_is_named(serve: Serve, tag: str, python: str) -> None:
    serve(wheel("rare", "2", tag="cp310-cp310-win_amd64"), wheel("rare", "2", tag=tag))

    said = refusal("rare==2", target=LockTarget(python="3.14.0", platform="linux/amd64", glibc="2.36"))

    assert "MLS245: rare 2 has" in said
    assert (f"write: python: {python}; or ask for" in said) == bool(python)


def test_a_release_without_a_source_is_not_said_to_be_compiled(serve: Serve) -> None:
    serve(wheel("rare", "2", tag="cp310-cp310-manylinux_2_17_x86_64"))

    assert "--no-binary" not in refusal("rare==2")


def test_a_package_for_another_system_gets_its_marker(serve: Serve) -> None:
    serve(wheel("pywin", "306", tag="cp312-cp312-win_amd64"), wheel("pywin", "306", tag="cp312-cp312-win32"))

    assert refusal("pywin==306") == (
        "MLS245: pywin 306 has wheels only for Windows\n"
        '  hint: remove it, or write: pywin==306; sys_platform == "win32"'
    )


def test_no_release_is_proposed_that_has_no_wheel(serve: Serve) -> None:
    serve(wheel("db", "2", tag="cp39-cp39-manylinux_2_17_x86_64"), sdist("db", "1"))

    said = refusal("db==2")

    assert "db==1" not in said
    assert "ask for another db" in said


def test_a_release_that_another_package_asks_for_is_not_proposed_away(serve: Serve) -> None:
    serve(
        wheel("app", "1", ["runtime==2"]),
        wheel("runtime", "2", tag="cp39-cp39-manylinux_2_17_x86_64"),
        wheel("runtime", "3"),
    )

    said = refusal("app")

    assert "runtime==3" not in said
    assert "ask for another app" in said


def test_all_pins_are_judged_together(serve: Serve) -> None:
    serve(
        wheel("one", "1", tag="cp310-cp310-manylinux_2_17_x86_64"),
        wheel("two", "1", tag="cp310-cp310-manylinux_2_17_x86_64"),
        wheel("two", "1", tag="cp311-cp311-manylinux_2_17_x86_64"),
        wheel("three", "1"),
    )

    said = refusal("one==1", "two==1", "three==1")

    assert "write: python: 3.10, for which all 3 pinned packages have wheels" in said
    assert "MLS245: two==1 has no wheel for Python 3.12.4 either" in said


def test_pins_without_a_common_python_are_told_with_the_nearest_one(serve: Serve) -> None:
    serve(
        wheel("old", "1", tag="cp37-cp37m-manylinux_2_17_x86_64"),
        wheel("same", "1", tag="cp37-cp37m-manylinux_2_17_x86_64"),
        wheel("same", "1", tag="cp39-cp39-manylinux_2_17_x86_64"),
    )

    said = refusal("old==1", "same==1")

    assert "no Python has wheels for all 2 pinned packages: 3.9 lacks them for old" in said
    assert "all of them have wheels for Python 3.7, which is too old to lock" in said


def test_the_newest_wheel_that_is_proposed_suits_the_packages_that_ask_for_it(serve: Serve) -> None:
    serve(wheel("conf", "1", ["runtime==4.*"]), sdist("runtime", "4.9"), wheel("runtime", "5"))

    compiled = compile_requirements(required("conf"), TARGET, ())

    assert {pin.name: pin.wheel_version for pin in compiled.pins}["runtime"] == ""


def test_a_source_whose_build_fails_is_told_by_name(serve: Serve) -> None:
    serve(undeclared(sdist("broken", "1")))

    said = refusal("broken")

    assert "MLS249: broken 1 is a source: only its build knows its dependencies" in said


def test_where_only_a_source_of_long_ago_is_left_what_lacks_a_wheel_is_told(serve: Serve) -> None:
    newer = wheel("science", "2", tag="cp39-cp39-manylinux_2_17_x86_64")
    serve(undeclared(sdist("science", "1")), newer, sdist("science", "2"), wheel("science", "3"))

    said = refusal("science<3")

    assert said.startswith("MLS245: science 2 has no wheel for Python 3.12.4 on linux/amd64")
    assert "require science==3, which has a wheel; or compile it: --no-binary science" in said


def test_what_a_pyproject_states_needs_no_build_however_old_the_metadata_beside_it(serve: Serve) -> None:
    project = '[project]\nname = "stated"\nversion = "1"\ndependencies = ["base"]\n'
    broken = '[build-system]\nrequires = []\nbuild-backend = "nothing"\nbackend-path = ["."]\n'
    serve(undeclared(sdist("stated", "1", contents={"pyproject.toml": project + broken})), wheel("base", "1"))

    assert versions(compile_requirements(required("stated"), TARGET, ())) == {"base": "1", "stated": "1"}


@pytest.mark.parametrize("version", ["2.1", "2.2"])
def test_what_a_pyproject_leaves_open_is_not_read_out_of_it(version: str, tmp_path: Path) -> None:
    dynamic = "" if version == "2.1" else "Dynamic: Requires-Dist\n"
    (tmp_path / "PKG-INFO").write_text(f"Metadata-Version: {version}\nName: open\nVersion: 1\n{dynamic}")
    project = '[project]\nname = "open"\nversion = "1"\n'
    left = 'dynamic = ["dependencies"]\n' if version == "2.1" else ""
    (tmp_path / "pyproject.toml").write_text(project + left)

    assert static_metadata(tmp_path) == ""


def test_held_back_packages_name_who_holds_them(serve: Serve) -> None:
    serve(wheel("base", "1"), wheel("base", "2"), wheel("base", "3rc1"), wheel("app", "1", ["base<2"]))

    compiled = compile_requirements(required("app", "base"), TARGET, ())

    assert list(map(str, compiled.held_back)) == ["base 1, not 2: app 1 asks for base<2"]


# Failures, in words


def test_no_such_package(serve: Serve) -> None:
    serve(wheel("app", "1", ["missing-thing>=2"]))

    assert refusal("sklearn") == (
        "MLS242: there is no package sklearn on the index\n  hint: did you mean: scikit-learn"
    )
    assert "there is no package missing-thing on the index, which app 1 asks for" in refusal("app")


def test_no_such_version(serve: Serve) -> None:
    serve(wheel("torch", "2.0"), wheel("torch", "2.1"))

    assert refusal("torch==9.9") == (
        "MLS243: the spec asks for torch==9.9, which no release matches\n  hint: torch has 2.1, 2.0\n        try: "
        "torch==2.1"
    )


def test_a_version_for_another_python(serve: Serve) -> None:
    serve(wheel("torch", "2.0", requires_python=">=3.13"), wheel("torch", "1.0"))

    assert refusal("torch==2.0") == (
        "MLS244: torch 2.0 needs Python >=3.13, but the image has 3.12.4\n"
        "  hint: change `python`, or require torch==1.0, which has a wheel"
    )


def test_a_version_without_a_fitting_wheel(serve: Serve) -> None:
    serve(wheel("torch", "2.0", tag="cp312-cp312-win_amd64"), sdist("torch", "2.0"))

    assert refusal("torch==2.0") == (
        "MLS245: torch 2.0 has no wheel for Python 3.12.4 on linux/amd64 with glibc 2.36\n"
        "  hint: ask for another torch; or compile it: --no-binary torch"
    )


def test_a_conflict_says_who_wants_what(serve: Serve) -> None:
    serve(wheel("base", "1"), wheel("base", "2"), wheel("one", "1", ["base<2"]), wheel("two", "1", ["base>=2"]))

    said = refusal("one", "two")

    assert "MLS246: no version of base satisfies all requirements" in said
    assert "one 1 asks for base<2" in said
    assert "two 1 asks for base>=2" in said


def test_a_conflict_with_a_constraint_names_it(serve: Serve) -> None:
    serve(wheel("base", "1"), wheel("base", "2"))

    with pytest.raises(LockError) as caught:
        compile_requirements(required("base>=2", "-c limits.txt", limits_txt="base<2\n"), TARGET, ())

    assert "the spec asks for base>=2" in str(caught.value)
    assert "limits.txt:1 asks for base<2" in str(caught.value)


def test_a_conflict_names_the_lines_of_the_files_that_ask(serve: Serve) -> None:
    serve(wheel("base", "1"), wheel("base", "2"), wheel("one", "1", ["base<2"]))

    with pytest.raises(LockError) as caught:
        compile_requirements(required("r.txt", "one", r_txt="# ours\nbase == 2\n"), TARGET, ())

    assert "r.txt:2 asks for base==2" in str(caught.value)
    assert "one 1 asks for base<2" in str(caught.value)


def test_a_failure_points_at_its_requirement(serve: Serve) -> None:
    serve()

    with pytest.raises(LockError) as caught:
        compile_requirements(required("-r reqs.in", reqs_in="# ours\nno-such-thing  # why\n"), TARGET, ())

    assert str(caught.value).startswith("reqs.in:2:1: MLS242")


def test_an_unreachable_index_is_named_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLSPEC_INDEX_URL", "http://127.0.0.1:9/simple/")

    said = refusal("torch")

    assert "MLS253: http://127.0.0.1:9 cannot be reached: Connection refused" in said
    assert "export MLSPEC_INDEX_URL=" in said


@pytest.mark.parametrize(
    ("url", "message", "mirror"),
    [
        (
            "https://download.pytorch.org/whl/cpu/torch/",
            "torch for `accelerator: cpu` comes from https://download.pytorch.org/whl/cpu, which cannot be reached"
            ": Name or service not known",
            "MLSPEC_INDEX_MIRRORS=https://download.pytorch.org/whl/cpu=https://MIRROR/PATH",
        ),
        (
            "https://download.pytorch.org/whl/cu128/torch/",
            "torch for `accelerator: cuda12.8` comes from https://download.pytorch.org/whl/cu128, which cannot be "
            "reached: Name or service not known",
            "MLSPEC_INDEX_MIRRORS=https://download.pytorch.org/whl/cu128=https://MIRROR/PATH",
        ),
        (
            "https://index.example/simple/torch/",
            "https://index.example cannot be reached: Name or service not known",
            "correct its address under `indexes`",
        ),
    ],
)
def test_the_index_of_an_accelerator_is_named_with_its_mirror_setting(url: str, message: str, mirror: str) -> None:
    own = Index(url=url.removesuffix("torch/").rstrip("/"), packages=("torch",))
    words = "Failed to resolve 'x' ([Errno -2] Name or service not known)"

    said = describe_unreachable(url, "torch", words, (own,))

    assert said[0] == message
    assert mirror in said[1]


def test_an_unreachable_second_index_is_not_passed_over(serve: Serve) -> None:
    serve(wheel("torch", "1"))

    said = refusal("torch", indexes=(Index(url="http://127.0.0.1:9/simple/", packages=("torch",)),))

    assert "MLS253" in said


def test_hashes_that_no_fitting_file_has(serve: Serve) -> None:
    file = wheel("torch", "1")
    serve(file, wheel("other", "1"))

    found = compile_requirements(required("other", f"torch --hash=sha256:{file.sha256}"), TARGET, ())

    assert found.pins[1].hashes == (f"sha256:{file.sha256}",)
    assert "MLS247: no given hash belongs to a file of torch 1" in refusal("other", f"torch --hash=sha256:{'0' * 64}")


def test_an_address_with_nothing_behind_it(serve: Serve) -> None:
    url = serve().url.replace("simple/", "files/torch-1-py3-none-any.whl")

    assert f"MLS242: there is nothing at {url}" in refusal(f"torch @ {url}")


def test_an_old_pip_is_told_before_anything_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda _: "23.2.1")

    assert "MLS241: pip 23.2.1 is too old to resolve for another machine" in refusal("torch")


def test_an_index_that_anyone_could_answer_for_is_not_asked(serve: Serve) -> None:
    serve()

    said = refusal("torch", indexes=(Index(url="http://packages.example/simple", packages=("torch",)),))

    assert "MLS257: the index for torch uses http" in said


def test_a_dependency_that_needs_another_python(serve: Serve) -> None:
    late = wheel("late", "1", requires_python=">=3.13")
    # Not every index lists requires-python on its page; then only the wheel has it.
    serve(File(late.name, late.project, late.data, metadata=late.metadata), wheel("app", "1", ["late"]))

    assert "MLS244: late 1 needs Python >=3.13, but the image has 3.12.4" in refusal("app")


def test_an_index_in_trouble(serve: Serve) -> None:
    serve(status=500)

    assert "answered 500 when asked for torch" in refusal("torch")


def test_an_untrusted_certificate_is_told_from_an_unreachable_index(monkeypatch: pytest.MonkeyPatch) -> None:
    error = {"kind": "tls", "url": "https://packages.example/simple/torch/", "message": "certificate verify failed"}

    def run(folder: Path, *_: object) -> str:
        (folder / "report.json").write_text(json.dumps({"error": error, "tools": {}}))
        return ""

    monkeypatch.setattr(process, "run", run)

    assert "MLS255: the certificate of https://packages.example is not trusted here" in refusal("torch")


# Imitates a later pip that finds its tags elsewhere.
OTHER_PIP = """\
import sys
from pip._internal.resolution.resolvelib import factory
from mlspec.host.resolver.child.__main__ import main
factory.get_supported = lambda *_, **__: []
sys.exit(main())
"""


def test_a_pip_that_cannot_become_the_target_resolves_nothing(serve: Serve, tmp_path: Path) -> None:
    index = serve(wheel("torch", "1"))
    job: dict[str, object] = {
        "python": "3.9.1",
        "platform": "linux/arm64",
        "glibc": "2.36",
        "indexes": [],
        "default_index": index.url,
    }
    job |= {
        "lifeline": -1,
        "uploads": {"before": "", "exclude": []},
        "exact": [],
        "pins": [],
        "options": [],
        "build": [],
        "upgrade_packages": [],
        "cert": "",
        "cache": str(tmp_path),
    }

    done = subprocess.run(
        [sys.executable, "-I", "-c", OTHER_PIP, "report.json"],
        input=json.dumps(job),
        text=True,
        cwd=tmp_path,
        check=False,
    )

    assert (done.returncode, index.requests) == (9, [])
    assert json.loads((tmp_path / "report.json").read_text())["error"]["kind"] == "mismatch"


# Git


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a branch, a tag, and a package with static metadata."""
    for name in ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"):
        monkeypatch.setenv(name, "tester")
        monkeypatch.setenv(name.replace("NAME", "EMAIL"), "tester@example.org")
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "from-git"\nversion = "0.7"\ndependencies = ["base>=1"]\n'
        '[project.optional-dependencies]\nall = ["extra"]\n'
    )
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=one")
    git(folder, "tag", "--annotate", "v1", "--message=one")
    return folder


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


def commit_more(folder: Path) -> str:
    git(folder, "commit", "--quiet", "--allow-empty", "--message=more")
    return git(folder, "rev-parse", "HEAD")


def test_a_git_requirement_is_pinned_to_its_commit_and_its_dependencies_are_locked(
    serve: Serve, repository: Path
) -> None:
    serve(wheel("base", "1"), wheel("extra", "1"))
    first = git(repository, "rev-parse", "HEAD")
    commit_more(repository)

    compiled = compile_requirements(required(f"from-git[all] @ git+file://{repository}@v1"), TARGET, ())

    assert [pin.name for pin in compiled.pins] == ["base", "extra"]
    assert dump_vcs(locked(compiled), header="#") == (
        f"#\n\nfrom-git @ git+file://{repository}@{first}\n    # from source in Python, version 0.7, ref v1\n"
    )


def test_git_works_within_a_hook_of_another_repository(
    serve: Serve, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(wheel("base", "1"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere" / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "elsewhere" / ".git" / "index"))

    compiled = compile_requirements(required(f"from-git @ git+file://{repository}@v1"), TARGET, ())

    assert versions(compiled) == {"base": "1", "from-git": "0.7"}


def test_a_commit_stays_until_asked(serve: Serve, repository: Path) -> None:
    serve(wheel("base", "1"))
    wanted = required(f"from-git @ git+file://{repository}@main")
    before = locked(compile_requirements(wanted, TARGET, ()))
    newest = commit_more(repository)

    kept = compile_requirements(wanted, TARGET, (), previous=before)
    moved = compile_requirements(wanted, TARGET, (), previous=before, upgrade_packages=("from-git",))
    other = compile_requirements(required(f"from-git @ git+file://{repository}"), TARGET, (), previous=before)

    assert kept.vcs == before.vcs
    assert [newest in c.vcs[0].requirement for c in (kept, moved, other)] == [False, True, True]


def test_an_address_without_a_name_and_a_short_commit_will_do(serve: Serve, repository: Path) -> None:
    serve(wheel("base", "1"))
    whole = git(repository, "rev-parse", "HEAD")

    compiled = compile_requirements(required(f"git+file://{repository}@{whole[:10]}"), TARGET, ())

    assert [pin.requirement for pin in compiled.vcs] == [f"from-git @ git+file://{repository}@{whole}"]


def test_a_ref_that_is_not_there(serve: Serve, repository: Path) -> None:
    serve()

    said = refusal(f"from-git @ git+file://{repository}@mian")

    assert f'MLS250: file://{repository} has no branch, tag or commit "mian"\n  hint: did you mean: main' in said


def test_a_repository_that_is_not_there(serve: Serve, tmp_path: Path) -> None:
    serve()

    assert "MLS251" in refusal(f"from-git @ git+file://{tmp_path}/nothing")


@pytest.mark.parametrize(
    ("words", "reason", "hint"),
    [
        ("Host key verification failed.", "Host key verification failed", "accept it: ssh -T -p 2222 git@git.example"),
        ("ssh: Could not resolve hostname git.example", "ssh: Could not resolve hostname git.example", "git ls-remote"),
    ],
)
def test_a_repository_over_ssh_says_why_it_cannot_be_read(
    words: str, reason: str, hint: str, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve()
    script = tmp_path / "ssh"
    script.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 255\n")
    script.chmod(0o755)
    monkeypatch.setenv("GIT_SSH", str(script))

    said = refusal("x @ git+ssh://git@git.example:2222/me/x.git")

    assert f"cannot be read: {reason}\n" in said
    assert hint in said


# The real index


@pytest.mark.index
def test_the_pins_of_the_real_index_have_hashes_and_sizes() -> None:
    here = LockTarget(python="3.12.4", platform="linux/amd64", glibc="2.36")
    try:
        compiled = compile_requirements(required("idna", "markupsafe"), here, ())
    except LockError as error:
        if {problem.code for problem in error.problems} != {"MLS253"}:
            raise
        pytest.skip("the default index cannot be reached")

    assert {pin.name for pin in compiled.pins} == {"idna", "markupsafe"}
    assert all(pin.hashes and pin.size for pin in compiled.pins)


def test_layers_are_named_for_the_size_of_the_wheel(serve: Serve) -> None:
    serve(wheel("heavy", "1", size=9_000_000), wheel("middle", "1", size=2_000_000), wheel("light", "1"))

    compiled = compile_requirements(required("heavy", "middle", "light"), TARGET, ())

    assert group_pins(compiled.pins, None, may_be_light=False) == tuple(
        Layer(name, tuple(pin for pin in compiled.pins if pin.name == package))
        for name, package in (("heavy", "heavy"), ("medium_wheels_2", "middle"), ("tiny_wheels", "light"))
    )
