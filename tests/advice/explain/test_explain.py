"""Tests of explanations: each line of each artifact has an origin and a reason, and the text equals the artifact."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from mlspec import api
from mlspec.advice.explain import tracing
from mlspec.advice.explain.causes import Causes
from mlspec.advice.explain.comments import comments_of
from mlspec.advice.explain.explanation import LOCK, ExplainedLine, Explanation, explain
from mlspec.advice.explain.origins import Sources
from mlspec.cli.app import cli
from mlspec.spec.keys import Settings
from mlspec.spec.spec import Image
from mlspec.spec.targets import OPTIONAL_TARGETS
from mlspec.targets import filters, registry
from tests.support.golden import Golden
from tests.support.places import PROJECT
from tests.support.places import SPECS as FOLDER
from tests.targets.test_snapshots import drawn as artifacts_of
from tests.targets.test_snapshots import resolved

SPECS = sorted(FOLDER.glob("*.yaml"))
SHOWN = Path(__file__).parent / "shown"
EXAMPLES = sorted((PROJECT / "specs").rglob("mlspec.yaml"))

Written = Callable[[str], Path]


def sources_of(path: Path) -> Iterator[Sources]:
    spec = api.load(path)
    for image in spec.images:
        yield Sources(spec=spec, image=image, resolved=resolved(path.stem, image, spec.name))


def lines_of(path: Path, file: str) -> dict[str, ExplainedLine]:
    """Return the explained lines of one artifact, by their texts."""
    (found,) = (e for e in api.explain(path).explanations if Path(e.path).name == file)
    return {line.text.strip(" \\"): line for line in found.lines}


def places(line: ExplainedLine) -> list[tuple[str, int]]:
    return [(origin.key, origin.line) for origin in line.origins if origin.kind == "spec"]


@pytest.fixture(autouse=True)
def _width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fix the width of the terminal, so that lines are cut and wrapped alike everywhere."""
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Return a function that writes a spec and returns its path."""

    def write(text: str) -> Path:
        path = tmp_path / "mlspec.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["explain", *words])


# The explained text is the drawn text


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_what_is_explained_is_the_artifact(path: Path) -> None:
    every = (*registry.ALWAYS, *OPTIONAL_TARGETS)
    drawn = {artifact.path: artifact.text for artifact in artifacts_of(path, every)}
    explained = [e for e in explain(tuple(sources_of(path)), every)]

    assert {e.path: "".join(f"{line.text}\n" for line in e.lines) for e in explained} == drawn
    assert unexplained(explained) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_the_explained_lines_of_an_example_are_its_committed_files(path: Path) -> None:
    for explanation in api.explain(path).explanations:
        text = "".join(f"{line.text}\n" for line in explanation.lines)

        assert text == Path(explanation.path).read_text(encoding="utf-8")


@given(
    st.dictionaries(
        st.from_regex(r"[A-Z]{1,3}", fullmatch=True), st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]))
    )
)
def test_no_value_of_a_spec_is_taken_for_a_mark(values: dict[str, str]) -> None:
    image = Image("", Settings.model_validate({"python": "3.12", "environment": values, "labels": values}))
    (sources,) = sources_of(SPECS[0])
    plan = Causes(replace(sources, image=image)).values["plan"]

    assert tracing.draw_without_marks("Dockerfile.j2", plan=plan) == filters.draw("Dockerfile.j2", plan=plan)


# Every line has an origin and a reason


def unexplained(explanations: Iterable[Explanation]) -> list[str]:
    return [line.text for each in explanations for line in each.lines if not line.origins or not line.why]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_every_line_has_an_origin_and_a_reason(path: Path) -> None:
    assert unexplained(api.explain(path, (*registry.ALWAYS, *OPTIONAL_TARGETS, LOCK)).explanations) == []


@pytest.mark.parametrize("name", ["limits", "targets"])
def test_without_a_lock_every_line_has_an_origin_and_a_reason(name: str) -> None:
    every = (*registry.ALWAYS, *OPTIONAL_TARGETS, LOCK)

    assert unexplained(api.explain(FOLDER / f"{name}.yaml", every).explanations) == []


# The files that images share


def test_an_item_of_a_shared_file_points_at_its_own_line(written: Written) -> None:
    spec = "python: 3.12\ntargets: compose\nulimits:\n  memlock: -1\n  stack: 5\nmounts:\n  - ./a:/a\n  - ./b:/b\n"
    lines = lines_of(written(spec), "compose.yaml")

    assert places(lines["stack: 5"]) == [("ulimits.stack", 5)]
    assert places(lines["source: ./b"]) == [("mounts[1]", 8)]


def test_a_volume_points_at_every_image_that_uses_it(written: Written) -> None:
    spec = "python: 3.12\ntargets: compose\nimages:\n  a:\n    mounts: [vol:/a]\n  b:\n    mounts: [vol:/b]\n"
    lines = lines_of(written(spec), "compose.yaml")

    assert places(lines["name: vol"]) == [("images.a.mounts[0]", 5), ("images.b.mounts[0]", 7)]


def test_a_name_in_a_shared_file_points_at_the_name(written: Written) -> None:
    lines = lines_of(written("name: rent\npython: 3.12\ntargets: compose\n"), "compose.yaml")

    assert places(lines["name: rent"]) == [("name", 1)]


# Comments


def own_comments(text: str, *, is_dockerfile: bool = True) -> list[str]:
    return [comments.own for comments in comments_of(text.split("\n"), is_dockerfile=is_dockerfile)]


def test_the_comment_above_an_instruction_is_that_of_its_first_line() -> None:
    assert own_comments("# Why.\nRUN a \\\n && b\nRUN c") == ["Why.", "Why.", "", ""]


def test_a_comment_within_an_instruction_holds_to_its_end_or_the_next() -> None:
    text = "RUN a \\\n# One.\n && b \\\n && c \\\n# Two.\n && d\nRUN e"

    assert own_comments(text) == ["", "One.", "One.", "One.", "Two.", "Two.", ""]


def test_a_comment_in_a_here_document_holds_for_one_command() -> None:
    text = "RUN <<'EOF'\n# One.\na \\\n  b\nc\nEOF\nRUN d"

    assert own_comments(text) == ["", "One.", "One.", "One.", "", "", ""]


def test_the_comment_above_a_stage_is_that_of_all_its_instructions() -> None:
    lines = ["# A stage.", "FROM a", "RUN b", "", "FROM c", "RUN d"]

    stages = [comments.stage for comments in comments_of(lines, is_dockerfile=True)]
    assert stages == ["A stage.", "A stage.", "A stage.", "", "", ""]


def test_a_comment_in_a_script_holds_to_the_next_blank_line() -> None:
    assert own_comments("a\n# Why.\nb\nc\n\nd", is_dockerfile=False) == ["", "Why.", "Why.", "Why.", "", ""]


def test_a_note_below_a_pin_is_not_that_of_the_next() -> None:
    text = "# layer a\na==1 \\\n    --hash=b\n    # 5 kB\nc==1"

    assert own_comments(text, is_dockerfile=False) == ["layer a", "layer a", "", "", "layer a"]


def test_what_is_meant_for_programs_explains_nothing() -> None:
    assert own_comments("# Why.\n# hadolint ignore=DL3008\nRUN a") == ["Why."] * 3


def test_a_line_with_a_comment_says_it(written: Written) -> None:
    lines = lines_of(written("python: 3.12\napt: git\n"), "Dockerfile")

    assert lines["&& rm -f /etc/apt/apt.conf.d/docker-clean"].why.startswith("Packages have no version here")


def test_a_line_without_a_comment_says_what_its_key_means(written: Written) -> None:
    lines = lines_of(written("python: 3.12\nshm_size: 2gb\n"), "run.sh")

    meaning = "The size of the shared memory, through which the workers of a data loader pass batches."
    assert lines["--shm-size 2gb"].why == meaning


# Origins of values


def test_an_item_points_at_its_own_line(written: Written) -> None:
    lines = lines_of(written("python: 3.12\napt:\n  - git\n  - ffmpeg\n"), "Dockerfile")

    assert (places(lines["ffmpeg"]), places(lines["git"])) == ([("apt[1]", 4)], [("apt[0]", 3)])


def test_a_value_that_follows_from_another_key_points_at_that_key(written: Written) -> None:
    lines = lines_of(written("python: 3.12\naccelerator: cuda12.8\n"), "run.sh")

    assert places(lines['set -- --gpus all "$@"']) == [("accelerator", 2)]


def test_an_inherited_value_points_at_the_level_that_says_it(written: Written) -> None:
    spec = "python: 3.12\nmounts: [./data:/data]\nimages:\n  train:\n    mounts:\n      - ...\n      - ./out:/out\n"
    lines = lines_of(written(spec), "train.run.sh")

    assert places(lines["provide ./data"]) == [("mounts[0]", 2)]
    assert places(lines["provide ./out"]) == [("images.train.mounts[1]", 7)]


def test_a_merged_value_points_at_its_anchor(written: Written) -> None:
    spec = "x-shared: &shared\n  environment:\n    MODE: fast\npython: 3.12\n<<: *shared\n"

    assert places(lines_of(written(spec), "Dockerfile")["ENV MODE=fast"]) == [("environment.MODE", 3)]


def test_a_variable_in_a_list_points_at_its_item(written: Written) -> None:
    lines = lines_of(written("python: 3.12\nenvironment:\n  - A=1\n  - B=2\n"), "Dockerfile")

    assert places(lines["B=2"]) == [("environment[1]", 4)]


def test_the_port_of_a_health_check_still_points_at_its_line(written: Written) -> None:
    lines = lines_of(written('python: 3.12\nports: ["8000:8000"]\nhealthcheck: /healthz\n'), "Dockerfile")

    assert places(lines["EXPOSE 8000/tcp"]) == [("ports[0]", 2)]


def test_two_keys_of_which_each_is_enough_are_both_named(written: Written) -> None:
    spec = "python: 3.12\nmounts:\n  - ./a:/a\nsecrets:\n  KEY: {file: ./key}\n"
    lines = lines_of(written(spec), "run.sh")

    assert places(lines['--user "$user"']) == [("secrets", 4), ("mounts", 2)]


def test_what_was_not_written_is_a_default(written: Written) -> None:
    (origin,) = lines_of(written("python: 3.12\n"), "Dockerfile")["USER 1000:1000"].origins

    assert (origin.kind, origin.text) == ("default", "user: 1000:1000")


def test_what_no_spec_decides_is_a_rule(written: Written) -> None:
    line = "ENV PYTHONUNBUFFERED=1 HOME=/home/app USER=app LOGNAME=app XDG_CACHE_HOME=/cache"
    (origin,) = lines_of(written("python: 3.12\n"), "Dockerfile")[line].origins

    assert origin.kind == "rule"


def test_a_layer_names_its_packages_and_the_requirement_that_brought_them() -> None:
    path = PROJECT / "specs/first-training/mlspec.yaml"
    layer, requirement = lines_of(path, "Dockerfile")["COPY --link --from=layer-scipy /opt /opt"].origins

    assert layer.kind == "lock"
    assert layer.text.startswith("# layer scipy: scipy 1.")
    assert (requirement.kind, Path(requirement.file).name, requirement.text) == (
        "requirement",
        "requirements.in",
        "scikit-learn",
    )


# The command


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of an example with its lock, in which the command runs."""
    shutil.copytree(PROJECT / "specs/train-and-serve", tmp_path / "rent")
    monkeypatch.chdir(tmp_path / "rent")
    return tmp_path / "rent"


