"""Tests of the files of a project in its image, with their owners and modes."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess

import pytest

from mlspec import api
from mlspec.host.files import scan
from mlspec.plan.ignore_file import include_entry
from mlspec.targets import ignore_patterns
from tests.engine.conftest import Make, Project

pytestmark = pytest.mark.engine

FILES = {
    "train.py": "print('trained')\n",
    "pkg/model.py": "",
    "pkg/__pycache__/model.cpython-312.pyc": "",
    "notes/draft.ipynb": "{}",
    ".env": "TOKEN=x\n",
    ".git/HEAD": "ref: refs/heads/main\n",
    "data/huge.bin": "0" * 1000,
    "key.pem": "secret\n",
    "in (1)/[a].csv": "1\n",
}
MOUNTED = """\
mounts: [./data:/app/data, "./in (1):/app/in:ro"]
secrets: {key: {file: ./key.pem}}
"""


def listing(project: Project) -> set[str]:
    """Return the files below /app in the image."""
    project.build()
    command = ["docker", "run", "--rm", "--entrypoint", "find", project.plan().image, "/app", "-type", "f"]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")) - {""}


def test_the_code_is_copied_and_what_is_mounted_or_secret_is_not(make: Make) -> None:
    project = make(f"python: 3.12\nname: context\n{MOUNTED}", FILES)

    assert listing(project) == {"/app/train.py", "/app/pkg/model.py", "/app/notes/draft.ipynb"}


def test_a_mounted_folder_costs_a_build_nothing_however_large(make: Make) -> None:
    project = make(f"python: 3.12\nname: large\n{MOUNTED}", FILES)
    with (project.folder / "data" / "huge.bin").open("ab") as file:
        file.truncate(16_000_000_000)

    sent = re.findall(r"transferring context: [\d.]+(\w+)", project.build())

    assert set(sent) <= {"B", "kB"}
    assert sent


def test_a_name_that_is_not_utf_8_ends_a_build_and_is_named_with_two_ways_out(make: Make) -> None:
    project = make("python: 3.12\nname: latin\n", {"train.py": ""})
    odd = project.folder / os.fsdecode(b"it's caf\xe9.txt")
    odd.write_text("")
    spec = project.folder / "mlspec.yaml"
    (warning,) = [problem for problem in api.check(spec) if problem.code == "MLS686"]
    rename, leave_out = warning.hint.removeprefix("rename it: ").split("\nor leave it out: ")

    with pytest.raises(AssertionError, match="invalid UTF-8"):
        project.build()
    subprocess.run(["bash", "-c", rename], cwd=project.folder, check=True)
    renamed = listing(project)
    (project.folder / "it's café.txt").rename(odd)
    spec_text = f"python: 3.12\nname: latin\n{leave_out}\n"
    left_out = listing(make(spec_text, {"train.py": ""}, folder=project.folder))

    assert renamed == {"/app/train.py", "/app/it's café.txt"}
    assert left_out == {"/app/train.py"}


def test_include_names_what_is_copied(make: Make) -> None:
    project = make(f"python: 3.12\nname: include\ninclude: [pkg, '*.py', '.git', '.env']\n{MOUNTED}", FILES)

    assert listing(project) == {"/app/train.py", "/app/pkg/model.py"}


def test_include_can_take_out(make: Make) -> None:
    project = make("python: 3.12\nname: taken-out\ninclude: [., '!notes', '!data', '!in*', '!*.pem']\n", FILES)

    assert listing(project) == {"/app/train.py", "/app/pkg/model.py"}


def test_an_empty_include_copies_nothing(make: Make) -> None:
    assert listing(make("python: 3.12\nname: no-code\ninclude: []\n", FILES)) == set()


def test_the_code_is_readable_whatever_its_mode_on_the_host(make: Make) -> None:
    project = make("python: 3.12\nname: modes\nentrypoint: python train.py\n", FILES)
    (project.folder / "train.py").chmod(0o600)
    project.build()

    done = subprocess.run(project.script(), check=True, capture_output=True, text=True)

    assert done.stdout == "trained\n"


def test_a_touched_file_makes_no_new_image(make: Make) -> None:
    project = make("python: 3.12\nname: times\n", FILES)
    project.build()
    before = layers(project)
    (project.folder / "train.py").touch()
    (project.folder / "train.py").chmod(0o664)
    project.build()

    assert layers(project) == before


def layers(project: Project) -> str:
    command = ["docker", "image", "inspect", "--format", "{{json .RootFS.Layers}}", project.plan().image]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_the_look_at_a_folder_sees_what_the_engine_copies(make: Make) -> None:
    spec = "python: 3.12\nname: look\ninclude: [pkg, 'n*', 'in (1)', '[a-k]*.pem', '!**/*.ipynb', data/huge.bin]\n"
    project = make(spec, FILES)
    ignore = (project.folder / "Dockerfile.dockerignore").read_text()

    looked = scan.scan(project.folder, ignore_patterns.parse(ignore), [])

    assert {f"/app/{path}" for path in looked.kept} == listing(project)


# Characters with a meaning in patterns, regular expressions, shells or YAML, and several kinds of blanks.
HARD = "*?[]{}|()+^$.!#~-:, a1b@%=;'\"`&<>\xa0\u2003\u00e9\ufeff\ufffd"
HARD_NAMES = (
    "~token",
    "c:x",
    "k#1^2.pem",
    "k[1]^.txt",
    "k [1]{2}.txt",
    "k*{2}.txt",
    "k[1]|",
    "..x",
    "#a",
    "!a",
    " ",
    "^",
)


def hard_names() -> list[str]:
    """Return 500 names of files, the same each time."""
    chosen = random.Random(1)  # noqa: S311 - no secret depends on it
    made = {*HARD_NAMES, *HARD, *(f"x{c}2" for c in HARD), *(f"{c}[1]" for c in HARD)}
    while len(made) < 500:
        made.add("".join(chosen.choices(HARD, k=chosen.randint(2, 6))))
    names = sorted(made - {".", ".."})
    chosen.shuffle(names)
    return names


def test_a_private_file_stays_out_whatever_its_name_and_nothing_else_does(make: Make) -> None:
    names = hard_names()
    secret, taken_out, kept = names[:150], names[150:300], names[300:]
    secrets = {f"K{number}": {"file": f"./{name}"} for number, name in enumerate(secret)}
    spec = f"python: 3.12\nname: hard\nsecrets: {json.dumps(secrets)}\n"
    # In an entry of `include`, "*" and "?" are always wildcards.
    taken_out = [name for name in taken_out if not set(name) & set("*?")]
    include = [".", *(f"!{include_entry(name)}" for name in taken_out)]

    project = make(f"{spec}include: {json.dumps(include)}\n", dict.fromkeys(names, ""))

    copied = listing(project)
    assert copied & {f"/app/{name}" for name in (*secret, *taken_out)} == set()
    assert {f"/app/{name}" for name in kept} <= copied
