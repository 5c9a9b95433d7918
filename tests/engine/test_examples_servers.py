"""Tests of the examples that serve: access, persistent files, and an image that serves another image's model."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError

import pytest

from tests.support.examples import Example, asked, belongs_to, served

if TYPE_CHECKING:
    from tests.engine.conftest import User

pytestmark = pytest.mark.engine

TOKEN = {"JUPYTER_TOKEN": "token-of-the-notebooks-6192"}
LOGIN = {"Authorization": f"token {TOKEN['JUPYTER_TOKEN']}"}


# A notebook server


@pytest.fixture(scope="module")
def lab(copy: Callable[[str], Example], user: User) -> Example:
    example = copy("notebook")
    example.give_to(user)
    example.build()
    return example


def test_the_server_lets_in_who_has_the_token_and_nobody_else(lab: Example, user: User) -> None:
    with served(lab, prefix=user.prefix, env=TOKEN) as address:
        with pytest.raises(HTTPError, match="403"):
            asked(f"{address}/api/contents")
        with pytest.raises(HTTPError, match="403"):
            asked(f"{address}/api/contents", headers={"Authorization": "token wrong"})
        (found,) = asked(f"{address}/api/contents", headers=LOGIN)["content"]

    assert found["name"] == "flats.ipynb"
    assert address.startswith("http://127.0.0.1:")


def test_what_is_saved_is_there_for_the_next_server_and_the_callers(lab: Example, user: User) -> None:
    notebook: dict[str, Any] = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    with served(lab, prefix=user.prefix, env=TOKEN) as address:
        data = {"type": "notebook", "format": "json", "content": notebook}
        asked(f"{address}/api/contents/new.ipynb", data, method="PUT", headers=LOGIN)
    with served(lab, prefix=user.prefix, env=TOKEN) as address:
        found = asked(f"{address}/api/contents/new.ipynb", headers=LOGIN)
    file = lab.folder / "notebooks/new.ipynb"
    kept = json.loads(file.read_text())
    file.unlink()

    assert found["content"] == kept == notebook
    assert file.name == found["name"]


def test_root_too_gets_a_server_whose_start_page_is_on_the_host(lab: Example) -> None:
    data = {"type": "file", "format": "text", "content": "kept"}
    with served(lab, env=TOKEN) as address:
        assert [found["name"] for found in asked(f"{address}/api/contents", headers=LOGIN)["content"]] == [
            "flats.ipynb"
        ]
        asked(f"{address}/api/contents/from-root.txt", data, method="PUT", headers=LOGIN)
    file = lab.folder / "notebooks/from-root.txt"
    kept = file.read_text()
    file.unlink()

    assert kept == "kept"


def test_a_notebook_runs_and_its_results_are_the_callers(lab: Example, user: User) -> None:
    command = "jupyter execute --inplace notebooks/flats.ipynb\n"
    lab.mlspec("shell", typed=command, prefix=user.prefix, env=TOKEN)
    file = lab.folder / "notebooks/flats.ipynb"
    _, described, grouped = json.loads(file.read_text())["cells"]

    assert "count" in "".join(described["outputs"][0]["data"]["text/plain"])
    assert grouped["execution_count"] == 2
    assert belongs_to(file, user)


def test_the_token_is_no_part_of_the_image(lab: Example) -> None:
    image = lab.engine.images.get(lab.name)

    assert "JUPYTER_TOKEN" not in json.dumps([image.attrs["Config"], image.history()])


def test_a_server_does_not_start_without_a_token(lab: Example) -> None:
    assert "MLS507" in lab.mlspec("run", env={"JUPYTER_TOKEN": ""}, code=1)


# Several images


@pytest.fixture(scope="module")
def several(copy: Callable[[str], Example]) -> Example:
    example = copy("several-images")
    # Do not build train-cuda: it takes hundreds of megabytes, and needs a GPU to run.
    example.build("prepare", "train", "serve")
    return example


def test_what_is_prepared_is_trained_on_and_what_is_trained_is_served(several: Example) -> None:
    prepared = several.mlspec("run", "prepare")
    several.mlspec("run", "train", "--", "--rounds", "40")
    with served(several, "serve") as address:
        health = asked(f"{address}/healthz")
        answer = asked(f"{address}/predict", {"area": 60, "rooms": 3})

    assert "kept 114 of 120 flats" in prepared
    assert health == {"rounds": 40}
    assert 700 < answer["rent"] < 1100


def test_a_server_cannot_change_the_model(several: Example) -> None:
    said = several.mlspec("shell", "serve", typed="touch /model/another.json || true\n")

    assert "Read-only file system" in said


def test_an_edit_of_one_images_code_leaves_the_others_as_they_are(several: Example) -> None:
    before = {key: several.layers(f"-{key}") for key in ("prepare", "train", "serve")}
    several.edit("serve.py", lambda text: text.replace("the likely rent", "the rent"))
    several.build("prepare", "train", "serve")
    after = {key: several.layers(f"-{key}") for key in before}

    assert {key for key in before if after[key] != before[key]} == {"serve"}


def test_images_share_the_layers_of_what_they_both_require(several: Example) -> None:
    shared = set(several.layers("-train")) & set(several.layers("-serve"))
    base = set(several.engine.images.pull("python", "3.12-slim-bookworm").attrs["RootFS"]["Layers"])

    assert len(shared - base) >= 2  # numpy, and scipy, which xgboost requires