def test_shows_what_it_showed_of_a_locked_spec(project: Path, golden: Golden) -> None:
    assert run("--image", "train").stdout == golden(SHOWN / "train.txt")


@pytest.mark.parametrize("name", ["steps", "secrets"])
def test_shows_what_it_showed_without_a_lock(name: str, monkeypatch: pytest.MonkeyPatch, golden: Golden) -> None:
    monkeypatch.chdir(FOLDER)

    assert run(f"{name}.yaml", "--target", "dockerfile", "--target", "run").stdout == golden(SHOWN / f"{name}.txt")


def test_says_the_same_as_json(project: Path) -> None:
    number = (project / "serve.Dockerfile").read_text(encoding="utf-8").splitlines().index("EXPOSE 8000/tcp") + 1
    document = json.loads(run("--format", "json", f"serve.Dockerfile:{number}").stdout)

    (line,) = document["artifacts"][0]["lines"]
    assert document == {
        "version": 1,
        "artifacts": [{"path": "serve.Dockerfile", "target": "dockerfile", "image": "serve", "lines": [line]}],
    }
    assert line == {
        "line": number,
        "text": "EXPOSE 8000/tcp",
        "origins": [
            {
                "kind": "spec",
                "text": '- "8000:8000"',
                "key": "images.serve.ports[0]",
                "file": "mlspec.yaml",
                "line": 26,
                "column": 9,
            }
        ],
        "why": "Ports of the container that the host publishes: HOST:CONTAINER, on 127.0.0.1 unless there is an "
        "address in front; or Compose's long form.",
    }


