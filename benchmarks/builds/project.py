"""The project to build: a stack of packages, an application, and the changes of the scenarios."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

HERE = Path(__file__).parent
APPLICATION = """\
import sys

import {heavy}


def main() -> None:
    print(sys.version, {heavy}.__version__)


if __name__ == "__main__":
    main()
"""


@dataclass(frozen=True)
class Stack:
    """A stack of packages.

    ``heavy`` is the heaviest package, and ``room`` the bytes of disk that a round takes. The other fields are the
    changed versions for each scenario.
    """

    name: str
    heavy: str
    room: float
    light: Mapping[str, str] = field(default_factory=lambda: {"idna": "3.10"})
    medium: Mapping[str, str] = field(default_factory=lambda: {"pillow": "12.1.0"})
    large: Mapping[str, str] = field(default_factory=lambda: {"scipy": "1.17.1"})
    added: Mapping[str, str] = field(default_factory=lambda: {"tabulate": "0.9.0"})

    @property
    def pins(self) -> dict[str, str]:
        """Return each package with its first version."""
        lines = (HERE / "stacks" / f"{self.name}.txt").read_text().splitlines()
        return dict(line.split("==") for line in lines if not line.startswith("#"))

    @property
    def wheels(self) -> list[str]:
        """Return the requirements of all wheels that the index must hold, including the installer."""
        later = (self.light, self.medium, self.large, self.added)
        pins = [*self.pins.items(), *(pair for change in later for pair in change.items())]
        return ["uv", *(f"{name}=={version}" for name, version in pins)]


STACKS = {stack.name: stack for stack in (Stack("quick", "scipy", 15e9), Stack("full", "torch", 30e9))}


@dataclass(frozen=True)
class State:
    """One state of the application; ``base`` is an image with its digest."""

    base: str
    pins: Mapping[str, str]
    code: str
    environment: Mapping[str, str]
    model: bytes = b""

    def written(self, folder: Path) -> None:
        """Write the files that all variants share."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "requirements.txt").write_text("".join(f"{n}=={v}\n" for n, v in sorted(self.pins.items())))
        (folder / "app.py").write_text(self.code)
        if self.model:
            (folder / "model.bin").write_bytes(self.model)
        variables = "".join(f"  {name}: {value}\n" for name, value in self.environment.items())
        (folder / "config.yaml").write_text(f"environment_variables:\n{variables}")


@dataclass(frozen=True)
class Bases:
    """Two states of one base image, each as ``name@digest``; both have the same Python."""

    old: str
    new: str


Change = Callable[[State, Stack, Bases, int], State]
"""A change; the number is the turn, for changes that are made several times in a round."""


def pinned(choose: Callable[[Stack], Mapping[str, str]]) -> Change:
    """Return a change that adds packages or changes their versions."""
    return lambda state, stack, _, __: replace(state, pins={**state.pins, **choose(stack)})


def weights(size: int) -> bytes:
    """Return ``size`` bytes that do not compress, like the weights of a model. The bytes are the same each time."""
    return hashlib.shake_256(b"weights").digest(size)


SCENARIOS: dict[str, Change] = {
    "cold": lambda state, *_: state,
    "no-op": lambda state, *_: state,
    "code edit": lambda state, _, __, turn: replace(state, code=f"{state.code}# edit {turn}\n"),
    "add model": lambda state, *_: replace(state, model=weights(100_000_000)),
    "add light": pinned(lambda stack: stack.added),
    "bump light": pinned(lambda stack: stack.light),
    "bump medium": pinned(lambda stack: stack.medium),
    "bump heavy": pinned(lambda stack: stack.large),
    "new base": lambda state, _, bases, __: replace(state, base=bases.new),
    "new variable": lambda state, _, __, turn: replace(state, environment={**state.environment, "EPOCHS": f"{turn}"}),
}

TURNS = {"no-op": 5, "code edit": 5, "new variable": 5}
"""The number of turns in a round, for scenarios of about a second: a single time would vary too much."""


def initial(stack: Stack, base: str) -> State:
    """Return the application before any change."""
    return State(base, stack.pins, APPLICATION.format(heavy=stack.heavy), {"MODE": "train"})


def copied(source: Path, target: Path) -> Path:
    """Copy a project to a new folder, and return the new folder."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    return target
