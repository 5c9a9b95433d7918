"""Tests of bad specs, ``bad/NAME.yaml``, and of their messages, ``bad/NAME.txt``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import mlspec
from mlspec.errors import SpecError
from mlspec.spec.document import parse
from mlspec.spec.encoding import MAX_BYTES, decode
from mlspec.spec.spec import Spec, validate
from tests.support import places
from tests.support.golden import Golden
from tests.support.places import bad_specs

BAD = bad_specs()
GENERATED = {
    "large": b"# a comment\n" * 900_000,
    "deep": b"x: " + b"[" * 100_000,
    "deep in blocks": b"".join(b" " * n + b"a:\n" for n in range(400)),
    "billion laughs": b"x-0: &a0 [lol]\n"
    + b"".join(b"x-%d: &a%d [%s]\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 30)),
    "billion merges": b"x-0: &a0 {a: b}\n"
    + b"".join(b"x-%d: &a%d {k: *a%d, l: *a%d}\n" % (n, n, n - 1, n - 1) for n in range(1, 40)),
    "many values": b"x: [" + b"1," * 100_000 + b"]",
    "many keys": b"".join(b"k%d: 1\n" % n for n in range(20_001)),
}


def read(data: bytes, file: str) -> Spec:
    return validate(parse(decode(data, file), file))


def said_of(data: bytes, file: str) -> SpecError:
    with pytest.raises(SpecError) as caught:
        read(data, file)
    return caught.value


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_says_what_is_wrong_and_where(path: Path, golden: Golden) -> None:
    assert f"{said_of(path.read_bytes(), path.name)}\n" == golden(path.with_suffix(".txt"))


def test_no_text_is_left_over() -> None:
    assert {path.stem for path in places.BAD.glob("*.txt")} == {path.stem for path in BAD}


def test_problems_stand_in_the_order_of_the_file_and_once() -> None:
    for path in BAD:
        problems = said_of(path.read_bytes(), path.name).problems

        assert len(set(problems)) == len(problems), path
        assert [p.span for p in problems if p.span] == sorted(p.span for p in problems if p.span), path
        assert all(problem.hint for problem in problems), path


@pytest.mark.parametrize("data", GENERATED.values(), ids=GENERATED)
def test_stops_at_what_is_too_much(data: bytes) -> None:
    (problem,) = said_of(data, "mlspec.yaml").problems

    assert problem.code == ("MLS001" if len(data) > MAX_BYTES else "MLS006")


def test_never_shows_a_secret() -> None:
    secret = "hunter2"
    texts = (
        f"python: 3.12\nenvironment: {{HF_TOKEN: {secret}}}",
        f"python: 3.12\nenvironment: [HF_TOKEN={secret}]",
        f"python: 3.12\nsecrets: {{HF_TOKEN: {secret}}}",
        f"python: 3.12\nsecrets: [HF_TOKEN={secret}]",
        f"python: 3.12\nindexes: [{{url: 'https://me:{secret}@host/simple', packages: [a]}}]",
    )

    said = [str(said_of(text.encode(), "mlspec.yaml")) for text in texts]

    assert not [text for text in said if secret in text]


def test_every_code_is_met_by_a_bad_spec() -> None:
    folder = Path(mlspec.__file__).parent
    known = {
        code
        for module in ("document", "syntax/*", "parts", "settings", "diagnosis", "levels", "spec")
        for path in folder.glob(f"{module}.py")
        for code in re.findall(r"MLS\d{3}", path.read_text(encoding="utf-8"))
    }
    met = {problem.code for path in BAD for problem in said_of(path.read_bytes(), path.name).problems}
    met |= {problem.code for data in GENERATED.values() for problem in said_of(data, "mlspec.yaml").problems}

    assert known - met == set()
