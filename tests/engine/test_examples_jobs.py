"""Tests of the examples that end by themselves: persistent files and their owners, secrets, and stops."""

from __future__ import annotations

import io
import json
import re
import signal
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.examples import Example, address_of, belongs_to, neighbour

if TYPE_CHECKING:
    from tests.engine.conftest import User

pytestmark = pytest.mark.engine

TOKEN = {"REPORT_TOKEN": "token-of-the-reports-7351"}
KEY = "key-of-the-customers-2804"

# A service that receives reports, and answers with the login of the request.
RECEIVER = """
from http.server import BaseHTTPRequestHandler, HTTPServer

class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        print(self.headers["Authorization"], self.rfile.read(int(self.headers["Content-Length"])).decode(), flush=True)
        self.send_response(204)
        self.end_headers()

server = HTTPServer(("0.0.0.0", 80), Receiver)
print("ready", flush=True)
server.serve_forever()
"""

# A stand-in for the hub, which tests cannot reach: its protocol, and a small model that detects words of praise.
HUB = """
from http.server import BaseHTTPRequestHandler, HTTPServer
import numpy as np, pandas as pd
from safetensors.numpy import save
from tokenizers import Tokenizer, models, pre_tokenizers

table = pd.read_csv("/tmp/sentences.csv")
split = pre_tokenizers.Whitespace()
words = [[word for word, _ in split.pre_tokenize_str(text)] for text in table["text"]]
vocabulary = {word: number for number, word in enumerate(["[UNK]", *sorted({word for line in words for word in line})])}
vectors, met = np.zeros((len(vocabulary), 4), np.float32), np.zeros((len(vocabulary), 1), np.float32)
for line, is_praise in zip(words, table["is_praise"]):
    for word in line:
        vectors[vocabulary[word]] += 1 if is_praise else -1
        met[vocabulary[word]] += 1
vectors /= np.maximum(met, 1)
tokenizer = Tokenizer(models.WordLevel(vocabulary, "[UNK]"))
tokenizer.pre_tokenizer = split
files = {"tokenizer.json": tokenizer.to_str().encode(), "model.safetensors": save({"embeddings": vectors})}

class Hub(BaseHTTPRequestHandler):
    def do_HEAD(self):
        data = files.get(self.path.rpartition("/")[2], b"")
        self.send_response(200 if data else 404)
        self.send_header("X-Repo-Commit", "c" * 40)
        self.send_header("ETag", f'"{len(data):040x}"')
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        return data

    def do_GET(self):
        self.wfile.write(self.do_HEAD())

    def log_message(self, *_):
        print(self.command, self.path, flush=True)

server = HTTPServer(("0.0.0.0", 80), Hub)
print("ready", flush=True)
server.serve_forever()
"""


# A package with a command

SCORES = ["accuracy 0.80", "recall of bird 1.00", "recall of cat 0.50", "recall of dog 1.00"]


def test_the_command_of_a_package_scores_a_table_and_tells_its_version(copy: Callable[[str], Example]) -> None:
    example = copy("package")
    example.build()

    assert example.mlspec("run", "--", "data/animals.csv").splitlines()[-4:] == SCORES
    assert "evalkit, version 0.3.0" in example.mlspec("run", "--", "--version")


# A training whose data and models persist


@pytest.fixture(scope="module")
def training(copy: Callable[[str], Example]) -> Example:
    example = copy("persistent-training")
    example.build()
    return example


def test_a_second_run_goes_on_where_the_first_came_to(training: Example) -> None:
    first = training.mlspec("run", "--", "--epochs", "2")
    second = training.mlspec("run", "--", "--epochs", "4")

    assert re.findall(r"epoch (\d+):", first) == ["1", "2"]
    assert "going on after epoch 2" in second
    assert re.findall(r"epoch (\d+):", second) == ["3", "4"]


def test_a_volume_keeps_what_was_computed(training: Example) -> None:
    training.mlspec("run", "--", "--epochs", "1")

    assert "3 files, 3 of them in the cache" in training.mlspec("run", "--", "--epochs", "1")