def explained(*words: str) -> list[tuple[str, list[int]]]:
    """Return the artifacts that the command explains, each with the numbers of its lines."""
    document = json.loads(run("--format", "json", *words).stdout)
    return [(artifact["path"], [line["line"] for line in artifact["lines"]]) for artifact in document["artifacts"]]


def test_a_range_tells_of_its_lines(project: Path) -> None:
    assert explained("serve.run.sh:3-5") == [("serve.run.sh", [3, 4, 5])]


def test_a_line_of_the_spec_tells_what_comes_from_it(project: Path) -> None:
    assert [path for path, _ in explained("mlspec.yaml:26")] == ["serve.Dockerfile", "serve.run.sh"]


def test_a_generated_file_finds_its_spec_from_elsewhere(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.parent)

    assert explained("rent/serve.run.sh:4", "rent/train.run.sh:4") == [
        ("rent/serve.run.sh", [4]),
        ("rent/train.run.sh", [4]),
    ]


def test_the_locks_are_a_target(project: Path) -> None:
    assert [path for path, _ in explained("--target", "lock")] == [
        "train.requirements.lock",
        "serve.requirements.lock",
        "mlspec.lock",
    ]


def test_writes_nothing_and_asks_nobody(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("the network was used"))
    (project / "mlspec.lock").unlink()
    (project / "serve.Dockerfile").unlink()
    before = {path: path.read_bytes() for path in project.iterdir()}

    result = run()

    assert result.exit_code == 0
    assert {path: path.read_bytes() for path in project.iterdir()} == before


def test_says_that_a_file_is_out_of_date(project: Path) -> None:
    (project / "serve.Dockerfile").write_text("FROM scratch\n", encoding="utf-8")

    assert "serve.Dockerfile would change" in run().stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (
            ["--target", "docker"],
            2,
            "'docker' is not one of 'dockerfile', 'ignore', 'run', 'compose',",
        ),
        (["--image", "sreve"], 1, "did you mean serve?"),
        (["serve.run.sh:900"], 2, "serve.run.sh has 49 lines"),
        (["mlspec.yaml:1"], 2, "nothing comes from mlspec.yaml:1"),
        (["nonsense"], 2, "there is no spec, no generated file and no code nonsense; mlspec.yaml makes: "),
        (["mlspec.yaml", "MLS101"], 2, "MLS101 is a code, but the others are not"),
        (["no.yaml"], 1, "MLS401: there is no no.yaml"),
    ],
)
def test_tells_what_cannot_be_explained(project: Path, words: list[str], code: int, said: str) -> None:
    result = run(*words)

    assert said in result.stderr
    assert result.exit_code == code


def test_a_narrow_terminal_cuts_lines(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")

    assert max(map(len, run().stdout.splitlines())) <= 60
