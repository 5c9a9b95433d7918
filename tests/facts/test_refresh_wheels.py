"""Tests of the script that reads the package index, with frozen answers."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

import wheels
from tests.support.places import PROJECT

DATA = PROJECT / "mlspec" / "facts" / "data"
ANSWERS = (Path(__file__).parent / "sources" / "wheels.json").read_text(encoding="utf-8")
FRAMEWORKS = (DATA / "frameworks.toml").read_text(encoding="utf-8")
VARIANTS = (DATA / "variants.toml").read_text(encoding="utf-8")
FROZEN = wheels.Kept(text=ANSWERS)


class Changed(wheels.Kept):
    """The frozen index with changed files of one package, and with changed metadata of these files."""

    def __init__(
        self, package: str, files: Sequence[str], requires: Sequence[str] = (), extras: Sequence[str] = ()
    ) -> None:
        super().__init__(text=ANSWERS)
        self.answers["files"][package] = list(files)
        told = {"Requires-Dist": list(requires), "Provides-Extra": list(extras)}
        self.answers["metadata"] |= {file: told for file in files}


@pytest.mark.parametrize("framework", wheels.FRAMEWORKS)
def test_the_tables_have_the_pythons_that_wheels_are_there_for(framework: str) -> None:
    assert wheels.with_pythons(FRAMEWORKS, framework, wheels.wheels(FROZEN, framework)) == FRAMEWORKS


@pytest.mark.parametrize("package", wheels.LIBRARIES)
def test_the_tables_have_what_packages_are_built_for(package: str) -> None:
    assert wheels.with_library(FRAMEWORKS, package, FROZEN) == FRAMEWORKS


def test_the_extras_that_are_chosen_are_there_and_bring_what_they_are_chosen_for() -> None:
    assert wheels.with_majors(VARIANTS, FROZEN) == (VARIANTS, [])


def test_what_is_suggested_is_there() -> None:
    assert wheels.doubts_of(VARIANTS, FROZEN) == []


def test_a_new_minor_version_gets_a_row_from_the_names_of_its_wheels() -> None:
    files = [
        "jaxlib-0.99.0-cp313-cp313-manylinux_2_27_x86_64.whl",
        "jaxlib-0.99.1-cp314-cp314-manylinux_2_27_x86_64.whl",
        "jaxlib-0.99.1-cp315-cp315t-manylinux_2_27_x86_64.whl",
        "jaxlib-0.99.1-cp316-cp316-manylinux_2_27_aarch64.whl",
        "jaxlib-0.99.1-cp316-cp316-win_amd64.whl",
        "jaxlib-1.0.0rc1-cp316-cp316-manylinux_2_27_x86_64.whl",
    ]
    found = wheels.wheels(Changed("jaxlib", files), "jaxlib")

    table = tomllib.loads(wheels.with_pythons(FRAMEWORKS, "jaxlib", found))

    assert table["jaxlib"]["releases"][-1] == {"version": "0.99", "first": "3.13", "last": "3.14"}


def test_wheels_for_any_python_say_nothing_of_pythons() -> None:
    files = [
        "torch-9.9.0-cp310-abi3-manylinux_2_28_x86_64.whl",
        "torch-9.8.0-py3-none-manylinux_2_28_x86_64.whl",
        "torch-9.7.0.tar.gz",
        "torch-nonsense.whl",
    ]

    assert [wheel.python for wheel in wheels.wheels(Changed("torch", files), "torch")] == ["", ""]


def test_a_package_that_moved_to_another_cuda_gets_rows_down_to_the_release_that_did() -> None:
    new = [f"xgboost-4.{minor}.0-py3-none-manylinux_2_28_x86_64.whl" for minor in (0, 1)]
    files = [*FROZEN.files("xgboost"), *new]
    index = Changed("xgboost", files, ['nvidia-nccl-cu13 ; platform_system == "Linux"'])
    index.answers["metadata"] |= {file: {"Requires-Dist": ["nvidia-nccl-cu14"], "Provides-Extra": []} for file in new}

    builds = tomllib.loads(wheels.with_library(FRAMEWORKS, "xgboost", index))["libraries"]["builds"]

    assert [row for row in builds if row["package"] == "xgboost"][-2:] == [
        {"package": "xgboost", "first": "3.4", "last": "3.4", "cuda": "13"},
        {"package": "xgboost", "first": "4.0", "cuda": "14"},
    ]


@pytest.mark.parametrize(
    ("requires", "told"),
    [
        (["nvidia-cudnn-cu12<10.0,>=9.8", 'nvidia-nccl-cu12>=2.18.1; extra == "with-cuda"'], ("12", "9")),
        (["nvidia-cudnn-cu13~=9.0", "nvidia-cuda-nvrtc~=13.0"], ("13", "9")),
        (["nvidia-nccl-cu12", "nvidia-cudnn-cu13"], ("", "")),
        (["numpy", "nvidia-ml-py"], ("", "")),
        (["torch==2.14.0", "nvidia-cutlass-dsl[cu13]==4.8.0"], ("13", "")),
    ],
)
def test_what_a_wheel_is_built_for_is_read_from_what_it_requires(requires: list[str], told: tuple[str, str]) -> None:
    assert wheels.built_for({"Requires-Dist": requires}) == told


JAX = ["jax-9.0-py3-none-any.whl"]


def test_an_extra_for_a_new_cuda_is_taken_up() -> None:
    requires = [f'jax-cuda{major}-plugin[with-cuda]; extra == "cuda{major}"' for major in (12, 13, 14)]
    index = Changed("jax", JAX, requires, ["cuda12", "cuda13", "cuda14", "cuda15-local", "cuda"])

    table, doubts = wheels.with_majors(VARIANTS, index)

    assert (tomllib.loads(table)["extra"][0]["majors"], doubts) == (["12", "13", "14"], [])


def test_an_extra_that_is_gone_is_told_and_its_row_stands() -> None:
    index = Changed("jax", JAX, ['jax-cuda13-plugin; extra == "cuda13"'], ["cuda13"])

    assert wheels.with_majors(VARIANTS, index) == (
        VARIANTS,
        ["jax: ['cuda{major}'] bring no jax-cuda*-plugin for CUDA 12"],
    )


def test_a_package_that_is_gone_and_wheels_where_none_were_are_told() -> None:
    index = Changed("flash-attn", ["flash_attn-3.0.0-cp39-abi3-manylinux_2_28_x86_64.whl"])
    index.answers["files"]["faiss-cpu"] = []

    assert wheels.doubts_of(VARIANTS, index) == [
        "faiss-cpu: is suggested, and is not there",
        "flash-attn: there are wheels of it now",
    ]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with copies of both tables."""
    (tmp_path / "frameworks.toml").write_text(FRAMEWORKS, encoding="utf-8")
    (tmp_path / "variants.toml").write_text(VARIANTS, encoding="utf-8")
    return tmp_path


