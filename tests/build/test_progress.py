"""Tests of the progress of a build, with recorded streams of a real engine, ``streams/*.jsonl``."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from mlspec.build import view
from mlspec.build.dockerfile import instructions
from mlspec.build.failed_step import FailedStep, FailureContext, find_failed_step, problem_of
from mlspec.build.steps import Step, short_reference, step_of
from mlspec.build.stream import MOST_OUTPUT, BuildState, advance, mark_success, read_stream
from mlspec.build.view import ScreenLine, State
from mlspec.cli.build_screen import _Screen, watching
from mlspec.errors import Problem, Span
from mlspec.host.engine import image_build
from mlspec.lock.requirements.requirement_types import Requirement, Requirements
from mlspec.plan.packages import LayerPlan
from mlspec.spec.place import Place
from tests.build.streams import record, source
from tests.support.golden import Golden

STREAMS = Path(record.__file__).parent
SHOWN = Path(__file__).parent / "shown"
NAMES = sorted(path.stem for path in STREAMS.glob("*.jsonl"))
FAILING = sorted(record.EDITS)


def stream(name: str) -> list[bytes]:
    return (STREAMS / f"{name}.jsonl").read_bytes().splitlines(keepends=True)


def lock_of(name: str) -> str:
    return record.edited(name).get("requirements.lock", "")


def source_of(name: str, text: str = "") -> FailureContext:
    spec, plan = record.read(text or record.edited(name)["mlspec.yaml"])
    # The Dockerfile of the recording: the lines of a new one may differ.
    dockerfile = "" if text else (STREAMS / f"{name}.Dockerfile").read_text(encoding="utf-8")
    return source.source_of(spec, plan, lock_of(name), dockerfile)


def steps_for(name: str) -> tuple[Step, ...]:
    return source.steps_for(source_of(name), lock_of(name))


def shown(name: str) -> Iterator[str]:
    """Yield the plain lines of a recorded build, in the order of the build."""
    build, states, steps = BuildState(), dict[Step, State](), steps_for(name)
    for line in stream(name):
        build = advance(build, line)
        rows = view.rows(build, steps, build.latest)
        yield from view.new_lines(states, rows)
        states = view.states(states, rows)


# The stream


def message(**rows: Any) -> bytes:  # noqa: ANN401
    return json.dumps(rows).encode() + b"\n"


def log(text: bytes, vertex: str = "v") -> bytes:
    return message(logs=[{"vertex": vertex, "data": base64.b64encode(text).decode()}])


@given(st.lists(st.binary(max_size=80)))
def test_no_line_stops_the_reading(lines: list[bytes]) -> None:
    assert isinstance(read_stream(lines), BuildState)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("digest", "vertex", "name", "started", "completed", "cached", "error", "id", "current", "total", "data")


@given(
    st.sampled_from(["vertexes", "statuses", "logs", "warnings", "other"]),
    JSON | st.lists(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=5), max_size=3),
)
def test_no_message_of_another_shape_stops_the_reading(kind: str, value: object) -> None:
    build = read_stream([message(**{kind: value})])

    assert view.rows(build, (), 0.0) is not None


def test_a_message_that_was_cut_off_is_passed_over() -> None:
    lines = stream("cold")
    cut = read_stream([*lines, lines[-1][:60]])

    assert cut == read_stream(lines)


def test_what_is_no_message_is_what_the_client_says() -> None:
    assert read_stream([b"ERROR: no\r\n", b"\n"]).said == ("ERROR: no",)


def test_output_comes_in_pieces_that_break_anywhere() -> None:
    text = "größer\ndone é\nand".encode()
    build = BuildState()
    for index in range(len(text)):
        build = advance(build, log(text[index : index + 1]))

    assert build.vertexes["v"].output == ("größer", "done é", "and")


def test_output_is_what_a_terminal_shows_in_the_end() -> None:
    build = read_stream([log(b" 10%\r 20%\r\x1b[31mdone\x1b[0m\x07\r\n")])

    assert build.vertexes["v"].output == ("done?",)


def test_only_the_end_of_much_output_is_kept() -> None:
    build = read_stream([log(b"%d\n" % number) for number in range(MOST_OUTPUT + 50)])

    assert len(build.vertexes["v"].output) == MOST_OUTPUT
    assert build.vertexes["v"].said_since(MOST_OUTPUT + 48) == ("448", "449")


def test_seconds_of_a_vertex_that_begins_anew_are_added_up() -> None:
    def told(started: int, completed: int) -> bytes:
        times = {"started": f"2026-01-02T03:04:{started:02}Z", "completed": f"2026-01-02T03:04:{completed:02}.5Z"}
        return message(vertexes=[{"digest": "v", "name": "x", **times}])

    assert read_stream([told(1, 2), told(10, 12)]).vertexes["v"].seconds(0) == 4.0


@pytest.mark.parametrize(
    "time", ["2026-01-02T03:04:05.5Z", "2026-01-02T03:04:05.500000000Z", "2026-01-02T05:04:05.5+02:00"]
)
def test_times_are_those_that_go_writes(time: str) -> None:
    assert read_stream([message(vertexes=[{"digest": "v", "started": time}])]).latest == 1767323045.5


def test_the_digest_of_the_image_is_known() -> None:
    assert re.fullmatch("sha256:[0-9a-f]{64}", read_stream(stream("cached")).image_id)


# The steps


@pytest.mark.parametrize("name", NAMES)
def test_every_instruction_that_buildkit_works_for_is_a_step_of_the_plan(name: str) -> None:
    steps = steps_for(name)
    vertexes = [vertex.name for vertex in read_stream(stream(name)).vertexes.values()]
    unknown = [vertex for vertex in vertexes if not vertex.startswith(("[internal]", "exporting"))]

    assert [vertex for vertex in unknown if step_of(vertex, steps) not in steps] == []


def test_a_step_knows_its_line_of_the_dockerfile() -> None:
    dockerfile = source_of("cold").dockerfile.split("\n")

    assert {dockerfile[step.line - 1].split()[0] for step in steps_for("cold")} == {"FROM", "RUN", "COPY", "WORKDIR"}
    assert all(dockerfile[step.line - 1].startswith(step.keyword) for step in steps_for("cold"))


def test_steps_of_the_user_are_found_in_whatever_order_the_dockerfile_has_them() -> None:
    found = {step.path[1]: step.label for step in steps_for("cold") if step.kind == "run"}

    assert found == {
        0: "your step: jq --version",
        1: "your step: python -c 'import six' …",
        2: "your step: test -e main.py",
    }


@pytest.mark.parametrize(
    ("vertex", "label"),
    [
        ("[linux/arm64 code 2/3] RUN --mount=type=bind", "the code"),
        ("[linux/amd64->arm64 code 2/3] RUN --mount=type=bind", "the code"),
        ("[code 2/3] COPY something of another Dockerfile", "COPY something of another Dockerfile"),
        ("[internal] load metadata for docker.io/library/python:3.12@sha256:00", "base image python:3.12"),
        ("[auth] library/python:pull token for registry-1.docker.io", "logging in to the registry"),
        ("exporting to oci image format", "exporting"),
        ("something new", "something new"),
    ],
)
def test_a_vertex_has_a_name_in_any_case(vertex: str, label: str) -> None:
    assert step_of(vertex, steps_for("cold")).label.startswith(label)


@pytest.mark.parametrize(
    ("pins", "label"),
    [
        ("torch==2.9.0\n    # 532.0 MB\n", "requirements: torch (532.0 MB)"),
        ("a==1\n    # 1.0 kB\nb==1\n    # 1.0 kB\n", "requirements: a, b (2.0 kB)"),
        ("".join(f"p{n}==1\n    # 100.0 kB\n" for n in range(14)), "requirements: 14 small packages (1.4 MB)"),
        ("a==1\n    # 9.0 kB, from source\n", "requirements: a, from source (9.0 kB)"),
    ],
)
def test_a_layer_is_called_by_what_is_in_it(pins: str, label: str) -> None:
    spec, plan = record.read(record.edited("cold")["mlspec.yaml"])
    layers = (LayerPlan(name="small_wheels", stage="layer-small_wheels"),)
    plan = dataclasses.replace(plan, packages=dataclasses.replace(plan.packages, layers=layers))
    labels = [
        step.label for step in source.steps_for(source.source_of(spec, plan, ""), f"# layer small_wheels\n{pins}")
    ]

    assert label in labels


def test_instructions_are_counted_as_buildkit_does() -> None:
    text = (
        "# RUN no\nFROM a:1 AS one\nENV X=1\nRUN <<'A' <<B\nRUN no\nA\nB\nRUN x \\\n  # no\n\n  && y\n"
        "FROM one\nCOPY . .\nFROM scratch\nADD a /\n"
    )

    assert [(i.stage, i.number, i.keyword, i.line) for i in instructions(text) if i.number] == [
        ("one", 1, "FROM", 2),
        ("one", 2, "RUN", 4),
        ("one", 3, "RUN", 8),
        ("stage-1", 1, "COPY", 13),
        ("stage-2", 1, "ADD", 15),
    ]


@pytest.mark.parametrize(
    ("reference", "short"),
    [
        ("docker.io/library/python:3.12@sha256:00", "python:3.12"),
        ("python", "python"),
        ("docker.io/me/x:1", "me/x:1"),
        ("host:5000/library/x", "host:5000/library/x"),
    ],
)
def test_references_are_shown_as_people_write_them(reference: str, short: str) -> None:
    assert short_reference(reference) == short


# The shown rows


@pytest.mark.parametrize("name", NAMES)
def test_shows_a_line_when_a_step_begins_and_one_when_it_ends(name: str, golden: Golden) -> None:
    lines = list(shown(name))

    assert len(lines) == len(set(lines))
    assert "".join(f"{line}\n" for line in lines) == golden(STREAMS / f"{name}.lines.txt")


@pytest.mark.parametrize("name", ["cold", "cached", "shared"])
def test_the_facts_of_a_build_are_kept(name: str, golden: Golden) -> None:
    facts = view.facts(read_stream(stream(name)), steps_for(name), "streams")
    rows = (
        f"{'cached' if step.cached else 'built':7}{step.seconds:6.1f} s {step.moved:6} B  {step.label}\n"
        for step in facts.steps
    )

    assert f"{view.summary(facts)}\n{''.join(rows)}" == golden(STREAMS / f"{name}.facts.txt")


def test_a_step_that_another_build_makes_is_not_canceled() -> None:
    build = read_stream(stream("shared"))

    assert any("context canceled" in vertex.error for vertex in build.vertexes.values())
    assert {row.state for row in view.rows(build, steps_for("shared"), build.latest)} == {"cached", "done"}


def test_in_a_build_that_succeeded_no_step_is_left_waiting() -> None:
    began = {"started": "2026-01-02T03:04:05Z"}
    told = [{"digest": "a", "name": "[a 1/2] COPY a"}, {"digest": "b", "name": "[a 2/2] RUN b", **began}]
    build = read_stream([message(vertexes=told)])

    def states(build: BuildState) -> dict[str, State]:
        return {row.step.label: row.state for row in view.rows(build, (), build.latest)}

    assert states(build) == {"COPY a": "waiting", "RUN b": "running"}
    assert states(mark_success(build)) == {"COPY a": "cached", "RUN b": "done"}


@pytest.mark.parametrize("name", ["cold", "cached"])
def test_a_success_changes_nothing_of_a_build_that_shared_no_step(name: str) -> None:
    build, steps = read_stream(stream(name)), steps_for(name)

    assert view.facts(mark_success(build), steps, "streams") == view.facts(build, steps, "streams")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (59.94, "59.9 s"), (59.96, "1 min 00 s"), (125, "2 min 05 s"), (3725, "1 h 02 min")],
)
def test_lengths_of_time_are_as_people_say_them(seconds: float, text: str) -> None:
    assert view.format_seconds(seconds) == text


def test_a_download_shows_how_far_it_is() -> None:
    told = {"digest": "v", "name": "[python 1/1] FROM python", "started": "2026-01-02T03:04:05Z"}
    statuses = [
        {"vertex": "v", "id": "sha256:aa", "current": 1_000_000, "total": 4_000_000},
        {"vertex": "v", "id": "extracting sha256:aa", "current": 5, "total": 9},
    ]
    build = read_stream([message(vertexes=[told], statuses=statuses)])
    (line,) = view.running_lines(view.rows(build, (), build.latest + 2), 9)

    assert line.measure == "2.0 s, 1.0 MB of 4.0 MB"


def test_more_steps_than_there_is_room_for_are_counted() -> None:
    began = {"started": "2026-01-02T03:04:05Z"}
    told = [{"digest": str(n), "name": f"[s 1/9] RUN {n}", **began} for n in range(5)]
    rows = view.rows(read_stream([message(vertexes=told)]), (), 0)

    assert [line.label for line in view.running_lines(rows, 3)] == ["RUN 3", "RUN 4", "and 3 more"]


# A terminal

LONG = ScreenLine("running", "your step: " + "日本語 ünïcode " * 20, "2 min 05 s, 1.0 MB of 2.0 MB", "saying " * 30)


def screen(width: int, encoding: str = "utf-8") -> tuple[_Screen, io.TextIOWrapper]:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace")
    console = Console(file=file, width=width, height=10, force_terminal=True, color_system=None, highlight=False)
    return _Screen(console, steps_for("cold"), "streams"), file


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_line_fits_the_width_and_keeps_its_measure(width: int) -> None:
    drawn, _ = screen(width)
    text = drawn._line(LONG)

    assert cell_len(text.plain) <= width
    assert LONG.measure in text.plain


def test_a_terminal_without_unicode_gets_ascii_marks() -> None:
    drawn, _ = screen(80, "ascii")

    assert drawn._line(ScreenLine("done", "apt: tree", "3.4 s")).plain == "+ apt: tree  3.4 s"


@pytest.mark.parametrize("width", [30, 90])
@pytest.mark.parametrize(("when", "part"), [("halfway", 0.5), ("end", 1.0)], ids=["halfway", "end"])
def test_the_screen_shows_what_ended_and_what_is_at_work(
    width: int, when: str, part: float, golden: Golden, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlspec.cli.build_screen.time.monotonic", lambda: 100.0)
    drawn, file = screen(width)
    lines, build = stream("cold"), BuildState()
    for line in lines[: int(len(lines) * part)]:
        build = advance(build, line)
        drawn(build, line)
    drawn._console.print(drawn.draw())
    file.seek(0)

    assert file.read() == golden(STREAMS / f"cold.{when}-{width}.txt")


# Failures


def test_says_what_failed_where_and_what_to_do(golden: Golden) -> None:
    told = []
    for name in FAILING:
        failure = find_failed_step(read_stream(stream(name)), steps_for(name))
        told += [
            f"{name}",
            *(f"  | {line}".rstrip() for line in failure.tail),
            str(problem_of(failure, source_of(name))),
            "",
        ]

    assert "\n".join(told) == golden(SHOWN / "failures.txt")


def test_of_steps_that_were_canceled_with_the_failing_one_none_is_blamed() -> None:
    ended = {"started": "2026-01-02T03:04:05Z", "completed": "2026-01-02T03:04:06Z"}
    told = [
        {"digest": "a", "name": "[a 1/1] RUN a", "error": "process a did not complete: context canceled", **ended},
        {"digest": "b", "name": "[b 1/1] RUN b", "error": "process b failed: exit code: 2", **ended},
    ]

    assert find_failed_step(read_stream([message(vertexes=told)]), ()).step.label == "RUN b"


def test_a_build_cache_that_does_not_exist_is_named_and_is_no_failure() -> None:
    ended = {"started": "2026-01-02T03:04:05Z", "completed": "2026-01-02T03:04:06Z"}
    why = "failed to configure registry cache importer: r.example/c: not found"
    absent = {"digest": "a", "name": "importing cache manifest from r.example/c", "error": why, **ended}
    failed = {"digest": "b", "name": "[b 1/1] RUN b", "error": "process b failed: exit code: 2", **ended}
    build = read_stream([message(vertexes=[absent, failed])])

    assert find_failed_step(build, ()).step.label == "RUN b"
    assert list(view.new_lines({}, view.rows(build, (), build.latest)))[1] == (
        "missing  the build cache r.example/c (r.example/c: not found)"
    )


SPEC = 'python: 3.12\nbase: registry.example/x:1\napt: [tree, libgl]\nrequirements: [six, idna]\nrun: ["true"]\n'


def told(kind: str, output: str, error: str = "exit code: 1") -> Problem:
    steps = {
        "apt": Step(kind="apt", label="apt: tree, libgl", path=("apt",)),
        "run": Step(kind="run", label="your step: true", path=("run", 0)),
        "requirements": Step(kind="requirements", label="requirements: six", path=("requirements",), packages=("six",)),
        "base": Step(kind="base", label="base image", path=("base",)),
        "copy": Step(kind="copy", label="copy", line=4),
    }
    failure = FailedStep(step=steps[kind], output=tuple(output.split("\n")), error=error, line=4)
    return problem_of(failure, source_of("cold", SPEC))


# Output of apt, uv, pip, git, compilers and BuildKit in real builds, and the problem for each.
CAUSES: Mapping[str, tuple[str, str, str, str, str]] = {
    "no package": ("apt", "E: Unable to locate package libgl", "", "MLS521", "3:13"),
    "no candidate": ("apt", "E: Package 'libgl' has no installation candidate", "", "MLS521", "3:13"),
    "apt without names": (
        "apt",
        "  Temporary failure resolving 'deb.debian.org'\nE: Unable to locate package tree",
        "",
        "MLS526",
        "3:6",
    ),
    "no wheel": (
        "requirements",
        "  cause: Because six==2.8.0 has no wheels with a matching Python ABI tag (e.g., `cp312`)",
        "",
        "MLS522",
        "4:16",
    ),
    "pip finds nothing": ("run", "ERROR: No matching distribution found for six", "", "MLS522", "5:7"),
    "hash": ("requirements", "  cause: Hash mismatch for `six==1.17.0`", "", "MLS523", "4:16"),
    "no gcc": ("requirements", "    error: [Errno 2] No such file or directory: 'gcc'", "", "MLS524", "4:16"),
    "gcc failed to start": (
        "requirements",
        "error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory",
        "",
        "MLS524",
        "4:16",
    ),
    "cmake": ("run", "/bin/sh: 1: cmake: not found", "exit code: 127", "MLS524", "5:7"),
    "header": ("requirements", "x.c:4:10: fatal error: portaudio.h: No such file or directory", "", "MLS524", "4:16"),
    "full": ("run", "head: error writing 'standard output': No space left on device", "", "MLS525", "5:7"),
    "urllib": (
        "run",
        "urllib.error.URLError: <urlopen error [Errno -2] Name or service not known>",
        "",
        "MLS526",
        "5:7",
    ),
    "git without names": (
        "run",
        "fatal: unable to access 'https://n/': Could not resolve host: git.example",
        "",
        "MLS526",
        "5:7",
    ),
    "registry without names": (
        "base",
        "",
        "dial tcp: lookup registry.example on 10.0.0.2:53: no such host",
        "MLS526",
        "2:7",
    ),
    "proxy": ("run", "OSError('Tunnel connection failed: 407 Proxy Authentication Required')", "", "MLS527", "5:7"),
    "certificate": (
        "run",
        "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed",
        "",
        "MLS528",
        "5:7",
    ),
    "registry's certificate": (
        "base",
        "",
        "tls: failed to verify certificate: x509: certificate signed by unknown authority",
        "MLS528",
        "2:7",
    ),
    "no git": ("run", "/bin/sh: 1: git: not found", "exit code: 127", "MLS529", "5:7"),
    "no uv": ("run", "/bin/sh: 1: uv: not found", "exit code: 127", "MLS529", "5:7"),
    "bash's words": ("run", "bash: line 1: wget: command not found", "exit code: 127", "MLS529", "5:7"),
    "key": ("run", "git@git.example: Permission denied (publickey).", "exit code: 128", "MLS530", "5:7"),
    "agent": ("run", "", "unset ssh forward key default", "MLS530", "5:7"),
    "secret": ("run", "", "secret HF_TOKEN: not found", "MLS531", "5:7"),
    "memory": ("run", "Killed", "process did not complete successfully: exit code: 137", "MLS532", "5:7"),
    "no file": (
        "copy",
        "",
        'failed to calculate checksum of ref a::b: "/requirements.lock": not found',
        "MLS533",
        "4:1",
    ),
    "no image": ("base", "", "docker.io/library/nosuchimage:9.9: not found", "MLS534", "2:7"),
    "denied": (
        "base",
        "",
        "pull access denied, repository does not exist or may require authorization",
        "MLS534",
        "2:7",
    ),
    "limit": (
        "base",
        "",
        "429 Too Many Requests - toomanyrequests: You have reached your pull rate limit",
        "MLS535",
        "2:7",
    ),
    "processor": ("run", "exec /bin/sh: exec format error", "exit code: 255", "MLS536", "5:7"),
    "no such platform": ("base", "", "no match for platform in manifest: not found", "MLS536", "2:7"),
    "index": ("requirements", "HTTP status client error (401 Unauthorized) for url", "", "MLS537", "4:16"),
    "engine": ("run", "", "rpc error: code = Unavailable desc = error reading from server: EOF", "MLS538", "5:7"),
    "a name in Latin-1": (
        "copy",
        "",
        "rpc error: code = Internal desc = grpc: failed to unmarshal: string field contains invalid UTF-8",
        "MLS687",
        "4:1",
    ),
    "unknown": ("run", "the words", "exit code: 3", "MLS520", "5:7"),
    "compiler complains": ("requirements", "error: command 'gcc' failed with exit code 1", "", "MLS520", "4:16"),
}


@pytest.mark.parametrize(("kind", "output", "error", "code", "place"), CAUSES.values(), ids=CAUSES)
def test_recognises_a_cause(kind: str, output: str, error: str, code: str, place: str) -> None:
    problem = told(kind, output, error or "exit code: 1")

    assert problem.span
    assert (problem.code, f"{problem.span.line}:{problem.span.column}") == (code, place)


def test_what_is_told_of_each_cause(golden: Golden) -> None:
    texts = (
        f"{name}\n{told(kind, output, error or 'exit code: 1')}\n" for name, (kind, output, error, *_) in CAUSES.items()
    )

    assert "\n".join(texts) == golden(SHOWN / "causes.txt")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("libgl1-mesa-glx", "its name there is libgl1: apt: [libgl1]"),
        ("ffmpegg", "did you mean ffmpeg?"),
        ("zq-mystery", "search for its name there: docker run"),
    ],
)
def test_a_debian_package_that_is_not_there_is_guessed(name: str, hint: str) -> None:
    problem = told("apt", f"E: Unable to locate package {name}")

    assert problem.hint.startswith(hint)


def test_all_packages_that_debian_lacks_are_named_with_their_hints() -> None:
    lines = ("libgl1-mesa-glx", "ffmpegg", "zq-mystery", "ffmpegg")

    problem = told("apt", "\n".join(f"E: Unable to locate package {name}" for name in lines))

    assert problem.message.endswith('has no package "libgl1-mesa-glx", nor "ffmpegg", "zq-mystery"')
    assert problem.hint.split("\n") == ["its name there is libgl1: apt: [libgl1]", "ffmpegg: did you mean ffmpeg?"]


def test_every_cause_is_met() -> None:
    from mlspec.build.failure_causes import CAUSES as ROWS

    assert {row.code for row in ROWS} == {code for *_, code, _ in CAUSES.values()} - {"MLS520"}


# A buildx without streams


def fake_docker(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    fake = folder / "docker"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for docker is a shell script")
def test_a_buildx_that_refuses_to_stream_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_docker(tmp_path, monkeypatch, "echo 'ERROR: invalid progress mode rawjson' >&2; exit 1")
    code, build = image_build.follow(["docker"], tmp_path, lambda build, line: None)

    assert (code, build.knows_no_stream, build.is_plain) == (1, True, False)


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for docker is a shell script")
def test_a_buildx_that_writes_its_plain_log_instead_is_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    fake_docker(tmp_path, monkeypatch, "echo '#1 [internal] load' >&2; echo '#1 DONE 0.0s' >&2")
    with watching("auto", (), "streams") as watch:
        image_build.follow(["docker"], tmp_path, watch)

    assert capfd.readouterr().err == "#1 [internal] load\n#1 DONE 0.0s\n"


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for docker is a shell script")
def test_a_watch_that_fails_ends_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(build: BuildState, line: bytes) -> None:
        raise BrokenPipeError

    fake_docker(tmp_path, monkeypatch, "echo '#1' >&2; exec sleep 60")
    with pytest.raises(BrokenPipeError):
        image_build.follow(["docker"], tmp_path, fail)


@pytest.mark.parametrize(("file", "place"), [("", "the spec"), ("r.txt", "r.txt:3")])
def test_a_file_that_is_not_the_one_of_the_users_own_hash_is_no_fault_of_the_index(file: str, place: str) -> None:
    failure = FailedStep(
        step=Step(kind="requirements", label="requirements: six", path=("requirements",), packages=("six",)),
        output=("  cause: Hash mismatch for `six==1.17.0`",),
        error="exit code: 1",
    )
    of = source_of("cold", SPEC)
    where = Place(
        path=("requirements", 0),
        file=file,
        span=Span(3, 1, 3, 12) if file else None,
        excerpt="six==1.17.0",
        document=of.document,
    )
    six = Requirement(text="six==1.17.0", name="six", kind="index", hashes=(f"sha256:{'0' * 64}",), place=where)
    of = replace(of, subject=replace(of.subject, requirements=Requirements(requirements=(six,))))

    problem = problem_of(failure, of)

    assert (
        problem.message == f"the file of six 1.17.0 is not the one that was locked: {place} has hashes of other files"
    )
    assert "mlspec lock -P" not in problem.hint
    assert problem.file == (file or "mlspec.yaml")