def test_the_volume_is_the_only_place_of_the_cache(training: Example) -> None:
    training.mlspec("run", "--", "--epochs", "1")
    for volume in training.engine.volumes.list():
        if str(volume.name).startswith(training.name):
            volume.remove()

    assert "3 files, 0 of them in the cache" in training.mlspec("run", "--", "--epochs", "1")


def test_models_belong_to_the_caller(training: Example, user: User) -> None:
    models = training.folder / "models"
    training.give_to(user)
    (models / "checkpoint.joblib").unlink(missing_ok=True)
    training.mlspec("run", "--", "--epochs", "1", prefix=user.prefix)

    assert belongs_to(models / "checkpoint.joblib", user)
    assert [path.name for path in models.iterdir()] == ["checkpoint.joblib"]


def test_the_data_cannot_be_changed(training: Example) -> None:
    assert "Read-only file system" in training.mlspec("shell", typed="touch data/new.csv || true\n")


def test_workers_have_the_shared_memory_that_the_spec_gives(training: Example) -> None:
    said = training.mlspec("shell", typed="df --output=size --block-size=1G /dev/shm\n")

    assert said.split()[-1] == "4"


def test_a_stopped_training_finishes_its_epoch(training: Example) -> None:
    with training.running("--", "--epochs", "100000") as process:
        assert process.stdout
        for line in process.stdout:
            if line.startswith("epoch"):
                break
        (container,) = training.containers()
        container.stop()
        said = process.stdout.read()
    last = re.findall(r"epoch (\d+):", said)[-1]

    assert process.returncode == 0
    assert said.endswith("stopped; the next run goes on here\n")
    assert f"going on after epoch {last}" in training.mlspec("run", "--", "--epochs", "1")


# A batch job


@pytest.fixture(scope="module")
def built_job(copy: Callable[[str], Example]) -> Example:
    example = copy("batch-job")
    # The key exists before the build, as on the user's computer.
    (example.folder / "customers.key").write_text(f"{KEY}\n")
    example.build()
    return example


@pytest.fixture
def job(built_job: Example) -> Iterator[Example]:
    """The built job without results; its settings are restored at the end."""
    settings = (built_job.folder / "job.env").read_text()
    yield built_job
    (built_job.folder / "job.env").write_text(settings)
    results(built_job).unlink(missing_ok=True)


def results(job: Example) -> Path:
    return job.folder / "output/results.jsonl"


def done(job: Example) -> list[str]:
    return [json.loads(line)["id"] for line in results(job).read_text().splitlines()]


ALL = [f"r-{number:02}" for number in range(1, 13)]


def test_a_job_writes_a_result_for_each_record_as_the_caller(job: Example, user: User) -> None:
    job.give_to(user)
    job.mlspec("run", prefix=user.prefix, env=TOKEN)

    assert done(job) == ALL
    assert belongs_to(results(job), user)


def test_a_job_that_is_done_has_nothing_to_do(job: Example) -> None:
    job.mlspec("run", env=TOKEN)

    assert job.mlspec("run", env=TOKEN) == "{'done': 12, 'left': 0}\n"
    assert done(job) == ALL


def test_the_key_from_the_file_makes_the_pseudonyms(job: Example) -> None:
    job.mlspec("run", env=TOKEN)
    before = results(job).read_text()
    results(job).unlink()
    job.edit("customers.key", lambda key: f"another {key}")
    job.mlspec("run", env=TOKEN)
    job.edit("customers.key", lambda key: key.removeprefix("another "))

    assert "@" not in before
    assert results(job).read_text() != before


def test_no_secret_is_in_the_image(job: Example) -> None:
    image = job.engine.images.get(job.name)
    container = job.engine.containers.create(job.name)
    exported: Iterator[bytes] = container.export()  # type: ignore[assignment]
    contents = b"".join(exported)
    container.remove()
    facts = json.dumps([image.attrs, image.history()])
    with tarfile.open(fileobj=io.BytesIO(contents)) as files:
        names = files.getnames()

    assert "app/job.py" in names
    assert {"app/job.env", "app/customers.key"}.isdisjoint(names)
    for secret in (KEY, *TOKEN.values()):
        assert secret.encode() not in contents
        assert secret not in facts


