"""Tests of the inputs of a lock, and of promises of the spec that its pins can break."""

from __future__ import annotations

import dataclasses

import pytest

from mlspec.facts.accelerator import parse_accelerator
from mlspec.lock.digests import body_digest, inputs_digest
from mlspec.lock.pins import LockTarget, Pin
from mlspec.lock.promises import check_logins, check_promises, find_cuda_version
from mlspec.lock.requirements.collect import RequirementEntry, collect
from mlspec.lock.requirements.indexes import Index
from mlspec.lock.requirements.requirement_types import Requirements

TARGET = LockTarget(python="3.12.4", platform="linux/amd64", glibc="2.36")
MB = 1_000_000


def required(*texts: str, file: str = "") -> Requirements:
    return collect(
        [RequirementEntry(text, ("requirements", i)) for i, text in enumerate(texts)], lambda _: file, "mlspec.yaml"
    )


def pin(
    name: str, size: int | None = 1000, *, version: str = "1", via: tuple[str, ...] = (), source: bool = False
) -> Pin:
    return Pin(
        name=name, version=version, requirement=f"{name}=={version}", size=size, via=via or ("spec",), is_source=source
    )


# Inputs


def test_comments_blank_lines_and_order_do_not_change_the_inputs() -> None:
    one = required("r.in", file="numpy>=2\npandas\n")
    other = required("r.in", file="# ours\n\npandas   # why\n  numpy>=2\n")

    assert inputs_digest(TARGET, one, ()) == inputs_digest(TARGET, other, ())


def test_a_login_does_not_change_the_inputs() -> None:
    index = Index(url="https://packages.example/simple", packages=("a",))
    with_login = dataclasses.replace(index, username="me", password="secret")

    assert inputs_digest(TARGET, required(), (index,)) == inputs_digest(TARGET, required(), (with_login,))


@pytest.mark.parametrize(
    ("target", "requirements", "indexes"),
    [
        (dataclasses.replace(TARGET, python="3.12.5"), required("numpy"), ()),
        (dataclasses.replace(TARGET, platform="linux/arm64"), required("numpy"), ()),
        (dataclasses.replace(TARGET, glibc="2.41"), required("numpy"), ()),
        (TARGET, required("numpy>1"), ()),
        (TARGET, required("numpy", "--pre"), ()),
        (TARGET, required("numpy", "-c c.txt", file="numpy<3"), ()),
        (TARGET, required("numpy"), (Index(url="https://packages.example/simple", packages=("numpy",)),)),
    ],
)
def test_everything_that_decides_a_lock_changes_the_inputs(
    target: LockTarget, requirements: Requirements, indexes: tuple[Index, ...]
) -> None:
    assert inputs_digest(target, requirements, indexes) != inputs_digest(TARGET, required("numpy"), ())


def test_the_body_is_what_is_pinned() -> None:
    assert body_digest("# a\nx==1 \\\n    --hash=z\n    # 3 MB\n") == body_digest("x==1 \\\n    --hash=z\n")
    assert body_digest("x==1\n") != body_digest("x==2\n")


# Promises

CUDA = (
    pin("torch", 900 * MB, version="2.9.0"),
    pin("nvidia-cublas-cu12", 400 * MB, via=("torch",)),
    pin("nvidia-cudnn-cu12", 600 * MB, via=("torch",)),
    pin("triton", 100 * MB, via=("torch",)),
    pin("nvidia-nvjitlink-cu12", 40 * MB, via=("nvidia-cublas-cu12",)),
)


def test_a_cpu_image_with_cuda_packages_is_refused_at_the_requirement_that_brings_them() -> None:
    (problem,) = check_promises(required("numpy", "torch==2.9.0"), (pin("numpy"), *CUDA))

    assert (problem.code, problem.path, problem.severity) == ("MLS230", ("requirements", 1), "error")
    assert problem.message == (
        "torch brings nvidia-cublas-cu12 1, nvidia-cudnn-cu12 1, triton 1 and 1 more (1.1 GB) into a cpu image"
    )


def test_the_package_to_require_in_a_cpu_image_is_named() -> None:
    nccl = pin("nvidia-nccl-cu12", 300 * MB, via=("xgboost",))
    (problem,) = check_promises(required("xgboost"), (pin("xgboost"), nccl))

    assert problem.hint.startswith("require xgboost-cpu in place of xgboost; or write: accelerator: cuda")


def test_a_cuda_image_takes_them() -> None:
    assert check_promises(required("torch"), CUDA, accelerator=parse_accelerator("cuda12.8")) == ()


@pytest.mark.parametrize(
    ("accelerator", "version", "codes"),
    [
        ("cpu", "2.9.0+cpu", []),
        ("cpu", "2.9.0+cu128", ["MLS230"]),
        ("cpu", "2.9.0+rocm6.3", ["MLS230"]),
        ("cuda", "2.9.0+cu128", []),
        ("cuda12.8", "2.9.0+cu128", []),
        ("cuda12.6", "2.9.0+cu128", ["MLS231"]),
        ("cuda12.8", "2.9.0+cpu", ["MLS231"]),
        ("cuda12.8", "2.9.0+rocm6.3", ["MLS231"]),
        ("rocm6.3", "2.9.0+rocm6.3", []),
        ("rocm6.3", "2.9.0+cu128", ["MLS231"]),
    ],
)
def test_the_local_version_must_be_the_accelerators(accelerator: str, version: str, codes: list[str]) -> None:
    problems = check_promises(
        required("torch"), [pin("torch", version=version)], accelerator=parse_accelerator(accelerator)
    )

    assert [problem.code for problem in problems] == codes


