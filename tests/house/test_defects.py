"""Tests of known defects of image generators: CUDA, indexes, markers, hashes and platforms.

Users of other tools met all of these defects. Tests that need an index, a registry or an engine are in other files; the
end of this file lists them.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from mlspec.errors import SpecError
from mlspec.facts.accelerator import parse_accelerator
from mlspec.lock import digests, promises
from mlspec.lock.image_facts import ImageFacts
from mlspec.lock.image_requirements import indexes_of
from mlspec.lock.pins import Layer, LockTarget, Pin, RequirementsLock
from mlspec.lock.requirements.collect import RequirementEntry, collect
from mlspec.lock.requirements.requirement_types import Requirements
from mlspec.lock.requirements_lock import dump_requirements, parse_requirements
from mlspec.plan.plan import Plan, resolve
from mlspec.spec.document import parse
from mlspec.spec.spec import Image, validate
from mlspec.targets import registry, run_caller, run_script
from tests.advice.lint.test_rules import codes, found
from tests.support.places import TESTS
from tests.support.trees import tree_of

TARGET = LockTarget(python="3.12.5", platform="linux/amd64", glibc="2.36")
HASH = f"sha256:{'ab' * 32}"


def image(text: str) -> Image:
    (only,) = validate(parse(text, "mlspec.yaml")).images
    return only


def plan(text: str, **resolved: str) -> Plan:
    facts = {"project": "p", "base": f"python:3.12-slim-bookworm@{HASH}", **resolved}
    return resolve("mlspec.yaml", image(text), ImageFacts(is_official=True, **facts))  # type: ignore[arg-type]


def dockerfile(text: str) -> str:
    (drawn,) = registry.emit(plan(text), ["dockerfile"])
    return drawn.text


def required(*lines: str, files: dict[str, str] | None = None) -> Requirements:
    def read(path: str) -> str:
        if path not in (files or {}):
            raise FileNotFoundError(path)
        return (files or {})[path]

    return collect([RequirementEntry(line, ("requirements", i)) for i, line in enumerate(lines)], read, "mlspec.yaml")


def in_a_file(text: str) -> list[str]:
    return [r.text for r in required("requirements.txt", files={"requirements.txt": text}).requirements]


def digest(requirements: Requirements, target: LockTarget = TARGET) -> str:
    return digests.inputs_digest(target, requirements, ())


# CUDA


def test_a_torch_newer_than_the_tables_is_locked_as_any_other(tmp_path: Path) -> None:
    assert codes("{python: 3.12, accelerator: cuda13.0, requirements: [torch==2.99.0]}", tmp_path) == set()


def test_a_torch_without_a_pin_comes_from_the_index_of_the_cuda_that_is_named() -> None:
    indexes = indexes_of(image("{python: 3.12, accelerator: cuda12.8, requirements: ['torch>=2.4']}"), Requirements())

    assert [index.url for index in indexes if index.serves("torch")] == ["https://download.pytorch.org/whl/cu128"]


def test_torch_and_its_family_come_from_one_index() -> None:
    (index,) = indexes_of(image("{python: 3.12, accelerator: cuda12.6}"), Requirements())

    assert all(index.serves(name) for name in ("torch", "torchvision", "torchaudio"))


def test_no_cuda_is_made_up_where_no_framework_names_one() -> None:
    pins = (Pin(name="vllm", version="0.6.6", requirement="vllm==0.6.6"),)

    assert promises.find_cuda_version(pins) == ""
    assert (
        promises.find_cuda_version((*pins, Pin(name="nvidia-cuda-runtime-cu12", version="12.4.127", requirement="")))
        == "12.4"
    )


def test_cuda_for_jax_is_that_of_its_extra() -> None:
    pins = (Pin(name="jax-cuda13-plugin", version="0.12.0", requirement=""),)

    assert promises.find_cuda_version(pins) == "13.0"


@pytest.mark.parametrize("version", ["2.15.1", "2.16.1", "2.17.0"])
def test_a_tensorflow_whose_cuda_has_no_image_of_that_version_needs_none(version: str, tmp_path: Path) -> None:
    text = f"{{python: 3.11, accelerator: cuda12.3, requirements: ['tensorflow[and-cuda]=={version}']}}"

    assert codes(text, tmp_path) == set()
    assert "FROM python:" in dockerfile(text)


def test_a_tensorflow_for_the_cuda_of_the_image_is_fine_and_one_for_another_is_not(tmp_path: Path) -> None:
    text = "{python: 3.12, accelerator: cuda%s, requirements: ['tensorflow[and-cuda]==2.18.0'], x-lock: [%s]}"
    pins = "tensorflow==2.18.0, nvidia-cudnn-cu12==9.3.0.75"

    assert codes(text % ("12.5", pins), tmp_path) == set()
    assert codes(text % ("13.0", pins), tmp_path) == {"MLS656"}


def test_two_frameworks_for_different_cudnns_are_told_at_the_second(tmp_path: Path) -> None:
    (problem,) = found(
        "python: 3.12\naccelerator: cuda12.4\nrequirements: [torch==2.5.1, tensorflow==2.17.0]\n"
        "x-lock: [torch==2.5.1+cu124, tensorflow==2.17.0, nvidia-cudnn-cu12==9.1.0.70]\n",
        tmp_path,
    )

    assert (problem.code, problem.path) == ("MLS656", ("requirements", 1))


def test_two_frameworks_whose_cudas_agree_share_an_image(tmp_path: Path) -> None:
    text = """
