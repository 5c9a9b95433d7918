"""Tests of the paths that a program writes, found in its code for the way that it starts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from mlspec import api
from mlspec.advice.behaviour import Start, find_listening, find_written_paths, read_program
from mlspec.advice.behaviour.lost_paths import group_lost_paths
from mlspec.cli.run import _warn_of_losses
from mlspec.host.engine.prepared_run import prepare_run


def written(code: str, files: Mapping[str, str] | None = None, **start: object) -> list[str]:
    """Return the paths that a script writes, with ``files`` beside it."""
    program = read_program(Start(files=("main.py",), **start), {"main.py": code, **(files or {})})  # type: ignore[arg-type]
    return [result.path for result in find_written_paths(program)]


CALLS = {
    "open": ('open("out/a.txt", "w")', "out/a.txt"),
    "open by a keyword": ('open("out/a.txt", mode="ab")', "out/a.txt"),
    "open of a path": ('from pathlib import Path\nwith Path("out").joinpath("a").open("x") as f: pass', "out/a"),
    "write_text": ('from pathlib import Path\n(Path("out") / "a.txt").write_text("")', "out/a.txt"),
    "makedirs": ('import os\nos.makedirs("out/deep", exist_ok=True)', "out/deep"),
    "an alias": ('import numpy as np\nnp.savez("out/a.npz")', "out/a.npz"),
    "a name of a module": ('from joblib import dump as save\nsave({}, "out/a.joblib")', "out/a.joblib"),
    "savefig": ('import matplotlib.pyplot as plt\nplt.savefig("out/a.png")', "out/a.png"),
    "torch.save": ('import torch\ntorch.save({}, "out/a.pt")', "out/a.pt"),
    "to_csv": ('frame.to_csv("out/a.csv")', "out/a.csv"),
    "save_pretrained": ('model.save_pretrained("out")', "out"),
    "save of a file": ('model.save("out/a.keras")', "out/a.keras"),
    "TrainingArguments": ('from transformers import TrainingArguments\nTrainingArguments(output_dir="out")', "out"),
    "ModelCheckpoint": ('from lightning.pytorch.callbacks import ModelCheckpoint\nModelCheckpoint("out")', "out"),
    "SummaryWriter": ("from torch.utils.tensorboard import SummaryWriter\nSummaryWriter()", "runs"),
    "Lightning": ("import lightning as L\nL.Trainer(max_epochs=1)", "lightning_logs"),
    "MLflow": ("import mlflow\nmlflow.start_run()", "mlruns"),
    "MLflow by an address": ('import mlflow\nmlflow.set_tracking_uri("file:./kept")\nmlflow.start_run()', "kept"),
    "SQLite": ('import sqlite3\nsqlite3.connect("out/a.db")', "out/a.db"),
    "a name that a run completes": ('open(f"out/model-{epoch}.pt", "wb")', "out/model-*"),
    "a name by a format": ('open("out/{}.pt".format(epoch), "wb")', "out/*"),
    "a name by the percent sign": ('open("out/%s.pt" % epoch, "wb")', "out/*"),
    "the working directory": ('import os\nopen(os.path.join(os.getcwd(), "out", "a"), "w")', "out/a"),
    "beside the code": (
        'from pathlib import Path\n(Path(__file__).resolve().parent / "out").mkdir()',
        "out",
    ),
    "a constant": ('OUT = "out"\ndef save():\n    open(OUT + "/a", "w")\nsave()', "out/a"),
    "two constants at once": ('from pathlib import Path\nA, B = Path("in"), Path("out")\nB.mkdir()', "out"),
    "a table of constants": ('C = {"out": "out"}\nopen(C["out"] + "/a", "w")', "out/a"),
    "a default": ('def save(path="out/a"):\n    open(path, "w")\nsave()', "out/a"),
    "an argument": ('def save(path):\n    open(path, "w")\nsave("out/a")', "out/a"),
    "an argument of a method": (
        'class Net:\n    def keep(self, path):\n        open(path, "w")\nNet().keep("out/a")',
        "out/a",
    ),
    "what a function returns": ('def place():\n    return "out/a"\nopen(place(), "w")', "out/a"),
    "an attribute": (
        'class Run:\n    def __init__(self):\n        self.out = "out"\n'
        '    def go(self):\n        open(self.out, "w")\nRun().go()',
        "out",
    ),
    "argparse": (
        'import argparse\np = argparse.ArgumentParser()\np.add_argument("-o", "--out-dir", default="out")\n'
        "args = p.parse_args()\nos.makedirs(args.out_dir)\nimport os",
        "out",
    ),
    "an option that others read": (
        'import argparse\np = argparse.ArgumentParser()\np.add_argument("--output_dir", default="out")\n'
        "run(p.parse_args())",
        "out",
    ),
    "click": (
        'import click\n@click.command()\n@click.option("--to", "target", default="out/a")\ndef main(target):\n'
        '    open(target, "w")\nmain()',
        "out/a",
    ),
    "typer": (
        'import typer\ndef main(to: str = typer.Option("out/a", "--to")):\n    open(to, "w")\ntyper.run(main)',
        "out/a",
    ),
    "a variable that is not set": ('import os\nopen(os.environ.get("OUT", "out") + "/a", "w")', "out/a"),
    "what is None": ('def save(path=None):\n    path = path or "out/a"\n    open(path, "w")\nsave()', "out/a"),
    "a script that changes to its own folder": (
        'import os\nos.chdir(os.path.dirname(os.path.abspath(__file__)))\nopen("out/a", "w")',
        "out/a",
    ),
    "a script that changes to its folder by pathlib": (
        'import os\nfrom pathlib import Path\nos.chdir(Path(__file__).resolve().parent)\nopen("out/a", "w")',
        "out/a",
    ),
    "a route": ('@app.post("/x")\ndef upload():\n    open("out/a", "wb")', "out/a"),
    "a thread": (
        'import threading\nclass T(threading.Thread):\n    def run(self):\n        open("out/a", "w")\nT().start()',
        "out/a",
    ),
}


@pytest.mark.parametrize(("code", "path"), CALLS.values(), ids=CALLS)
def test_finds_what_is_written(code: str, path: str) -> None:
    assert written(code) == [path]


SILENT = {
    "reading": 'open("out/a.txt").read()\nopen("b", "rb")',
    "elsewhere": 'open("/tmp/a", "w")\nopen("/models/a", "w")\nopen("../a", "w")',
    "a path that nobody knows": 'open(path, "w")\nopen(f"{path}/a", "w")\nopen(path + "/a", "w")',
    "an address": 'frame.to_csv("s3://bucket/a.csv")\nimport sqlite3\nsqlite3.connect(":memory:")',
    "what no run calls": 'def save():\n    open("out", "w")',
    "a class that nobody makes": 'class Run(Base):\n    def go(self):\n        open("out", "w")',
    "a log": 'open("train.log", "a")\nopen("logs/a.txt", "w")\nimport logging\nlogging.FileHandler("a.log")',
    "a cache": 'open(".cache/a", "w")\nimport os\nos.makedirs("tmp/a")',
    "what is removed": 'import os\nopen("a.bin", "wb")\nos.remove("a.bin")',
    "what is uploaded": 'frame.to_csv("a.csv")\ns3.upload_file("a.csv", bucket, key)',
    "uploads that nobody knows": 'frame.to_csv("a.csv")\nfor path in paths: s3.upload_file(path, bucket, key)',
    "what another program uploads": 'import subprocess\nframe.to_csv("a.csv")\nsubprocess.run(["aws", "s3", x])',
    "a folder outside the project": 'import os\nos.chdir("/data")\nopen("a", "w")',
    "another directory": 'import os\nos.chdir(x)\nopen("a", "w")',
    "one of two paths": 'open("/data/a" if x else "out/a", "w")',
    "one path and then another": 'a = "out"\nif x:\n    a = "/data"\nopen(a, "w")',
    "a text": 'frame.to_csv(index=False)\nform.save("draft")\nopen(buffer, "w")',
    "Lightning without notes": "import lightning as L\nL.Trainer(logger=False, enable_checkpointing=False)",
    "an option that is no path": 'p.add_argument("--output-format", default="json")',
    "an option that may be no path": 'p.add_argument("--out", default="json")',
    "what cannot be read": "open('out', 'w'",
    "a library of that name": 'import yaml\nyaml.dump({}, "out/a")',
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT)
def test_is_silent_where_nothing_is_lost_or_nobody_can_know(code: str) -> None:
    assert written(code) == []


def test_the_guard_of_an_imported_module_does_not_run() -> None:
    other = 'def load(): pass\nif __name__ == "__main__":\n    open("out/a", "w")'

    assert written("from other import load\nload()", {"other.py": other}) == []


def test_constants_and_functions_of_other_modules_count() -> None:
    files = {"pkg/config.py": 'OUT = "out"', "pkg/io.py": "def save(path):\n    open(path, 'w')", "pkg/__init__.py": ""}
    code = "from pkg import config\nfrom pkg.io import save\nsave(config.OUT + '/a')"

    assert written(code, files) == ["out/a"]


def test_the_command_and_the_variables_decide() -> None:
    code = (
        'import argparse, os\np = argparse.ArgumentParser()\np.add_argument("--out", default="out")\n'
        'os.makedirs(p.parse_args().out)\nos.makedirs(os.getenv("RUNS", "runs"))'
    )

    assert written(code, words=("python", "main.py", "--out=kept"), environment={"RUNS": "/runs"}) == ["kept"]
    assert written(code, words=("python", "main.py", "--out", "/kept"), is_environment_known=False) == []


def test_what_code_on_the_command_line_reaches_counts() -> None:
    files = {"src/pkg/cli.py": 'def main():\n    open("out/a", "w")', "src/pkg/__init__.py": ""}
    program = read_program(Start(code="from pkg.cli import main; main()", roots=("", "src")), files)

    assert [(result.path, result.place) for result in find_written_paths(program)] == [("out/a", "src/pkg/cli.py:2")]


def test_no_mount_hides_code() -> None:
    results = find_written_paths(read_program(Start(files=("main.py",)), {"main.py": 'open("src/out/deep/a", "w")'}))

    assert list(group_lost_paths(results, [], {"src/main.py"})) == ["src/out"]
    assert list(group_lost_paths(results, [], {"src/out/deep/b.py"})) == [""]
    assert not group_lost_paths(results, ["src/out"], set())


def test_deep_nesting_ends() -> None:
    assert written("a = " + "(" * 80 + "a" + ")" * 80 + '\nopen(a, "w")') == []
    assert written("a = b\nb = a\nopen(a + b, 'w')\ndef f(x):\n    f(x)\n    open(x, 'w')\nf(a)") == []


def test_a_run_warns_once_of_what_it_loses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mlspec.yaml").write_text("{python: 3.12, entrypoint: python train.py}")
    (tmp_path / "train.py").write_text("open('out.txt', 'w')")
    rendered = api.outline(tmp_path / "mlspec.yaml")

    prepared = prepare_run(rendered.plans[0], tmp_path)

    said = []
    for _ in range(2):
        _warn_of_losses(rendered, None, prepared)
        said.append(capsys.readouterr().err.count("MLS680"))

    assert said == [1, 0]


LISTENING = {
    "uvicorn": ("import uvicorn\nuvicorn.run('a:b')", "127.0.0.1", 8000),
    "uvicorn by an option": (
        "import argparse, uvicorn\np = argparse.ArgumentParser()\np.add_argument('--port', type=int, default=9000)\n"
        "uvicorn.run('a:b', host='10.0.0.1', port=p.parse_args().port)",
        "10.0.0.1",
        9000,
    ),
    "an application": ("from flask import Flask\napp = Flask(__name__)\napp.run(port=8080)", "127.0.0.1", 8080),
    "an application of the usual name": ("import flask\nfrom shop import app\napp.run('10.0.0.1')", "10.0.0.1", 5000),
    "Dash by a variable": ("from dash import Dash\napp = Dash()\napp.run()", "10.0.0.1", 8050),
    "Gradio": ("import gradio as gr\ngr.Interface(f, 'text', 'text').launch(server_port=80)", "127.0.0.1", 80),
    "a pair": ("from http.server import HTTPServer\nHTTPServer(('', 80), H)", "", 80),
    "a text": ("import grpc\nserver = grpc.server(x)\nserver.add_insecure_port('localhost:50051')", "localhost", 50051),
    "one that is open by default": ("import waitress\nwaitress.serve(app)", "", 8080),
    "what nobody can tell": ("import uvicorn\nuvicorn.run('a:b', host=host, port=port)", None, 0),
    "what a table tells": ("import uvicorn\nuvicorn.run('a:b', **config)", None, 0),
}


@pytest.mark.parametrize(("code", "host", "port"), LISTENING.values(), ids=LISTENING)
def test_finds_where_a_program_listens(code: str, host: str | None, port: int) -> None:
    start = Start(files=("main.py",), environment={"HOST": "10.0.0.1"})
    (found,) = find_listening(read_program(start, {"main.py": code}))

    assert (found.host, found.port) == (host, port)


@pytest.mark.parametrize(
    "code",
    [
        "import subprocess\nsubprocess.run(['ls'])",
        "import asyncio\nasyncio.run(main())",
        "from flask import Flask\nrunner = Runner()\nrunner.run()",
        "from flask import Flask\nfrom dash import Dash\nfrom shop import app\napp.run()",
        "rocket.launch()",
        "import uvicorn\ndef main():\n    uvicorn.run('a:b')",
    ],
)
def test_finds_no_server_where_none_is_sure(code: str) -> None:
    assert find_listening(read_program(Start(files=("main.py",)), {"main.py": code})) == ()
