"""Tests of ``mlspec check --fix``: unambiguous repairs in the file, which leave all other text unchanged."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from mlspec.cli.check import check
from mlspec.errors import Add, Edit, KeyPath, Problem, Rename, Repair, Replace, SetKey, Span, SpecError, Split
from mlspec.spec import fixes
from mlspec.spec.document import Document, parse
from mlspec.spec.edits import apply_edits
from mlspec.spec.encoding import decode
from mlspec.text import slip
from tests.advice.lint.test_rules import found, write
from tests.support.places import BAD, WARNED, bad_specs

WRITTEN = [*bad_specs(), *sorted(WARNED.glob("*.yaml"))]


def documents() -> dict[str, Document]:
    """Return the bad specs and the specs with warnings, if they are valid YAML."""
    parsed = {}
    for path in WRITTEN:
        with contextlib.suppress(SpecError):
            parsed[f"{path.parent.name}/{path.stem}"] = parse(decode(path.read_bytes(), path.name), path.name)
    return parsed


SPECS = documents()


def looking(folder: Path) -> Callable[[Document], list[Problem]]:
    """Return a function that finds all problems of a document, as in the tests of bad specs and of warnings."""

    def look(document: Document) -> list[Problem]:
        try:
            return found(document.text, folder, document.file)
        except SpecError as error:
            return list(error.problems)

    return look


def mended(text: str, *wanted: Repair) -> str:
    """Return a text after the repairs of one problem."""
    document = parse(text, "mlspec.yaml")
    problem = Problem(code="MLS101", message="this is wrong", repairs=wanted)
    (problem,) = fixes.add_edits(document, [problem])
    return apply_edits(text, problem.edits)


def comments(text: str) -> list[str]:
    return re.findall(r"(?<!\S)#.*", text)


# Every spec with a problem or a warning


@pytest.mark.parametrize("document", SPECS.values(), ids=SPECS)
def test_a_repaired_spec_is_still_yaml_with_its_comments_and_is_not_repaired_again(
    document: Document, tmp_path: Path
) -> None:
    once = fixes.fix_all(document, looking(tmp_path))
    twice = fixes.fix_all(parse(once.document.text, document.file), looking(tmp_path))

    assert not twice.rounds
    assert comments(once.document.text) == comments(document.text)
    assert not [problem for problem in once.problems if problem.edits]


def test_what_is_wrong_is_repaired_where_one_thing_can_be_meant(tmp_path: Path) -> None:
    text = (BAD / "values-are-misspelt.yaml").read_text(encoding="utf-8")

    settled = fixes.fix_all(parse(text, "mlspec.yaml"), looking(tmp_path))

    assert settled.document.text == text.replace("cdua", "cuda").replace("3min", "3m").replace(
        "memlok", "memlock"
    ).replace("nvidia", "cuda").replace("5 minutes", "5m")


GUESSES = {
    "which GPU's": "python: 3.12\naccelerator: gpu\n",
    "which of the Pythons": 'python: ">=3.10"\n',
    "the unit": "python: 3.12\nstop_grace_period: 30\n",
    "pip's or Debian's": "python: 3.12\npackages: [git]\n",
    "a name": "python: 3.12\nname: My Project\n",
    "a version of CUDA": "python: 3.12\ncuda: 12.4\n",
    "a variable that a program reads": "python: 3.12\nenvironment: {my-var: a}\n",
    "a word that is far from all": "python: 3.12\nbananas: 1\n",
    "the command of apt-get": "python: 3.12\napt: [apt-get install git]\n",
    "conda's version": "python: 3.12\nrequirements: [numpy=2.1]\n",
    "one package or two": "python: 3.12\nrequirements: [scikit learn, pip install numpy]\n",
    "a digit": "python: 3.12\naccelerator: cuda\ngpu_models: [rtx5099]\n",
}


@pytest.mark.parametrize("text", GUESSES.values(), ids=GUESSES)
def test_a_guess_is_no_repair(text: str, tmp_path: Path) -> None:
    settled = fixes.fix_all(parse(text, "mlspec.yaml"), looking(tmp_path))

    assert settled.problems
    assert settled.document.text == text


# The places of edits


KEYS = {
    "below its predecessor": ("python: 3.12\nrequirements: [a]\n\n# run\nentrypoint: b\n", 3),
    "behind a list in a block": ("python: 3.12\nrequirements:\n  - a  # why\nentrypoint: b\n", 4),
    "at the end": ("python: 3.12\nrequirements:\n- a\n", 4),
    "at the end of a text that has none": ("python: 3.12", 2),
    "above a comment of the next key": ("python: 3.12\n# of b\nentrypoint: b\n", 2),
}


@pytest.mark.parametrize(("text", "line"), KEYS.values(), ids=KEYS)
def test_a_new_key_stands_where_a_person_would_write_it(text: str, line: int) -> None:
    changed = mended(text, Add(("apt",), ("libgl1", "git"))).split("\n")

    assert changed.pop(line - 1) == "apt: [libgl1, git]"
    assert "\n".join(changed) == text


LISTS = {
    "apt: [git]  # why": "apt: [git, curl]  # why",
    "apt: [ git, ]": "apt: [ git, curl, ]",
    "apt: [\n  git,  # why\n]": "apt: [\n  git, curl,  # why\n]",
    "apt: git  # why": "apt: [git, curl]  # why",
    "apt:  # why": "apt: [curl]  # why",
    "apt: ~": "apt: [curl]",
    "apt: []": "apt: [curl]",
    "apt:\n- git  # why": "apt:\n- git  # why\n- curl",
    'apt:\n  - "git"\n  # the end': 'apt:\n  - "git"\n  - curl\n  # the end',
}


@pytest.mark.parametrize(("before", "after"), LISTS.items(), ids=LISTS)
def test_an_entry_is_added_in_the_style_of_the_list(before: str, after: str) -> None:
    assert mended(f"python: 3.12\n{before}\nuser: 1:1\n", Add(("apt",), ("curl",))) == (
        f"python: 3.12\n{after}\nuser: 1:1\n"
    )


def test_several_packages_make_one_key() -> None:
    wanted = [Problem(code="MLS610", message=name, repairs=(Add(("apt",), (name,)),)) for name in ("git", "curl")]

    problems = fixes.add_edits(parse("python: 3.12\n", "mlspec.yaml"), wanted)

    assert {problem.edits for problem in problems} == {(Edit("mlspec.yaml", Span(1, 13, 1, 13), "\napt: [git, curl]"),)}


IMAGES = {
    "all of them, at the top": (
        "python: 3.12\nimages:\n  a: {}\n  b: {init: false}\n",
        ("a", "b"),
        "python: 3.12\napt: [git]\nimages:\n  a: {}\n  b: {init: false}\n",
    ),
    "one of them, in it": (
        "python: 3.12\nimages:\n  a:\n    init: true  # why\n  b: {init: false}\n",
        ("a",),
        "python: 3.12\nimages:\n  a:\n    init: true  # why\n    apt: [git]\n  b: {init: false}\n",
    ),
    "one in flow style": (
        "python: 3.12\nimages:\n  a:\n  b: {init: false}\n",
        ("b",),
        "python: 3.12\nimages:\n  a:\n  b: {apt: [git], init: false}\n",
    ),
    "one without keys": (
        "python: 3.12\nimages:\n  a:  # why\n  b:\n",
        ("a",),
        "python: 3.12\nimages:\n  a: {apt: [git]}  # why\n  b:\n",
    ),
    "one beside those of the top": (
        "python: 3.12\napt: [curl]\nimages:\n  a:\n    init: true\n  b:\n",
        ("a",),
        "python: 3.12\napt: [curl]\nimages:\n  a:\n    init: true\n    apt: [..., git]\n  b:\n",
    ),
    "one with a list of its own": (
        "python: 3.12\nimages:\n  a:\n    apt: curl\n  b:\n",
        ("a", "b"),
        "python: 3.12\nimages:\n  a:\n    apt: [curl, git]\n  b: {apt: [git]}\n",
    ),
}


@pytest.mark.parametrize(("before", "keys", "after"), IMAGES.values(), ids=IMAGES)
def test_images_get_what_they_need_and_no_other_does(before: str, keys: tuple[str, ...], after: str) -> None:
    assert mended(before, *(Add(("images", key, "apt"), ("git",)) for key in keys)) == after


TEXTS = {
    "quotes": ('user: "a"', Replace(("user",), "a", "b"), 'user: "b"'),
    "a quoted key": ("'usr': a", Rename(("usr",), "user"), "'user': a"),
    "a text that would be another kind": ("user: a", Replace(("user",), "a", "true"), 'user: "true"'),
    "a flag in quotes": ('init: "yes"', Replace(("init",), "yes", True), "init: true"),
    "one entry of a list": ("entrypoint: [a, b]", Replace(("entrypoint",), "b", "c"), "entrypoint: [a, c]"),
    "entries in a block": ("apt:\n  - a b # c", Split(("apt", 0), ("a", "b")), "apt:\n  - a\n  - b # c"),
    "a text with commas": ("ports: 80:80", Split(("ports",), ("80:80",)), "ports: [80:80]"),
}


@pytest.mark.parametrize(("before", "repair", "after"), TEXTS.values(), ids=TEXTS)
def test_a_text_is_changed_at_its_place(before: str, repair: Repair, after: str) -> None:
    assert mended(f"# first\n{before}\n", repair) == f"# first\n{after}\n"


VALUES = {
    "at the top": ("python: 3.12\n", ("accelerator",), "python: 3.12\naccelerator: cpu\n"),
    "in an image": (
        "images:\n  a:\n    python: 3.12\n",
        ("images", "a", "accelerator"),
        "images:\n  a:\n    python: 3.12\n    accelerator: cpu\n",
    ),
}


@pytest.mark.parametrize(("before", "path", "after"), VALUES.values(), ids=VALUES)
def test_a_key_that_is_missing_gets_its_value(before: str, path: KeyPath, after: str) -> None:
    assert mended(before, SetKey(path, "cpu")) == after


REFUSED = {
    "an anchor that others repeat": ("apt: &all [git]\nx-a: b\nrun: *all", Add(("apt",), ("curl",))),
    "a key that is there": ("usr: a\nuser: b", Rename(("usr",), "user")),
    "a text that holds it twice": ("user: a-a", Replace(("user",), "a", "b")),
    "a text of several lines": ("run: |\n  a\n  b", Replace(("run",), "a", "c")),
    "a value that is there": ("accelerator: cpu", SetKey(("accelerator",), "cuda12.8")),
    "a value for all images": ("images: {a: {}}", SetKey(("accelerator",), "cuda12.8")),
    "a place that is not there": ("user: a", Replace(("images", "a"), "b", "c")),
}


@pytest.mark.parametrize(("text", "repair"), REFUSED.values(), ids=REFUSED)
def test_what_would_change_something_else_is_left_alone(text: str, repair: Repair) -> None:
    assert mended(text, repair) == text


def test_an_anchor_is_repaired_where_all_who_repeat_it_want_that() -> None:
    text = "a: &x {usr: 1}\nb: *x\n"

    assert mended(text, Rename(("a", "usr"), "user"), Rename(("b", "usr"), "user")) == "a: &x {user: 1}\nb: *x\n"


@given(st.lists(st.sampled_from(["a: b", "# c", "", "d: [e]  # f"]), min_size=1), st.sampled_from(["\n", "\r\n", "\r"]))
def test_new_lines_end_as_the_others_do(lines: list[str], ending: str) -> None:
    text = "".join(line + ending for line in lines)

    changed = apply_edits(text, [Edit("mlspec.yaml", Span(1, 1, 1, 1), "x\ny\n")])

    assert changed == f"x{ending}y{ending}{text}"


@given(st.sampled_from(["requirements", "entrypoint", "environment", "working_dir"]), st.data())
def test_a_slip_is_found(word: str, data: st.DataObject) -> None:
    known = ("requirements", "entrypoint", "environment", "working_dir", "user")
    place = data.draw(st.integers(0, len(word) - 2))
    start, one, other, end = word[:place], word[place], word[place + 1], word[place + 2 :]

    written = [start + other + end, start + other + one + end, f"{start}x{other}{end}", word.upper()]
    assert {slip(text, known) for text in written} == {word}


def test_what_is_one_slip_from_two_words_is_none() -> None:
    assert slip("mout", ("mount", "mouth")) == ""


# The command


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "mlspec.yaml"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(check, arguments)


def test_one_mistake_hides_another_and_both_are_repaired(spec: Path) -> None:
    spec.write_bytes(b"# ours\r\npyhton: 3.13 # why\r\nrequirments: [opencv-python]\r\n")

    result = run("--fix")

    assert spec.read_bytes() == (
        b"# ours\r\npython: 3.13 # why\r\nrequirements: [opencv-python]\r\napt: [libgl1, libglib2.0-0]\r\n"
    )
    assert result.exit_code == 0
    assert "mlspec.yaml: no problems; 3 repaired" in result.stderr
    assert "-pyhton: 3.13 # why\n" in result.stdout
    assert "+python: 3.13 # why\n" in result.stdout


def test_what_is_left_decides_how_it_ends(spec: Path) -> None:
    spec.write_text("pyhton: 3.13\nbananas: 1\n")

    result = run("--fix")

    assert (result.exit_code, spec.read_text()) == (1, "python: 3.13\nbananas: 1\n")
    assert "pyhton" not in result.stderr
    assert "mlspec.yaml: 1 problem; 1 repaired" in result.stderr


@pytest.mark.parametrize("options", [["--fix", "--diff"], ["--diff"], []])
def test_without_the_word_nothing_is_written(options: list[str], spec: Path) -> None:
    spec.write_text("pyhton: 3.13\n")

    result = run(*options)

    assert (result.exit_code, spec.read_text()) == (1, "pyhton: 3.13\n")
    assert ("+python: 3.13\n" in result.stdout) == bool(options)
    assert "1 can be repaired: mlspec check --fix mlspec.yaml" in result.stderr


def test_a_second_time_nothing_is_written(spec: Path) -> None:
    spec.write_text("python: 3.13\napt: [FFmpeg]\n")
    run("--fix")
    before = spec.stat()

    result = run("--fix")

    assert (spec.stat().st_ino, spec.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert (result.exit_code, result.stdout) == (0, "")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_keeps_its_encoding(encoding: str, spec: Path) -> None:
    spec.write_bytes("pyhton: 3.13 # größer\r\n".encode(encoding))

    run("--fix")

    assert spec.read_bytes() == "python: 3.13 # größer\r\n".encode(encoding)


def test_a_file_keeps_its_mode_and_a_link_stays_one(spec: Path, tmp_path: Path) -> None:
    there = tmp_path / "elsewhere.yaml"
    there.write_text("pyhton: 3.13\n")
    there.chmod(0o640)
    spec.symlink_to(there)

    run("--fix")

    assert spec.is_symlink()
    assert (there.read_text(), there.stat().st_mode & 0o777) == ("python: 3.13\n", 0o640)


def test_what_is_no_yaml_is_left_alone(spec: Path) -> None:
    spec.write_text("python: [\n")

    result = run("--fix")

    assert (result.exit_code, spec.read_text()) == (1, "python: [\n")
    assert "MLS002" in result.stderr


def test_a_file_that_changes_meanwhile_is_left_alone(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec.write_text("pyhton: 3.13\n")
    settle = fixes.fix_all

    def interrupted(document: Document, look: Callable[[Document], list[Problem]]) -> fixes.Settled:
        settled = settle(document, look)
        spec.write_text("pyhton: 3.12\n")
        return settled

    monkeypatch.setattr(fixes, "fix_all", interrupted)

    result = run("--fix")

    assert (result.exit_code, spec.read_text()) == (1, "pyhton: 3.12\n")
    assert "MLS412: mlspec.yaml changed during the check" in result.stderr


def test_a_disk_that_refuses_leaves_the_file_whole(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec.write_text("pyhton: 3.13\n")

    def refuse(*_: object) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)

    result = run("--fix")

    assert (result.exit_code, spec.read_text()) == (3, "pyhton: 3.13\n")
    assert [path.name for path in spec.parent.iterdir()] == ["mlspec.yaml"]
    assert "MLS403" in result.stderr


def test_a_program_can_do_the_edits(spec: Path) -> None:
    spec.write_text("python: 3.13\napt: [FFmpeg]\n")

    (problem,) = json.loads(run("--format", "json").stdout)["problems"]

    (edit,) = problem["edits"]
    span = Span(edit["line"], edit["column"], edit["end_line"], edit["end_column"])
    assert apply_edits(spec.read_text(), [Edit(edit["file"], span, edit["text"])]) == "python: 3.13\napt: [ffmpeg]\n"


def test_a_comment_that_ignores_a_warning_keeps_its_repair_away(spec: Path) -> None:
    text = "python: 3.13\nrequirements: [opencv-python]  # mlspec: ignore=MLS610 the base has it\n"
    spec.write_text(text)

    run("--fix")

    assert spec.read_text() == text


def test_a_requirement_is_written_as_pip_has_it(tmp_path: Path) -> None:
    text = "python: 3.12\nrequirements:\n- numpy=>2  # new\n- 'torch>=2<3'\n- scipy, pandas\n"

    settled = fixes.fix_all(parse(text, "mlspec.yaml"), looking(tmp_path))

    assert settled.document.text == (
        "python: 3.12\nrequirements:\n- numpy>=2  # new\n- 'torch>=2,<3'\n- scipy\n- pandas\n"
    )


def test_a_script_is_one_that_is_there(tmp_path: Path) -> None:
    write({"train.py": "", "notes.txt": ""}, tmp_path)

    settled = fixes.fix_all(parse("python: 3.12\nentrypoint: [python, trian.py]\n", "mlspec.yaml"), looking(tmp_path))

    assert settled.document.data["entrypoint"] == ["python", "train.py"]


LINES = {
    "in a file": ("requirements.txt", "--extra-index-url https://download.pytorch.org/whl/cu118\ntorch==2.0.0\n"),
    "in the spec": ("--extra-index-url https://download.pytorch.org/whl/cu118", ""),
}


@pytest.mark.parametrize(("entry", "text"), LINES.values(), ids=LINES)
def test_an_index_of_pytorch_is_repaired_to_its_accelerator(entry: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(text)
    path = tmp_path / "mlspec.yaml"
    path.write_text(f"python: 3.11\nbase: slim-bookworm\nrequirements:\n  - {entry}\n")

    CliRunner().invoke(check, ["--fix", str(path)])

    assert path.read_text() == (
        f"python: 3.11\nbase: slim-bookworm\naccelerator: cuda11.8\nrequirements:\n  - {entry}\n"
    )
    assert "MLS205" not in CliRunner().invoke(check, [str(path)]).output
    assert (tmp_path / "requirements.txt").read_text() == text


@pytest.mark.parametrize(
    "text",
    [
        "python: 3.11\naccelerator: cuda12.1\nrequirements: r.txt\n",
        "python: 3.11\nrequirements: [r.txt, --extra-index-url https://download.pytorch.org/whl/cu121]\n",
        "python: 3.11\nrequirements: r.txt\nimages: {a: {}, b: {accelerator: cuda11.8}}\n",
    ],
    ids=["another is named", "two are meant", "for one image of two"],
)
def test_an_accelerator_that_may_not_be_meant_is_no_repair(text: str, tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text("--extra-index-url https://download.pytorch.org/whl/cu118\ntorch==2.0.0\n")
    path = tmp_path / "mlspec.yaml"
    path.write_text(text)

    said = CliRunner().invoke(check, ["--fix", str(path)]).output

    assert "MLS205" in said
    assert path.read_text() == text


def test_an_editable_repository_is_repaired_to_the_repository(tmp_path: Path) -> None:
    path = tmp_path / "mlspec.yaml"
    path.write_text("python: 3.12\nrequirements:\n  - -e git+https://git.example/b.git@main#egg=b  # ours\n")

    CliRunner().invoke(check, ["--fix", str(path)])

    assert path.read_text() == "python: 3.12\nrequirements:\n  - b @ git+https://git.example/b.git@main  # ours\n"
