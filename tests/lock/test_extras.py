"""Tests of extras for an accelerator: an image for CUDA gets the extras that its packages need, noted in the lock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlspec import api
from mlspec.errors import LockError
from mlspec.facts.accelerator import parse_accelerator
from mlspec.lock.extras import find_extras, with_extras
from mlspec.lock.requirements.collect import RequirementEntry, collect
from mlspec.lock.state import LockOptions
from tests.support.index import PackageIndex, serving, wheel

JAX = (
    wheel("jax", "0.12.0", ['jax-cuda12-plugin ; extra == "cuda12"', 'jax-cuda13-plugin ; extra == "cuda13"']),
    wheel("jax-cuda12-plugin", "0.12.0"),
    wheel("jax-cuda13-plugin", "0.12.0"),
)
TENSORFLOW = (
    wheel("tensorflow", "2.20.0", ['nvidia-cudnn-cu12==9.3.0.75 ; extra == "and-cuda"']),
    wheel("nvidia-cudnn-cu12", "9.3.0.75"),
    wheel("nvidia-cudnn-cu12", "9.10.2.21"),
    wheel("torch", "2.9.1", ["nvidia-cudnn-cu12==9.10.2.21"]),
    wheel("torch", "2.6.0", ["nvidia-cudnn-cu12==9.3.0.75"]),
    wheel("trainer", "1.0", ["torch"]),
)


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[PackageIndex]:
    """An index with jax, tensorflow, torch and their dependencies."""
    with serving(*JAX, *TENSORFLOW) as index:
        monkeypatch.setenv("MLSPEC_INDEX_URL", index.url)
        yield index


def locked(folder: Path, text: str) -> tuple[str, list[str]]:
    """Lock a spec, and return the text of its lock and the messages."""
    (folder / "mlspec.yaml").write_text(text)
    said: list[str] = []
    rendered = api.render(folder / "mlspec.yaml", LockOptions(unpinned=True), say=said.append)
    api.write(rendered)
    return (folder / "requirements.lock").read_text(), said


def names(lock: str) -> set[str]:
    return {line.partition("==")[0] for line in lock.splitlines() if "==" in line and not line.startswith(("#", " "))}


def jax(accelerator: str, requirement: str = "jax") -> str:
    return f"{{python: 3.12, accelerator: {accelerator}, requirements: ['{requirement}']}}"


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize(
    ("accelerator", "plugins"),
    [
        ("cuda12.8", {"jax-cuda12-plugin"}),
        ("cpu", set()),
    ],
)
def test_jax_is_locked_with_its_plugin_for_the_accelerator(accelerator: str, plugins: set[str], tmp_path: Path) -> None:
    lock, _ = locked(tmp_path, jax(accelerator))

    assert names(lock) == {"jax", *plugins}


@pytest.mark.usefixtures("index")
def test_an_extra_that_was_chosen_is_said_in_the_lock_and_to_whoever_makes_it(tmp_path: Path) -> None:
    lock, said = locked(tmp_path, jax("cuda12.8"))

    note = "extra: jax[cuda12] for jax, by accelerator: cuda12.8"
    assert lock.splitlines()[1] == f"# {note}"
    assert note in said


@pytest.mark.usefixtures("index")
def test_explain_says_why_the_extra_is_there(tmp_path: Path) -> None:
    locked(tmp_path, jax("cuda12.8"))

    (lock,) = (e for e in api.explain(tmp_path / "mlspec.yaml").explanations if e.path.endswith("requirements.lock"))

    assert [(origin.kind, origin.column) for origin in lock.lines[1].origins] == [("spec", 16)]


@pytest.mark.usefixtures("index")
def test_a_lock_with_an_extra_is_current_until_the_accelerator_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked(tmp_path, jax("cuda12.8"))
    monkeypatch.setenv("MLSPEC_INDEX_URL", "http://127.0.0.1:9/simple/")

    assert not {problem.code for problem in api.check(tmp_path / "mlspec.yaml")} & {"MLS404", "MLS650"}

    (tmp_path / "mlspec.yaml").write_text(jax("cuda13.0"))
    said: list[str] = []
    api.check(tmp_path / "mlspec.yaml", say=said.append)
    assert "was not made for this spec" in said[0]


@pytest.mark.usefixtures("index")
def test_tensorflow_brings_the_libraries_of_cuda_where_nothing_else_does(tmp_path: Path) -> None:
    lock, _ = locked(tmp_path, "{python: 3.12, accelerator: cuda12.8, requirements: [tensorflow]}")

    assert "nvidia-cudnn-cu12==9.3.0.75" in lock


@pytest.mark.parametrize("requirements", ["[tensorflow, torch]", "[tensorflow, trainer]"])
def test_beside_torch_tensorflow_takes_the_libraries_that_torch_brings(
    requirements: str, tmp_path: Path, index: PackageIndex
) -> None:
    lock, _ = locked(
        tmp_path,
        f"{{python: 3.12, accelerator: cuda12.8, requirements: {requirements}, "
        f"indexes: [{{url: '{index.url}', packages: [torch]}}]}}",
    )

    # With its extra, tensorflow would force an older torch with the same cuDNN.
    assert {"torch==2.9.1", "nvidia-cudnn-cu12==9.10.2.21"} <= {line.partition(" ")[0] for line in lock.splitlines()}
    assert "# extra" not in lock


def test_an_extra_that_fits_nothing_leaves_the_package_as_it_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(wheel("tensorflow", "2.20.0", ['nvidia-cudnn-cu12==9 ; extra == "and-cuda"'])) as index:
        monkeypatch.setenv("MLSPEC_INDEX_URL", index.url)
        lock, _ = locked(tmp_path, "{python: 3.12, accelerator: cuda12.8, requirements: [tensorflow]}")

    assert names(lock) == {"tensorflow"}
    # A warning then names the missing extra.
    (warning,) = (p for p in api.check(tmp_path / "mlspec.yaml") if p.code == "MLS650")
    assert warning.hint == "require tensorflow[and-cuda] in its place"


def test_before_a_lock_nothing_is_asked_for_that_the_lock_will_do(tmp_path: Path) -> None:
    (tmp_path / "mlspec.yaml").write_text("{python: 3.12, accelerator: cuda12.8, requirements: [jax, onnxruntime]}")

    warnings = api.outline(tmp_path / "mlspec.yaml").warnings

    # onnxruntime-gpu is a different package, which does not satisfy requirements of onnxruntime: the user must choose.
    assert [warning.message for warning in warnings if warning.code == "MLS650"] == [
        "onnxruntime runs on the CPU only, but this is a cuda12.8 image"
    ]


@pytest.mark.usefixtures("index")
def test_where_nothing_fits_the_cuda_that_torch_was_never_built_for_is_told_first(tmp_path: Path) -> None:
    (tmp_path / "mlspec.yaml").write_text("{python: 3.12, accelerator: cuda12.7, requirements: [torch, absent]}")

    with pytest.raises(LockError) as raised:
        api.render(tmp_path / "mlspec.yaml", LockOptions(unpinned=True))

    first, *others = raised.value.problems
    assert (first.code, first.message) == ("MLS651", "no build of torch is known for cuda12.7")
    assert first.hint == "write: accelerator: cuda12.6 or cuda12.8"
    assert others


@pytest.mark.parametrize(
    ("requirement", "text"),
    [
        ("jax", "jax[cuda12]"),
        ("jax>=0.5; python_version < '4'", 'jax[cuda12]>=0.5; python_version < "4"'),
        ("jax[k8s]==0.12.0", "jax[cuda12,k8s]==0.12.0"),
        ("onnxruntime-gpu<1.27", "onnxruntime-gpu[cuda,cudnn]<1.27"),
        ("cupy-cuda12x", "cupy-cuda12x[ctk]"),
        ("numba-cuda", "numba-cuda[cu12]"),
    ],
)
def test_all_else_of_a_requirement_stays_as_it_is(requirement: str, text: str) -> None:
    requirements = collect([RequirementEntry(requirement, ())], lambda _: "", "mlspec.yaml")

    found = find_extras(requirements, parse_accelerator("cuda12.8"), "linux/amd64")

    assert [r.text for r in with_extras(requirements, found).requirements] == [text]


@pytest.mark.parametrize(
    ("requirement", "accelerator", "platform"),
    [
        ("tensorflow", "cuda13.0", "linux/amd64"),
        ("tensorflow", "cuda12.8", "linux/arm64"),
        ("jax @ https://example.com/jax-1-py3-none-any.whl", "cuda12.8", "linux/amd64"),
        (f"jax==1 --hash=sha256:{'ab' * 32}", "cuda12.8", "linux/amd64"),
        ("onnxruntime", "cuda12.8", "linux/amd64"),
    ],
)
def test_what_is_not_certain_is_not_chosen(requirement: str, accelerator: str, platform: str) -> None:
    requirements = collect([RequirementEntry(requirement, ())], lambda _: "", "mlspec.yaml")

    assert find_extras(requirements, parse_accelerator(accelerator), platform) == ()