python: 3.12
accelerator: cuda12.4
requirements: [torch==2.5.1, tensorflow==2.18.0]
x-lock: [torch==2.5.1+cu124, tensorflow==2.18.0, nvidia-cudnn-cu12==9.1.0.70]
"""

    assert codes(text, tmp_path) == set()


@pytest.mark.parametrize("accelerator", ["cuda12.3", "cuda12.7", "cuda14.9"])
def test_a_cuda_that_torch_was_never_built_for_is_told_offline_with_the_nearest(
    accelerator: str, tmp_path: Path
) -> None:
    (problem,) = found(f"{{python: 3.12, accelerator: {accelerator}, requirements: [torch]}}", tmp_path)

    assert problem.code == "MLS651"
    assert problem.hint.startswith("write: accelerator: cuda")


def test_a_cuda_image_stands_on_slim_python_and_carries_one_cuda() -> None:
    drawn = dockerfile("{python: 3.12, accelerator: cuda12.8, requirements: [torch]}")

    assert "nvidia/cuda" not in drawn


def test_a_cpu_image_refuses_the_wheels_of_cuda() -> None:
    pins = (Pin(name="torch", version="2.5.1", requirement=""), Pin(name="triton", version="3.1", requirement=""))

    assert [p.code for p in promises.check_promises(required("triton-user", "torch"), pins)] == ["MLS230"]


def test_a_cuda_image_refuses_the_wheels_of_another_cuda() -> None:
    pins = (Pin(name="torch", version="2.5.1+cu121", requirement=""),)

    (problem,) = promises.check_promises(required("torch"), pins, accelerator=parse_accelerator("cuda12.4"))

    assert problem.code == "MLS231"


def test_torch_and_torchvision_for_different_cudas_are_refused() -> None:
    pins = tuple(
        Pin(name=n, version=f"1+{label}", requirement="") for n, label in (("torch", "a"), ("torchvision", "b"))
    )

    assert [
        p.code
        for p in promises.check_promises(required("torch", "torchvision"), pins, accelerator=parse_accelerator("cuda"))
    ] == ["MLS234"]


def test_the_driver_that_the_cuda_needs_is_written_into_the_image() -> None:
    drawn = dockerfile("{python: 3.12, accelerator: cuda12.8, requirements: [torch]}")

    assert "NVIDIA_REQUIRE_CUDA" in drawn


def test_a_gpu_newer_than_the_kernels_of_torch_is_told_without_a_gpu(tmp_path: Path) -> None:
    text = "{python: 3.12, accelerator: cuda12.4, requirements: [torch==2.6.0], gpu_models: [rtx5090], x-lock: [%s]}"

    assert codes(text % "torch==2.6.0+cu124", tmp_path) == {"MLS654"}


def test_a_package_is_known_by_its_whole_name(tmp_path: Path) -> None:
    assert codes("{python: 3.12, requirements: [pytorch-lightning-bolts, onnxruntime-gpu-tools]}", tmp_path) == set()


def test_nobody_is_asked_for_gpus_who_did_not_ask_for_them() -> None:
    words = run_caller.run_words(
        run_script.run_script(plan("{python: 3.12}").run), (), run_caller.Caller(home="/home/me")
    )

    assert "--gpus" not in words


# Indexes


def test_an_index_answers_for_the_packages_it_is_named_for_alone() -> None:
    text = "{python: 3.12, indexes: [{url: 'https://a.test/simple', packages: ['acme-*']}]}"
    index, _ = indexes_of(image(text), Requirements())

    assert (index.serves("acme-models"), index.serves("numpy")) == (True, False)


@pytest.mark.parametrize("option", ["--extra-index-url", "--index-url"])
def test_an_index_that_would_answer_for_everything_is_refused_with_what_to_write(option: str) -> None:
    with pytest.raises(SpecError, match="MLS205") as raised:
        in_a_file(f"{option} https://me:hunter2@a.test/simple\nnumpy\n")

    assert "name it under `indexes`" in str(raised.value)
    assert "hunter2@" not in raised.value.problems[0].hint


def test_indexes_keep_the_order_of_the_spec() -> None:
    urls = [f"https://{name}.test/simple" for name in ("zoo", "ape", "mid", "bee")]
    rows = ", ".join(f"{{url: '{url}', packages: [p{i}]}}" for i, url in enumerate(urls))

    assert [index.url for index in indexes_of(image(f"{{python: 3.12, indexes: [{rows}]}}"), Requirements())][
        :4
    ] == urls


def test_a_login_in_an_address_is_refused_before_it_is_in_a_lock() -> None:
    with pytest.raises(SpecError, match="MLS210"):
        in_a_file("pkg @ https://me:hunter2@a.test/pkg-1-py3-none-any.whl\n")


# Names, markers, hashes and addresses


@pytest.mark.parametrize("line", ["ruamel.yaml==0.18.6", "zope.interface==6.0", "jaraco.text==4.0.0"])
def test_a_name_with_a_dot_stays_that_name(line: str) -> None:
    assert in_a_file(f"{line}\n") == [line]


def test_a_marker_of_a_pinned_requirement_is_kept() -> None:
    (text,) = in_a_file('colorama==0.4.6 ; sys_platform == "win32"\n')

    assert 'sys_platform == "win32"' in text


def test_a_marker_reaches_the_lock_and_comes_back() -> None:
    pin = Pin(name="a", version="1", requirement="a==1", hashes=(HASH,), marker='python_version < "3.13"')
    text = dump_requirements(RequirementsLock((Layer("wheels", (pin,)),)), header="# by a test")

    assert parse_requirements(text, "requirements.lock").pins == (pin,)


def test_hashes_of_a_pinned_requirement_are_kept() -> None:
    (requirement,) = required("r.txt", files={"r.txt": f"six==1.16.0 \\\n    --hash={HASH}\n"}).requirements

    assert (requirement.text, requirement.hashes) == ("six==1.16.0", (HASH,))


def test_the_label_of_a_cuda_reaches_the_lock_with_its_hashes() -> None:
    pin = Pin(name="torch", version="2.9.1+cu128", requirement="torch==2.9.1+cu128", hashes=(HASH,))
    text = dump_requirements(RequirementsLock((Layer("torch", (pin,)),)), header="# by a test")

    assert parse_requirements(text, "requirements.lock").pins == (pin,)


def test_a_comment_ends_its_own_line_and_nothing_else() -> None:
    text = "numpy==1.26.4  # keep <2\n    # via pandas\npandas\ntorch\n"

    assert in_a_file(text) == ["numpy==1.26.4", "pandas", "torch"]


def test_the_fragment_of_an_address_is_no_comment() -> None:
    (text,) = in_a_file("git+https://host.test/repo@v1#subdirectory=pkg\n")

    assert text.endswith("@v1#subdirectory=pkg")


@pytest.mark.parametrize("name", ["google-cloud-storage", "opencv-contrib-python", "scikit-e-r-c"])
def test_a_name_with_an_option_s_letters_is_a_name(name: str) -> None:
    assert in_a_file(f"{name}\n") == [name]


def test_a_package_at_an_address_is_one_requirement() -> None:
    assert len(in_a_file("pkg @ git+https://host.test/repo@v1\nnumpy\n")) == 2


def test_an_included_file_is_followed_and_a_change_in_it_makes_another_lock() -> None:
    files = {"r.txt": "-r base.txt\n", "base.txt": "numpy==1.26.4\n"}
    changed = {**files, "base.txt": "numpy==2.0.0\n"}

    assert [r.text for r in required("r.txt", files=files).requirements] == ["numpy==1.26.4"]
    assert digest(required("r.txt", files=files)) != digest(required("r.txt", files=changed))


def test_the_order_of_requirements_makes_no_other_lock() -> None:
    assert digest(required("a", "b")) == digest(required("b", "a"))


@pytest.mark.parametrize("line", ["--no-such-option x", "-e .", "./local", "environment.yml"])
def test_what_cannot_be_locked_is_refused_and_never_dropped(line: str) -> None:
    with pytest.raises(SpecError, match="MLS2"):
        required(line)


# Pythons and platforms


@pytest.mark.parametrize("written", ["3.10", '"3.10"'])
def test_a_python_that_yaml_would_take_for_3_1_is_3_10(written: str) -> None:
    assert image(f"python: {written}").settings.python == "3.10"


@pytest.mark.parametrize("python", ["banana", "3", ">=3.10,<3.12", "3.13t"])
def test_a_python_that_is_none_is_refused_and_never_guessed(python: str) -> None:
    with pytest.raises(SpecError, match="MLS1"):
        image(f'python: "{python}"')


def test_the_python_of_an_image_is_never_that_of_the_host() -> None:
    with pytest.raises(SpecError, match="python"):
        image("entrypoint: python train.py")


def test_a_patch_version_of_python_is_taken_as_it_is() -> None:
    assert image("python: 3.11.4").settings.python == "3.11.4"


@pytest.mark.parametrize(
    "other",
    [
        LockTarget(python="3.11.4", platform="linux/amd64", glibc="2.36"),
        LockTarget(python="3.12.5", platform="linux/arm64", glibc="2.36"),
        LockTarget(python="3.12.5", platform="linux/amd64", glibc="2.31"),
    ],
    ids=["python", "platform", "C library"],
)
def test_a_lock_is_for_one_python_platform_and_c_library(other: LockTarget) -> None:
    assert digest(required("numpy"), other) != digest(required("numpy"))


def test_an_image_runs_on_the_platform_that_it_was_built_for() -> None:
    words = run_caller.run_words(
        run_script.run_script(plan("{python: 3.12, platforms: [linux/arm64]}").run), (), run_caller.Caller(home="/")
    )

    assert words[words.index("--platform") + 1] == "linux/arm64"


def test_cuda_on_arm64_where_torch_has_none_is_told(tmp_path: Path) -> None:
    text = "{python: 3.12, platforms: [linux/arm64], accelerator: cuda, requirements: [torch==2.6.0]}"

    assert codes(text, tmp_path) == {"MLS657"}


# Defects whose tests need an index, a registry or an engine, each with the place of its test.
ELSEWHERE = {
    "a lock made on a host with another Python, system or C library": (
        "host/test_resolver.py",
        "test_markers_tags_and_requires_python_are_those_of_the_target",
    ),
    "wheels for musl or macOS in an image of Debian": (
        "host/test_resolver.py",
        "test_abi3_wheels_of_older_pythons_fit_and_musl_and_mac_ones_do_not",
    ),
    "a package without a wheel for the target, told in a stranger's words": (
        "host/test_resolver.py",
        "test_a_version_without_a_fitting_wheel",
    ),
    "a package of the same name taken from another index": (
        "host/test_resolver.py",
        "test_a_package_of_one_index_is_never_looked_up_elsewhere",
    ),
    "logins of an index in what is committed": ("host/test_resolver.py", "test_a_login_is_used_and_written_nowhere"),
    "an index that does not answer, passed over": (
        "host/test_resolver.py",
        "test_an_unreachable_second_index_is_not_passed_over",
    ),
    "the user's own configuration of pip in a lock": (
        "host/test_resolver.py",
        "test_the_pip_configuration_of_this_machine_changes_nothing",
    ),
    "hashes that are dropped on the way to pip": ("host/test_resolver.py", "test_the_lock_installs_with_plain_pip"),
    "hashes that fit no file of the target": ("host/test_resolver.py", "test_hashes_that_no_fitting_file_has"),
    "git dependencies that move": (
        "host/test_resolver.py",
        "test_a_git_requirement_is_pinned_to_its_commit_and_its_dependencies_are_locked",
    ),
    "a lock that needs the network to be checked": (
        "cli/test_pipeline.py",
        "test_a_second_render_needs_no_index_and_changes_nothing",
    ),
    "a lock of another Python that is taken all the same": (
        "cli/test_pipeline.py",
        "test_a_lock_for_another_python_is_refused",
    ),
    "an unbuildable CUDA that only the resolver tells": (
        "lock/test_extras.py",
        "test_where_nothing_fits_the_cuda_that_torch_was_never_built_for_is_told_first",
    ),
    "jax without its plugin in an image for CUDA": (
        "lock/test_extras.py",
        "test_jax_is_locked_with_its_plugin_for_the_accelerator",
    ),
    "a driver older than its CUDA needs, met when the container starts": (
        "host/test_checkup.py",
        "test_a_run_is_stopped_where_the_driver_is_older_than_its_cuda_needs",
    ),
    "an image of another architecture, met when the container starts": (
        "host/test_checkup.py",
        "test_an_image_of_another_platform_is_told_before_the_engine_tells_it",
    ),
    "an engine without GPUs, met when the container starts": (
        "host/test_checkup.py",
        "test_a_run_that_wants_gpus_is_stopped_where_there_are_none",
    ),
    "files that differ between hosts, users and folders": (
        "house/test_determinism.py",
        "test_every_host_draws_the_same",
    ),
}


@pytest.mark.parametrize(("file", "name"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_defect_whose_test_is_elsewhere_has_it_there(file: str, name: str) -> None:
    tree = tree_of(TESTS / file)
    tests = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}

    assert name in tests
