"""Tests that the checks of ``make fuzz`` find faults: a check that finds none would pass all cases."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from mlspec import api
from mlspec.errors import Problem, Span
from mlspec.host.rendered import Rendered
from mlspec.lock.state import LockOptions
from mlspec.targets.registry import emit, emit_all
from tests.support.fuzz.__main__ import work
from tests.support.fuzz.cases import Cases
from tests.support.fuzz.dockerfiles import Unquoted, check_dockerfile
from tests.support.fuzz.messages import check_problems
from tests.support.fuzz.projects import Projects
from tests.support.fuzz.readers import check_compose, check_ignore, check_run

SPEC = """\
python: 3.12
environment: {A: "a $b 'c'"}
run: [make it]
entrypoint: [python, "a b.py"]
mounts: ["./data set:/data"]
env_file: ./x.env
"""


@pytest.fixture
def rendered(tmp_path: Path) -> Rendered:
    (tmp_path / "mlspec.yaml").write_text(SPEC)
    return api.render(tmp_path / "mlspec.yaml", LockOptions(unpinned=True))


def text_of(rendered: Rendered, name: str) -> str:
    return next(artifact.text for artifact in emit(rendered.plans[0]) if artifact.path == name)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("", ""),
        ("\\$b", "$b"),
        ('"python"', '"sh"'),
        ("RUN make it", "RUN make  it"),
        ("RUN make it", "RUN rm -rf /; make it"),
        ("USER 1000:1000", "USER 0\nUSER 1000:1000"),
        ("WORKDIR /app", "WORKDIR /app\nLABEL a=b"),
        ("RUN make it", "RUN <<'EOF'\nmake it"),
    ],
)
def test_another_dockerfile_is_noticed(rendered: Rendered, right: str, wrong: str) -> None:
    text = text_of(rendered, "Dockerfile")
    settings = rendered.spec.images[0].settings
    assert right in text

    if right == wrong:
        check_dockerfile(text, settings, {})
        return
    with pytest.raises(Unquoted):
        check_dockerfile(text.replace(right, wrong), settings, {})


@pytest.mark.parametrize(("right", "wrong"), [("\nx.env", ""), ("\ndata set", "\n# data set"), ("\nx.env", "\n**")])
def test_another_ignore_file_is_noticed(rendered: Rendered, right: str, wrong: str) -> None:
    text = text_of(rendered, "Dockerfile.dockerignore")
    plan, settings = rendered.plans[0], rendered.spec.images[0].settings
    assert right in text

    check_ignore(text, plan, settings)
    with pytest.raises(Unquoted):
        check_ignore(text.replace(right, wrong), plan, settings)


@pytest.mark.parametrize(
    ("right", "wrong"), [('"$@"', "$@"), ('exec "$engine" run', 'exec "$engine" run --privileged')]
)
def test_another_run_script_is_noticed(rendered: Rendered, tmp_path: Path, right: str, wrong: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    cases = Cases(home)
    (cases.folder / "x.env").write_text("")
    text = text_of(rendered, "run.sh")
    plan, settings = rendered.plans[0], rendered.spec.images[0].settings
    assert right in text

    check_run(cases.folder, text, plan, settings, cases.stubs)
    with pytest.raises(Unquoted):
        check_run(cases.folder, text.replace(right, wrong), plan, settings, cases.stubs)


def test_another_compose_file_is_noticed(rendered: Rendered) -> None:
    (artifact,) = emit_all(rendered.plans, ["compose"])

    check_compose(artifact.text, rendered.spec)
    with pytest.raises(Unquoted):
        check_compose(artifact.text.replace("data set", "data sets"), rendered.spec)


@pytest.mark.parametrize(
    "change",
    [
        {"file": ""},
        {"file": "other.yaml"},
        {"span": Span(2, 1, 2, 2)},
        {"span": Span(1, 9, 1, 12)},
    ],
)
def test_a_problem_that_cannot_be_shown_is_noticed(tmp_path: Path, change: dict[str, object]) -> None:
    (tmp_path / "mlspec.yaml").write_text("a: b")
    problem = Problem(code="MLS101", message="m", file="mlspec.yaml", span=Span(1, 1, 1, 2))

    check_problems([problem], tmp_path)
    with pytest.raises(AssertionError):
        check_problems([dataclasses.replace(problem, **change)], tmp_path)  # type: ignore[arg-type]


def test_a_seed_makes_the_same_cases() -> None:
    first, second = Projects(7), Projects(7)

    assert [first.dump(first.spec()) for _ in range(20)] == [second.dump(second.spec()) for _ in range(20)]
    assert Projects(7).dump(Projects(7).spec()) != Projects(8).dump(Projects(8).spec())


def test_a_failure_is_counted_and_its_folder_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(cases: Cases, maker: Projects) -> None:
        cases.write("mlspec.yaml", b"x")
        raise KeyError(maker.text())

    monkeypatch.setattr(Cases, "kinds", property(lambda cases: {lambda maker: fail(cases, maker): 1}))

    seen = work(1, 0, 5, tmp_path)

    ((kind, cases),) = seen["failures"].items()
    assert kind.startswith("crash KeyError at ")
    assert len(cases) == 5
    assert [(place / "mlspec.yaml").read_bytes() for place in tmp_path.iterdir()] == [b"x"] * 3
