"""Each line of each artifact says where it comes from and why; what is explained is the artifact, byte for byte."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from mlspec import api
from mlspec.advice.explain import reasons, tracing
from mlspec.advice.explain.causes import Causes, row_of
from mlspec.advice.explain.dumped import HEADING, dumped, placed
from mlspec.advice.explain.explanation import LOCK, Line, explain, is_heading
from mlspec.advice.explain.origins import Sources
from mlspec.cli.app import cli
from mlspec.spec.keys import Settings
from mlspec.spec.spec import SHARED_TARGETS, Image
from mlspec.targets import filters as templating
from mlspec.targets import registry as targets
from tests.test_snapshots import drawn as artifacts_of
from tests.test_snapshots import resolved

HERE = Path(__file__).parent
PROJECT = HERE.parent
SPECS = sorted((HERE / "specs").glob("*.yaml"))
EXAMPLES = sorted((PROJECT / "specs").glob("*/mlspec.yaml"))

Written = Callable[[str], Path]


def sources_of(path: Path) -> Iterator[Sources]:
    spec = api.load(path)
    for image in spec.images:
        yield Sources(spec=spec, image=image, resolved=resolved(path.stem, image, spec.name))


def traced(path: Path) -> Iterator[tuple[str, tracing.Traced]]:
    """Yield the lines of the artifacts of a spec, each with the name of its target."""
    for sources in sources_of(path):
        for name, target in targets.TARGETS.items():
            yield from ((name, line) for line in tracing.traced(target.template, **Causes(sources).values))


def lines_of(path: Path, file: str) -> dict[str, Line]:
    """Return the explained lines of one artifact by their texts."""
    (found,) = (e for e in api.explain(path).explanations if Path(e.path).name == file)
    return {line.text.strip(" \\"): line for line in found.lines}


def places(line: Line) -> list[tuple[str, int]]:
    return [(origin.key, origin.line) for origin in line.origins if origin.kind == "spec"]


@pytest.fixture(autouse=True)
def _width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines are cut and wrapped alike, whoever runs the tests."""
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


# What is explained is what is drawn


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_what_is_explained_is_the_artifact(path: Path) -> None:
    every = (*targets.TARGETS, *SHARED_TARGETS)
    drawn = {artifact.path: artifact.text for artifact in artifacts_of(path, every)}
    explained = [e for e in explain(tuple(sources_of(path)), every)]

    assert {e.path: "".join(f"{line.text}\n" for line in e.lines) for e in explained} == drawn


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_the_explained_lines_of_an_example_are_its_committed_files(path: Path) -> None:
    for explanation in api.explain(path).explanations:
        text = "".join(f"{line.text}\n" for line in explanation.lines)

        assert text == Path(explanation.path).read_text(encoding="utf-8")


@given(st.dictionaries(st.from_regex(r"[A-Z]{1,3}", fullmatch=True), st.text(st.characters(exclude_categories=["C"]))))
def test_no_value_of_a_spec_is_taken_for_a_mark(values: dict[str, str]) -> None:
    image = Image("", Settings.model_validate({"python": "3.12", "environment": values, "labels": values}))
    (sources,) = sources_of(SPECS[0])
    plan = Causes(replace(sources, image=image)).values["plan"]

    assert tracing.unmarked("Dockerfile.j2", plan=plan) == templating.draw("Dockerfile.j2", plan=plan)


# Nothing is without an origin or a reason


