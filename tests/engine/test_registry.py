from __future__ import annotations

import docker
import pytest

from mlspec.host.network import registry

pytestmark = pytest.mark.engine

PYTHONS = ("3.10", "3.11", "3.12", "3.13")


@pytest.fixture
def mirrored(engine: docker.DockerClient) -> docker.DockerClient:
    if not engine.info()["RegistryConfig"]["Mirrors"]:
        pytest.skip("this engine has no mirror, so the answer may change between two questions")
    return engine


def test_the_engine_s_mirror_is_found(mirrored: docker.DockerClient) -> None:
    mirrors = mirrored.info()["RegistryConfig"]["Mirrors"]

    source = registry.resolve("python:3.12-slim", "linux/amd64").source

    assert source in {mirror.split("://")[1].strip("/") for mirror in mirrors}


@pytest.mark.parametrize("python", PYTHONS)
def test_the_digest_is_the_one_the_engine_sees(mirrored: docker.DockerClient, python: str) -> None:
    seen = mirrored.images.get_registry_data(f"python:{python}-slim").id

    assert registry.resolve(f"python:{python}-slim", "linux/amd64").digest == seen


@pytest.mark.usefixtures("mirrored")
@pytest.mark.parametrize("python", PYTHONS)
def test_the_python_is_the_one_of_the_tag(python: str) -> None:
    found = registry.resolve(f"python:{python}-slim", "linux/amd64").python

    assert (found or "").startswith(f"{python}.")
