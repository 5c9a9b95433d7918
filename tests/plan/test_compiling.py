"""Tests of the needs of builds from source: by language, package and Debian release, and for CUDA."""

from __future__ import annotations

import pytest

from mlspec.facts import compile_recipes, debian_packages
from mlspec.facts.libraries import current_name
from mlspec.lock.pins import FROM_GIT, Layer, Pin, RequirementsLock
from mlspec.lock.source_layers import SourceLayer, source_layers
from mlspec.plan.source_builds import CompilerFacts, SourceBuild, plan_compiler, plan_source_build
from mlspec.spec.keys import Settings

RELEASES = ("bookworm", "trixie")


def kit(cuda: str = "", codename: str = "bookworm", **keys: object) -> CompilerFacts:
    return CompilerFacts(Settings.model_validate({"python": "3.12", **keys}), codename, cuda)


def source(name: str, *languages: str) -> Pin:
    return Pin(name=name, version="1", requirement=f"{name}==1", is_source=True, languages=languages)


def alone(name: str, *languages: str) -> SourceLayer:
    (layer,) = source_layers(RequirementsLock((Layer(name, (source(name, *languages),)),)))
    return layer


# The tables


@pytest.mark.parametrize("codename", RELEASES)
def test_every_debian_package_of_the_tables_is_one_of_the_release(codename: str) -> None:
    rows = [name for row in compile_recipes.recipes() for name in (*row.apt, *row.libraries)]
    rows += [name for row in compile_recipes.languages() for name in row.compilers(codename)]
    named = {current_name(name, codename) for name in (*rows, *compile_recipes.tools())}

    assert sorted(named - debian_packages.debian_package_names(codename)) == []


@pytest.mark.parametrize("codename", ["bullseye", *RELEASES])
def test_the_gcc_of_every_release_is_one_of_its_packages(codename: str) -> None:
    assert f"g++-{compile_recipes.gcc(codename)}" in debian_packages.debian_package_names(codename)


def test_every_package_of_the_table_stands_there_once() -> None:
    names = [row.package for row in compile_recipes.recipes()]

    assert len(names) == len(set(names))


# Sources


def test_wheels_are_no_sources() -> None:
    wheel = Pin(name="numpy", version="2", requirement="numpy==2")

    assert source_layers(RequirementsLock((Layer("numpy", (wheel,)),))) == ()


def test_pure_python_is_built_without_compilers() -> None:
    layer = alone("antlr4-python3-runtime", "Python")

    assert plan_compiler(kit(), [layer]) is None
    assert plan_source_build(kit(), layer).from_stage == "installer"


def test_what_nobody_looked_into_is_compiled_unless_it_is_from_git() -> None:
    assert alone("mystery").is_compiled
    assert not SourceLayer(layer=FROM_GIT, packages=("mystery",)).is_compiled


def test_an_empty_build_apt_wants_no_compilers_at_all() -> None:
    layer = alone("psycopg2", "C")

    assert plan_compiler(kit(build_apt=[]), [layer]) is None
    assert plan_source_build(kit(build_apt=[]), layer) == SourceBuild()


def test_a_package_is_compiled_with_what_it_and_its_language_are_known_to_take() -> None:
    assert plan_source_build(kit(), alone("psycopg2", "C")).apt == ("libpq-dev",)
    assert plan_source_build(kit(), alone("crate", "Rust")).apt == ("cargo-web", "rustc-web")
    assert plan_source_build(kit(codename="trixie"), alone("crate", "Rust")).apt == ("cargo", "rustc")


def test_headers_below_apt_and_what_the_spec_adds_are_there_while_it_is_compiled() -> None:
    made = plan_compiler(kit(apt=["ffmpeg", "libsnappy-dev"], build_apt="swig"), [alone("x", "C")])

    assert made
    assert made.apt == ("build-essential", "libsnappy-dev", "pkg-config", "swig")


def test_what_a_build_imports_and_does_not_name_is_there_first_at_the_version_of_the_image() -> None:
    torch = Pin(name="torch", version="2.6.0+cu124", requirement="torch==2.6.0+cu124")
    lock = RequirementsLock((Layer("torch", (torch,)), Layer("flash-attn", (source("flash-attn", "CUDA"),))))

    (layer,) = source_layers(lock)

    assert plan_source_build(kit("12.4"), layer).first == (
        'flash-attn = ["torch==2.6.0+cu124", "ninja", "packaging", "psutil"]',
    )


# CUDA


def test_code_for_cuda_is_compiled_by_cuda_only_in_an_image_for_it() -> None:
    layer = alone("causal-conv1d", "C++", "CUDA")

    assert plan_source_build(kit("12.8"), layer).from_stage == "cuda-compiler"
    assert plan_source_build(kit(), layer).from_stage == "compiler"


@pytest.mark.parametrize(
    ("cuda", "codename", "packages"),
    [
        ("12.8", "trixie", ()),
        ("12.4", "trixie", ("g++-13", "gcc-13")),
        ("12.1", "bookworm", ()),
        ("11.8", "bookworm", ("g++-11", "gcc-11")),
        ("12.4", "", ()),
    ],
)
def test_an_older_gcc_is_taken_where_the_release_s_own_is_too_new(
    cuda: str, codename: str, packages: tuple[str, ...]
) -> None:
    made = plan_compiler(kit(cuda, codename), [alone("flash-attn", "CUDA")])

    assert made
    assert made.cuda_apt == packages


@pytest.mark.parametrize(("cuda", "taken"), [("12.8", "12.8"), ("12.5", "12.4"), ("13.2", "13.0"), ("9.2", None)])
def test_a_cuda_that_is_not_known_has_the_compiler_of_its_nearest_neighbour(cuda: str, taken: str | None) -> None:
    row = compile_recipes.cuda_image(cuda)

    assert (row and row.version) == taken


def test_it_is_compiled_for_the_gpus_of_the_spec_and_else_for_all_that_torch_is_for() -> None:
    layer = alone("flash-attn", "CUDA")
    named = plan_compiler(kit("12.8", gpu_models=["h100", "a100"]), [layer])
    every = plan_compiler(kit("12.8"), [layer])

    assert named
    assert every
    assert dict(named.cuda_environment)["TORCH_CUDA_ARCH_LIST"] == "8.0;9.0"
    assert dict(every.cuda_environment)["TORCH_CUDA_ARCH_LIST"].endswith("+PTX")