@pytest.mark.parametrize("path", [*SPECS, *EXAMPLES], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_line_has_an_origin_and_a_reason(path: Path) -> None:
    every = (*targets.TARGETS, *SHARED_TARGETS, LOCK)
    lines = [line for explanation in api.explain(path, every).explanations for line in explanation.lines]

    assert [line.text for line in lines if not line.origins or not line.why] == []


def test_every_line_of_the_templates_has_a_reason() -> None:
    drawn = {(name, line.site.source, line.text) for path in SPECS for name, line in traced(path)}

    assert [row for row in drawn if not is_heading(row[1]) and reasons.reason(*row) is None] == []


def test_every_reason_is_that_of_a_line() -> None:
    drawn = {(name, line.site.source, line.text) for path in SPECS for name, line in traced(path)}
    used = {reasons.reason(*row) for row in drawn}

    assert [row for name in targets.TARGETS for row in reasons.reasons(name) if row not in used] == []


def test_every_beginning_that_a_reason_names_is_drawn() -> None:
    drawn = {(name, line.site.source, line.text.strip()) for path in SPECS for name, line in traced(path)}
    rows = [row for name in targets.TARGETS for row in reasons.reasons(name)]
    named = [(row.target, start) for row in rows for start in row.lines]

    assert [(t, start) for t, start in named if not any(n == t and s.startswith(start) for n, s, _ in drawn)] == []


def test_every_field_that_a_template_reads_says_what_decides_on_it() -> None:
    fields = {field for path in SPECS for _, line in traced(path) for field in (*line.fields, *line.conditions)}
    rows = {field: row_of(field) for field in fields}

    assert [field for field, row in rows.items() if row is None] == []
    assert {row.name for row in rows.values() if row} == set(reasons.fields())


# A field that is more than its row says, and why the row does not say it.
BESIDE_THE_POINT = {
    ("plan.has_steps", "run"): "decides on the place of lines, not on what they say",
    ("plan.build_secrets", "run"): "the step is named by its own field",
    ("plan.build_secrets", "indexes"): "an index is named by its own field",
    ("plan.base.former", "run"): "decides on the stage, not on the base",
    ("plan.base.former", "apt"): "decides on the stage, not on the base",
    ("plan.packages.installer", "run"): "decides on its stage, which has a row of its own",
    ("plan.code.generated", "platforms"): "the names of locks say it themselves",
    ("plan.code.copied_locks", "working_dir"): "where the lock lies is not why it is removed",
}


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_key_that_changes_a_field_is_named_by_its_row(path: Path) -> None:
    found = set()
    for sources in sources_of(path):
        causes = Causes(sources)
        for row in reasons.fields().values():
            field = tuple(row.name.split("."))
            value = tracing.value_at(causes.values, field)
            keys = (key for key in Settings.model_fields if causes.changes((key,), field, value))
            found |= {(row.name, key) for key in keys if key not in row.keys}

    assert found <= set(BESIDE_THE_POINT)


# The files that images share

Place = tuple[str | int, ...]


def places_of(path: Path) -> Iterator[tuple[str, Place, list[Causes]]]:
    """Yield the targets of all places of the files that the images of a spec share, and what decides on them."""
    for name in SHARED_TARGETS:
        target = targets.shared_target(name)
        file = dumped(tuple(sources_of(path)), name)
        for sheet in target.sheets(file.bundle):
            yield from ((name, place, list(file.causes)) for _, place in placed(sheet) if place)


def test_every_place_has_a_reason_and_every_reason_is_that_of_a_place() -> None:
    found = {(name, place) for path in SPECS for name, place, _ in places_of(path)}
    rows = {reasons.entry(*row) for row in found}

    assert None not in rows
    assert [row for name in SHARED_TARGETS for row in reasons.entries(name) if row not in rows] == []


def test_every_line_of_a_heading_has_a_reason_and_every_reason_is_that_of_a_line() -> None:
    files = [artifact for path in SPECS for artifact in artifacts_of(path, SHARED_TARGETS)]
    lines = {line for file in files for line in file.text.splitlines() if re.match("#.", line)}
    used = {row: line for line in lines if (row := reasons.reason(HEADING, line, line))}
    named = [start for row in reasons.reasons(HEADING) for start in row.lines]

    assert [line for line in lines if reasons.reason(HEADING, line, line) is None] == []
    assert set(used) == set(reasons.reasons(HEADING))
    assert [start for start in named if not any(line.startswith(start) for line in lines)] == []


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_key_that_changes_a_place_is_named_by_its_row(path: Path) -> None:
    found = set()
    for name, place, each in places_of(path):
        row = reasons.entry(name, place)
        assert row is not None
        if any(other.place.startswith(f"{row.place}.") for other in reasons.entries(name)):
            continue
        part = (name, *place[: row.length(place)])
        for causes in each:
            if (value := tracing.value_at(causes.values, part)) is not None:
                keys = (key for key in Settings.model_fields if causes.changes((key,), part, value))
                found |= {(name, row.place, key) for key in keys if key not in row.keys}

    # Ports decide on the kind of an object, and so on all of it.
    assert {row for row in found if (row[0], row[2]) != ("kubernetes", "ports")} == set()


def test_an_item_of_a_shared_file_points_at_its_own_line(written: Written) -> None:
    spec = "python: 3.12\ntargets: compose\nulimits:\n  memlock: -1\n  stack: 5\nmounts:\n  - ./a:/a\n  - ./b:/b\n"
    lines = lines_of(written(spec), "compose.yaml")

    assert places(lines["stack: 5"]) == [("ulimits.stack", 5)]
    assert places(lines["source: ./b"]) == [("mounts[1]", 8)]


def test_a_volume_points_at_every_image_that_uses_it(written: Written) -> None:
    spec = "python: 3.12\ntargets: compose\nimages:\n  a:\n    mounts: [vol:/a]\n  b:\n    mounts: [vol:/b]\n"
    lines = lines_of(written(spec), "compose.yaml")

    assert places(lines["name: vol"]) == [("images.a.mounts[0]", 5), ("images.b.mounts[0]", 7)]


# Where values come from


def test_an_item_points_at_its_own_line(written: Written) -> None:
    lines = lines_of(written("python: 3.12\napt:\n  - git\n  - ffmpeg\n"), "Dockerfile")

    assert (places(lines["ffmpeg"]), places(lines["git"])) == ([("apt[1]", 4)], [("apt[0]", 3)])


def test_a_value_that_follows_from_another_key_points_at_that_key(written: Written) -> None:
    lines = lines_of(written("python: 3.12\naccelerator: cuda12.8\n"), "run.sh")

    assert places(lines["--gpus all"]) == [("accelerator", 2)]


def test_an_inherited_value_points_at_the_level_that_says_it(written: Written) -> None:
    spec = "python: 3.12\nmounts: [./data:/data]\nimages:\n  train:\n    mounts:\n      - ...\n      - ./out:/out\n"
    lines = lines_of(written(spec), "train.run.sh")

    assert places(lines["provide ./data"]) == [("mounts[0]", 2)]
    assert places(lines["provide ./out"]) == [("images.train.mounts[1]", 7)]


def test_a_merged_value_points_at_its_anchor(written: Written) -> None:
    spec = "x-shared: &shared\n  environment:\n    MODE: fast\npython: 3.12\n<<: *shared\n"

    assert places(lines_of(written(spec), "Dockerfile")["MODE=fast"]) == [("environment.MODE", 3)]


def test_a_variable_in_a_list_points_at_its_item(written: Written) -> None:
    lines = lines_of(written("python: 3.12\nenvironment:\n  - A=1\n  - B=2\n"), "Dockerfile")

    assert places(lines["B=2"]) == [("environment[1]", 4)]


def test_the_port_of_a_health_check_still_points_at_its_line(written: Written) -> None:
    lines = lines_of(written('python: 3.12\nports: ["8000:8000"]\nhealthcheck: /healthz\n'), "Dockerfile")

    assert places(lines["EXPOSE 8000/tcp"]) == [("ports[0]", 2)]


def test_what_was_not_written_is_a_default(written: Written) -> None:
    (origin,) = lines_of(written("python: 3.12\n"), "Dockerfile")["USER 1000:1000"].origins

    assert (origin.kind, origin.text) == ("default", "user: 1000:1000")


def test_what_no_spec_decides_is_a_rule(written: Written) -> None:
    (origin,) = lines_of(written("python: 3.12\n"), "Dockerfile")["ENV PYTHONUNBUFFERED=1"].origins

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


def test_shows_what_it_showed_of_a_locked_spec(project: Path, text_snapshot: SnapshotAssertion) -> None:
    assert run("--image", "train").stdout == text_snapshot


@pytest.mark.parametrize("name", ["steps", "secrets"])
def test_shows_what_it_showed_without_a_lock(
    name: str, monkeypatch: pytest.MonkeyPatch, text_snapshot: SnapshotAssertion
) -> None:
    monkeypatch.chdir(HERE / "specs")

    assert run(f"{name}.yaml", "--target", "dockerfile", "--target", "run").stdout == text_snapshot


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
        "why": "Tells which port the program listens on; the run script publishes it.",
    }


def explained(*words: str) -> list[tuple[str, list[int]]]:
    """Return which lines of which artifacts the command tells of."""
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
            "'docker' is not one of 'dockerfile', 'ignore', 'run', 'compose', 'kubernetes', 'lock'",
        ),
        (["--image", "sreve"], 1, "did you mean serve?"),
        (["serve.run.sh:900"], 2, "serve.run.sh has 38 lines"),
        (["mlspec.yaml:1"], 2, "nothing comes from mlspec.yaml:1"),
        (["nonsense"], 2, "there is no spec, no generated file and no code nonsense; mlspec.yaml makes: "),
        (["mlspec.yaml", "MLS101"], 2, "MLS101 is a code, and the others are not"),
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