def test_packages_for_another_major_version_of_cuda_are_refused() -> None:
    (problem,) = check_promises(required("torch"), CUDA, accelerator=parse_accelerator("cuda13.0"))

    assert problem.code == "MLS231"


@pytest.mark.parametrize(
    ("name", "version", "accelerator", "is_fine"),
    [
        # Since CUDA 13 the names have no suffix, so only the version shows the CUDA.
        ("nvidia-cuda-runtime", "13.0.48", "cuda13.2", True),
        ("nvidia-cuda-runtime", "13.0.48", "cuda12.8", False),
        ("cuda-toolkit", "12.8.1", "cuda12.6", True),
        ("cuda-toolkit", "13.0.3", "cuda12.6", False),
        # The version of this package is not a version of CUDA.
        ("nvidia-cufft", "12.0.0.15", "cuda13.0", True),
    ],
)
def test_packages_of_cuda_without_a_suffix_tell_their_major_by_their_version(
    name: str, version: str, accelerator: str, is_fine: bool
) -> None:
    pins = (pin("framework"), pin(name, version=version, via=("framework",)))

    found = check_promises(required("framework"), pins, accelerator=parse_accelerator(accelerator))

    assert [problem.code for problem in found] == ([] if is_fine else ["MLS231"])


def test_what_is_built_for_the_cuda_of_the_image_is_named() -> None:
    pins = (pin("xgboost", version="3.4.1"), pin("nvidia-nccl-cu13", via=("xgboost",)))

    (problem,) = check_promises(required("xgboost"), pins, accelerator=parse_accelerator("cuda12.8"))

    assert problem.hint.startswith("require xgboost-cu12; or require xgboost==3.3.*; or ")


@pytest.mark.parametrize(
    ("pins", "cuda"),
    [
        ((pin("torch", version="2.9.1+cu128"), pin("nvidia-cuda-runtime-cu12", version="12.6.77")), "12.8"),
        ((pin("torch", version="2.9.1"), pin("nvidia-cuda-runtime-cu12", version="12.8.90")), "12.8"),
        ((pin("torch", version="2.14.0"), pin("nvidia-cuda-runtime", version="13.0.48")), "13.0"),
        ((pin("jax", version="0.7.0"), pin("jax-cuda12-plugin", version="0.7.0")), "12.0"),
        ((pin("vllm", version="0.6.6"), pin("nvidia-cuda-runtime-cu12", version="12.4.127")), "12.4"),
        ((pin("cupy-cuda11x", version="13.6.0"),), "11.0"),
        ((pin("torch", version="2.9.1+cpu"), pin("numpy")), ""),
    ],
    ids=["torch's label", "torch's runtime", "CUDA 13", "jax's plugin", "vllm", "cupy", "none"],
)
def test_the_cuda_of_a_lock_is_what_its_packages_were_built_for(pins: tuple[Pin, ...], cuda: str) -> None:
    assert find_cuda_version(pins) == cuda


def test_torch_and_its_family_are_built_for_one_cuda() -> None:
    pins = (pin("torch", version="2.9.1+cu128"), pin("torchvision", version="0.24.1+cu126"))
    agreeing = (pin("torch", version="2.9.1+cu128"), pin("torchvision", version="0.24.1+cu128"), pin("torchaudio"))

    (problem,) = check_promises(required("torch", "torchvision"), pins, accelerator=parse_accelerator("cuda"))

    assert (problem.code, problem.severity, problem.path) == ("MLS234", "error", ("requirements", 1))
    assert check_promises(required("torch", "torchvision"), agreeing, accelerator=parse_accelerator("cuda")) == ()


def test_frameworks_that_bring_different_cudnns_are_a_warning_at_the_second() -> None:
    pins = (
        pin("torch", version="2.14.0"),
        pin("jax-cuda12-plugin"),
        pin("nvidia-cudnn-cu12", version="9.10.2.21", via=("jax-cuda12-plugin",)),
        pin("nvidia-cudnn-cu13", version="9.24.0.43", via=("torch",)),
    )

    (problem,) = check_promises(required("torch", "jax-cuda12-plugin"), pins, accelerator=parse_accelerator("cuda"))

    assert (problem.code, problem.severity, problem.path) == ("MLS235", "warning", ("requirements", 0))
    assert problem.message == (
        "jax-cuda12-plugin brings nvidia-cudnn-cu12 9.10.2.21 and torch brings nvidia-cudnn-cu13 9.24.0.43: "
        "two CUDAs in one image, gigabytes each"
    )


def test_a_binding_that_needs_no_gpu_is_no_promise_broken() -> None:
    assert check_promises(required("nvidia-ml-py"), [pin("nvidia-ml-py")]) == ()


# Credentials


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("x @ https://user:pass@packages.example/x.whl", 1),
        ("x @ git+https://token@git.example/x@main", 1),
        ("--index-url https://a:b@packages.example/simple", 1),
        ("x @ git+ssh://git@git.example/x@main", 0),
        ("x @ git+https://git.example/x@v1#subdirectory=a@b", 0),
        ("numpy==1", 0),
    ],
)
def test_a_login_in_a_lock_is_refused_without_showing_it(line: str, count: int) -> None:
    problems = check_logins(f"# ours\n{line}\n", "requirements.lock")

    assert [problem.code for problem in problems] == ["MLS233"] * count
    assert not any(word in str(problem) for problem in problems for word in ("pass", "token", "a:b"))
