"""Tests of the engine with options for GPUs and devices: it creates containers without starting them or a GPU."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from mlspec.targets import run_caller, run_script

if TYPE_CHECKING:
    from tests.engine.conftest import Make

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine")]


@contextlib.contextmanager
def created(make: Make, base: str, yaml: str) -> Iterator[dict[str, Any]]:
    """Create a container with the options of a run, and yield its HostConfig."""
    plan = make(f"python: 3.12\n{yaml}").plan()
    words = run_caller.run_words(run_script.run_script(plan.run), (), run_caller.Caller(home="/home/me"))
    options = words[2 : words.index(plan.image)]
    done = subprocess.run(["docker", "create", *options, base], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    container = done.stdout.strip()
    try:
        said = subprocess.run(["docker", "inspect", container], capture_output=True, text=True, check=True).stdout
        yield json.loads(said)[0]["HostConfig"]
    finally:
        subprocess.run(["docker", "rm", container], capture_output=True, check=True)


@pytest.mark.parametrize(
    ("gpus", "driver", "count", "ids", "capabilities"),
    [
        ("all", "", -1, None, [["gpu"]]),
        ("2", "", 2, None, [["gpu"]]),
        ('[{device_ids: ["0", "3"]}]', "", 0, ["0", "3"], [["gpu"]]),
        ("[{device_ids: [GPU-3a23c669], driver: nvidia}]", "nvidia", 0, ["GPU-3a23c669"], [["gpu"]]),
        ("[{count: 1, capabilities: [gpu, utility, video]}]", "", 1, None, [["gpu", "utility", "video"]]),
    ],
)
def test_a_request_for_gpus_is_what_the_engine_understands(
    gpus: str, driver: str, count: int, ids: list[str] | None, capabilities: list[list[str]], make: Make, base: str
) -> None:
    with created(make, base, f"gpus: {gpus}\naccelerator: cuda") as host:
        (request,) = host["DeviceRequests"]

    assert (request["Driver"], request["Count"], request["DeviceIDs"]) == (driver, count, ids)
    assert [sorted(names) for names in request["Capabilities"]] == capabilities


def test_devices_by_the_names_of_cdi_are_what_the_engine_understands(make: Make, base: str) -> None:
    with created(make, base, 'accelerator: cuda\ngpus: [{driver: cdi, device_ids: ["nvidia.com/gpu=all"]}]') as host:
        (request,) = host["DeviceRequests"]

    assert (request["Driver"], request["DeviceIDs"]) == ("cdi", ["nvidia.com/gpu=all"])


def test_the_devices_and_groups_of_amd_are_what_the_engine_understands(make: Make, base: str) -> None:
    with created(make, base, "accelerator: rocm6.3") as host:
        assert [device["PathOnHost"] for device in host["Devices"]] == ["/dev/kfd", "/dev/dri"]
        assert "video" in host["GroupAdd"]


def test_without_an_accelerator_nothing_is_asked_for(make: Make, base: str) -> None:
    with created(make, base, "accelerator: cpu") as host:
        assert not host["DeviceRequests"]
        assert not host["Devices"]