def test_tables_are_written_from_answers_that_were_kept(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers, again = Path(__file__).parent / "sources" / "wheels.json", data / "again.json"

    code = wheels.main(["--answers", str(answers), "--data", str(data), "--save", str(again)])

    assert (code, capsys.readouterr().out) == (0, "read the diff\n")
    assert (data / "frameworks.toml").read_text(encoding="utf-8") == FRAMEWORKS
    assert (data / "variants.toml").read_text(encoding="utf-8") == VARIANTS
    assert again.read_text(encoding="utf-8") == ANSWERS


def test_of_an_index_the_newest_wheels_are_kept_with_what_they_say_of_cuda() -> None:
    class Index:
        def files(self, package: str) -> Sequence[str]:
            return [f"xgboost-3.4.{patch}-py3-none-manylinux_2_28_x86_64.whl" for patch in (1, 0)]

        def metadata(self, package: str, file: str) -> wheels.Metadata:
            return {"Requires-Dist": ["numpy", "nvidia-nccl-cu13"], "Provides-Extra": ["dask"]}

    kept = wheels.Kept(Index())
    (newest,) = wheels.wheels(kept, "xgboost")
    kept.metadata("xgboost", newest.file)

    assert json.loads(kept.text) == {
        "files": {"xgboost": ["xgboost-3.4.1-py3-none-manylinux_2_28_x86_64.whl"]},
        "metadata": {newest.file: {"Requires-Dist": ["nvidia-nccl-cu13"], "Provides-Extra": ["dask"]}},
    }