def test_without_its_token_a_job_does_not_start(job: Example) -> None:
    said = job.mlspec("run", env={"REPORT_TOKEN": ""}, code=1)

    assert "MLS507" in said
    assert "REPORT_TOKEN" in said
    assert not results(job).exists()


def test_the_env_file_tells_where_to_report_to_and_the_token_lets_it_in(job: Example) -> None:
    with neighbour(job, RECEIVER) as receiver:
        job.edit("job.env", lambda text: text.replace("REPORT_URL=", f"REPORT_URL={address_of(receiver)}/done"))
        job.mlspec("run", env=TOKEN)
        heard = receiver.logs().decode()

    assert f'Bearer {TOKEN["REPORT_TOKEN"]} {{"done": 12, "left": 0}}' in heard


def test_a_stopped_job_finishes_its_record_and_the_next_run_does_the_rest(job: Example) -> None:
    job.edit("job.env", lambda text: text.replace("PAUSE_SECONDS=0.1", "PAUSE_SECONDS=1"))
    with job.running(env=TOKEN) as process:
        assert process.stdout
        process.stdout.readline()
        (container,) = job.containers()
        container.stop()
        last = process.stdout.read().splitlines()[-1]
    stopped = done(job)
    job.edit("job.env", lambda text: text.replace("PAUSE_SECONDS=1", "PAUSE_SECONDS=0"))
    job.mlspec("run", env=TOKEN)

    assert process.returncode == 128 + signal.SIGTERM
    assert container.attrs["Config"]["StopTimeout"] == 30
    assert 0 < len(stopped) < len(ALL)
    assert last == str({"done": len(stopped), "left": len(ALL) - len(stopped)})
    assert done(job) == ALL


# Fine-tuning


@pytest.fixture(scope="module")
def tuning(copy: Callable[[str], Example]) -> Example:
    example = copy("fine-tuning")
    example.build()
    return example


def test_a_model_is_downloaded_once_and_then_taken_from_the_cache(tuning: Example, user: User) -> None:
    sentences = (tuning.folder / "data/sentences.csv").read_text()
    program = f"from pathlib import Path\nPath('/tmp/sentences.csv').write_text({sentences!r})\n{HUB}"
    tuning.give_to(user)
    with neighbour(tuning, program) as hub:
        address = {"HF_ENDPOINT": address_of(hub)}
        first = tuning.mlspec("run", prefix=user.prefix, env=address)
        tuning.mlspec("run", prefix=user.prefix, env=address)
        heard = hub.logs().decode()
    offline = tuning.mlspec("run", prefix=user.prefix, env={"HF_HUB_OFFLINE": "1"})

    assert "minishlab/potion-base-2M: downloaded" in first
    assert "epoch 30: 100% of" in first
    assert heard.count("GET /minishlab/potion-base-2M/resolve/main/model.safetensors") == 1
    assert "minishlab/potion-base-2M: from the cache" in offline
    assert belongs_to(tuning.folder / "models/tuned.safetensors", user)


# Several services with a library that they share


def test_services_share_a_library_and_a_model_by_the_paths_of_the_repository(
    copy: Callable[[str], Example], user: User
) -> None:
    example = copy("monorepo")
    example.give_to(user)
    for service in ("train", "worker"):
        example.mlspec("build", "--progress", "plain", "-f", f"services/{service}/mlspec.yaml")
        example.say(f"services/{service}/run.sh", prefix=user.prefix)
    scores = example.folder / "services" / "worker" / "results" / "scores.json"

    assert json.loads(scores.read_text()) == {"anna.txt": 5.33, "ben.txt": -3.5}
    assert belongs_to(example.folder / "models" / "model.json", user)
