"""Tests of the rules about a program's start: the container as the spec has it, and as the hint says."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from mlspec.advice.lint import folder_warnings, list_looked_up_paths, warnings
from mlspec.host.files import scan
from mlspec.spec.document import parse
from mlspec.spec.spec import validate
from mlspec.targets import ignore_patterns, registry
from tests.advice.lint.test_rules import subject_of

if TYPE_CHECKING:
    import docker

    from tests.engine.conftest import Make, Project

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]

YAML = """
name: started
python: 3.12
images:
  loses: {entrypoint: python train.py}
  keeps: {entrypoint: python train.py, mounts: [./models:/app/models]}
  module: {entrypoint: python -m flowers.cli}
  path: {entrypoint: python -m flowers.cli, environment: {PYTHONPATH: /app/src}}
  import: {entrypoint: python src/models/fit.py}
  found: {entrypoint: python src/models/fit.py, environment: {PYTHONPATH: /app/src}}
  locale: {entrypoint: python locales.py, environment: {LANG: de_DE.UTF-8}}
  refused: {entrypoint: python train.py, env_file: job.env, mounts: [./models:/app/models]}
  closed: {entrypoint: python serve.py, ports: ["PORT:8000"]}
  open: {entrypoint: python serve.py --host 0.0.0.0, ports: ["PORT:8000"]}
  shell: {entrypoint: [sh, shell.sh]}
  exec: {entrypoint: [sh, exec.sh]}
"""
FILES = {
    "train.py": "import os\nos.makedirs('models', exist_ok=True)\nopen('models/a.txt', 'w').write('kept')\n",
    "locales.py": "import locale\nlocale.setlocale(locale.LC_ALL, '')\n",
    "src/flowers/__init__.py": "",
    "src/flowers/cli.py": "print('started')\n",
    "src/models/fit.py": "from utils.io import word\nprint(word)\n",
    "src/utils/io.py": "word = 'started'\n",
    "job.env": "A=1\nexport B=2\n",
    "serve.py": (
        "import argparse\nfrom http.server import HTTPServer, SimpleHTTPRequestHandler\n"
        "parser = argparse.ArgumentParser()\nparser.add_argument('--host', default='127.0.0.1')\n"
        "print('serving', flush=True)\n"
        "HTTPServer((parser.parse_args().host, 8000), SimpleHTTPRequestHandler).serve_forever()\n"
    ),
    "wait.py": (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('saved', flush=True)))\n"
        "print('waiting', flush=True)\ntime.sleep(60)\n"
    ),
    "shell.sh": "#!/bin/sh\ntrue\npython wait.py\n",
    "exec.sh": "#!/bin/sh\ntrue\nexec python wait.py\n",
}


@pytest.fixture(scope="module")
def project(make: Make) -> Project:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return make(YAML.replace("PORT", str(port)), FILES)


def said(project: Project, key: str) -> set[str]:
    """Return the codes of the warnings about one image."""
    document = parse((project.folder / "mlspec.yaml").read_text(), "mlspec.yaml")
    subject = subject_of(validate(document).image(key), document)
    (ignore,) = registry.emit(subject.plan, ["ignore"])
    looked = scan.scan(project.folder, ignore_patterns.parse(ignore.text), list_looked_up_paths(subject))
    return {problem.code for problem in (*warnings(subject), *folder_warnings(subject, looked))}


def ran(project: Project, key: str) -> tuple[int, str]:
    """Build an image, run it with its script, and return the exit code and the output."""
    project.build(key)
    done = subprocess.run(project.script(key), cwd=project.folder, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def test_a_result_is_lost_without_a_mount(project: Project) -> None:
    result = project.folder / "models/a.txt"

    assert (said(project, "loses"), ran(project, "loses"), result.exists()) == ({"MLS680"}, (0, ""), False)
    assert (said(project, "keeps"), ran(project, "keeps"), result.exists()) == (set(), (0, ""), True)


@pytest.mark.parametrize(("wrong", "right"), [("module", "path"), ("import", "found")])
def test_a_module_in_another_folder_is_not_found(project: Project, wrong: str, right: str) -> None:
    code, text = ran(project, wrong)

    assert (said(project, wrong), code, "ModuleNotFoundError" in text) == ({"MLS646"}, 1, True)
    assert (said(project, right), ran(project, right)) == (set(), (0, "started\n"))


def test_a_locale_is_not_there(project: Project) -> None:
    code, text = ran(project, "locale")

    assert (said(project, "locale"), code, "unsupported locale setting" in text) == ({"MLS682"}, 1, True)


def test_docker_refuses_an_environment_file(project: Project) -> None:
    code, text = ran(project, "refused")

    assert (said(project, "refused"), code, "contains whitespaces" in text) == ({"MLS683"}, 125, True)


def started(project: Project, key: str, client: docker.DockerClient, word: str) -> tuple[subprocess.Popen[str], Any]:
    """Build and start an image, wait until it prints ``word``, and return its process and its container."""
    project.build(key)
    process = subprocess.Popen(project.script(key), cwd=project.folder, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == f"{word}\n"
    for _ in range(50):
        # The output may arrive before a busy engine lists the container as running.
        if found := client.containers.list(filters={"ancestor": project.plan(key).image}):
            break
        time.sleep(0.1)
    (container,) = found
    return process, container


@pytest.mark.parametrize(("key", "code", "answers"), [("closed", {"MLS634"}, False), ("open", set(), True)])
def test_a_server_on_its_own_address_answers_nobody(
    project: Project, engine: docker.DockerClient, key: str, code: set[str], answers: bool
) -> None:
    process, container = started(project, key, engine, "serving")
    port = project.plan(key).run.ports[0].published
    try:
        is_answered = False
        for _ in range(10):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2) as answer:
                    is_answered = answer.status == 200
                    break
            except OSError:
                time.sleep(0.2)
    finally:
        container.kill()
        process.communicate(timeout=30)

    assert (said(project, key), is_answered) == (code, answers)


@pytest.mark.parametrize(("key", "code", "end"), [("shell", {"MLS647"}, ""), ("exec", set(), "saved\n")])
def test_a_signal_to_stop_reaches_a_program_that_replaced_the_shell(
    project: Project, engine: docker.DockerClient, key: str, code: set[str], end: str
) -> None:
    process, container = started(project, key, engine, "waiting")
    container.stop(timeout=5)
    out, _ = process.communicate(timeout=30)

    assert (said(project, key), out) == (code, end)
