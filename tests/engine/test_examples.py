"""Tests that the examples do what their comments say: build, run, change and rebuild them as a reader would."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.support.examples import EXAMPLES, Example, asked, belongs_to, installed_anew, pins, served

if TYPE_CHECKING:
    from tests.engine.conftest import User

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def training(copy: Callable[[str], Example]) -> Example:
    example = copy("first-training")
    example.build()
    return example


@pytest.fixture(scope="module")
def serving(copy: Callable[[str], Example]) -> Example:
    example = copy("serving")
    example.build()
    return example


@pytest.fixture(scope="module")
def pair(copy: Callable[[str], Example]) -> Example:
    example = copy("train-and-serve")
    example.build()
    return example


# The first training


def test_the_pins_of_the_example_are_those_that_are_built(training: Example) -> None:
    assert pins(training.folder) == pins(EXAMPLES / "first-training")


def test_training_writes_its_results_as_the_caller(training: Example, user: User) -> None:
    training.give_to(user)
    training.mlspec("run", "--", "--epochs", "3", prefix=user.prefix)
    data = training.folder / "data"

    assert json.loads((data / "metrics.json").read_text())["epochs"] == 3
    assert {path.name for path in data.iterdir()} == {"flowers.csv", "metrics.json", "model.joblib"}
    assert all(belongs_to(path, user) for path in (data, *data.iterdir()))


def test_the_run_script_alone_runs_what_docker_alone_builds(training: Example) -> None:
    training.say("docker", "build", "--quiet", "--tag", training.name, ".")

    assert "epoch 2: accuracy" in training.say("./run.sh", "--epochs", "2")


def test_an_edit_of_the_code_reinstalls_nothing(training: Example) -> None:
    before = training.layers()
    training.edit("train.py", lambda text: text.replace("epoch {epoch}:", "round {epoch}:"))
    said = training.build()
    after = training.layers()

    assert "round 1:" in training.mlspec("run", "--", "--epochs", "1")
    assert installed_anew(said) == set()
    assert len([layer for layer in after if layer not in before]) == 1


def test_one_more_requirement_moves_nothing_else(training: Example) -> None:
    pinned, before = pins(training.folder), training.layers()
    training.edit("requirements.in", lambda text: f"{text}idna\n")
    said = training.build()
    after = training.layers()

    assert {pin.partition("==")[0] for pin in pins(training.folder) - pinned} == {"idna"}
    assert pinned <= pins(training.folder)
    # Or no layer, if this layer is still in the engine's cache.
    assert installed_anew(said) <= {"tiny_wheels"}
    # The layer of the new package, and the code, which includes requirements.in.
    assert len([layer for layer in after if layer not in before]) == 2


# A server


def test_a_server_turns_healthy_and_answers(serving: Example) -> None:
    with served(serving) as address:
        assert asked(f"{address}/predict", {"area": 60, "rooms": 3}) == {"rent": 990.0}


# Training and serving


def test_what_one_image_trains_the_other_serves(pair: Example) -> None:
    pair.mlspec("run", "train", "--", "--epochs", "7")
    with served(pair, "serve") as address:
        assert asked(f"{address}/healthz") == {"epochs": 7}
        assert asked(f"{address}/predict", {"area": 60, "rooms": 3})["rent"] > 0


def test_the_larger_image_adds_layers_to_those_of_the_smaller(pair: Example) -> None:
    assert set(pair.layers("-train")) < set(pair.layers("-serve"))
