"""Tests that values with all kinds of special characters survive a real build unchanged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    import docker

    from tests.engine.conftest import Make, Project

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

NASTY = {
    "empty": "",
    "space": " ",
    "spaces": "  two  spaces  ",
    "single": "it's",
    "double": 'say "hi"',
    "only_double": '"',
    "variable": "$HOME ${PATH} $$ $ $1",
    "default": "${X:-y} ${X:+z} ${X##*/}",
    "substitution": "$(id) `id`",
    "backslash": "\\",
    "backslashes": 'a\\b\\\\c \\n \\$HOME \\"',
    "ends_in_backslash": "C:\\folder\\",
    "escaped_end": "\\\\\\",
    "hash": "# not a comment",
    "inner_hash": "a #b",
    "equals": "=a=b=",
    "heredoc": "<<EOF",
    "json": '{"a": ["b", 1]}',
    "list": '["sh", "-c", "x"]',
    "glob": "* ? [a-z] ~ ~/x",
    "shell": "a; b && c | d > e < f & (g) {h} !",
    "percent": "%s %d %%",
    "comma": "a,b=c",
    "url": "https://user@example.org:8000/a?b=c&d=%20#e",
    "accents": "é ñ ß",
    "wide": "漢字 ☃ 🦆",
    "combining": "e\u0301",
    "no_break": "a\u00a0b",
    "zero_width": "a\u200bb",
    "right_to_left": "שלום",
    "dash": "-x --flag",
    "template": "{{ plan }} {% raw %}",
    "yaml": "a: b",
    "long": "x" * 5000,
}
VALUES = list(NASTY.values())
SPEC = {
    "name": "quoting",
    "python": "3.12",
    "environment": NASTY,
    "labels": {**NASTY, 'a "key" $X \\': "value", "org.example/é": "value"},
    "entrypoint": [
        "python",
        "-c",
        "import json, os, sys; print(json.dumps([dict(os.environ), sys.argv[1:]]))",
        *VALUES,
    ],
    "command": VALUES,
    "healthcheck": {"test": ["CMD", "true", *VALUES]},
}


@pytest.fixture(scope="module")
def project(make: Make) -> Project:
    made = make(yaml.safe_dump(SPEC, allow_unicode=True))
    made.build()
    return made


@pytest.fixture(scope="module")
def config(project: Project, engine: docker.DockerClient) -> dict[str, Any]:
    return dict(engine.images.get(project.plan().image).attrs["Config"])


def test_the_environment_survives(config: dict[str, Any]) -> None:
    found = dict(entry.partition("=")[::2] for entry in config["Env"])

    assert {name: found.get(name) for name in NASTY} == NASTY


def test_labels_survive(config: dict[str, Any]) -> None:
    labels = SPEC["labels"]
    assert isinstance(labels, dict)

    assert {name: config["Labels"].get(name) for name in labels} == labels


def test_the_entrypoint_survives(config: dict[str, Any]) -> None:
    assert config["Entrypoint"] == SPEC["entrypoint"]


def test_the_command_survives(config: dict[str, Any]) -> None:
    assert config["Cmd"] == SPEC["command"]


def test_the_health_check_survives(config: dict[str, Any]) -> None:
    assert config["Healthcheck"]["Test"] == ["CMD", "true", *VALUES]


def test_the_program_sees_them_all(project: Project, engine: docker.DockerClient) -> None:
    said = engine.containers.run(project.plan().image, remove=True)
    environment, arguments = json.loads(said)

    assert {name: environment.get(name) for name in NASTY} == NASTY
    assert arguments == VALUES * 2


STEPS = [
    "printf '%s\\n' \"it's\" '\"' '$HOME' \"\\$x\" 'a\\b' '#' >> /out",
    "set -- a 'b c'\nfor word in \"$@\"; do\n    printf '%s\\n' \"$word\" >> /out  # a comment\ndone\n",
    "cat >> /out <<EOF\n$((1 + 1)) 'quoted' \\$x\nEOF\n",
    "cat >> /out <<'EOF1'\nEOF\n$HOME\\\nEOF1",
    "printf '%s\\n' one \\\n  two >> /out",
    "# only a comment",
    "printf 'no line end' >> /out \\",
]


def test_the_user_s_own_steps_run_as_written(make: Make, engine: docker.DockerClient) -> None:
    project = make(yaml.safe_dump({"python": "3.12", "run": STEPS}))
    project.build()
    said = engine.containers.run(project.plan().image, ["/out"], entrypoint="cat", remove=True).decode()

    assert said.split("\n") == [
        *("it's", '"', "$HOME", "$x", "a\\b", "#"),
        *("a", "b c"),
        "2 'quoted' $x",
        *("EOF", "$HOME\\"),
        *("one", "two"),
        "no line end",
    ]


def test_a_failing_line_of_a_longer_step_fails_the_build(make: Make) -> None:
    project = make(yaml.safe_dump({"python": "3.12", "run": ["false\ntrue\n"]}))
    with pytest.raises(AssertionError, match="did not complete successfully"):
        project.build()


def test_files_with_nasty_names_are_copied_and_left_out(make: Make, engine: docker.DockerClient) -> None:
    names = ["a b", "it's", "#x", "[x]", "x*", "!x", "é☃", "-x", "{a,b}", "a&b;c"]
    files = {f"{kind}/{name}": "" for kind in ("kept", "left") for name in names}
    mounts = [{"type": "bind", "source": f"./left/{name}", "target": f"/m{index}"} for index, name in enumerate(names)]
    project = make(yaml.safe_dump({"python": "3.12", "mounts": mounts}), files)
    project.build()
    said = engine.containers.run(project.plan().image, ["/app"], entrypoint="find", remove=True).decode()

    assert sorted(line for line in said.splitlines() if line.count("/") == 3) == sorted(
        f"/app/kept/{name}" for name in names
    )
