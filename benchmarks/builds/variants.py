"""The compared Dockerfiles: those of ``shapes``, the Dockerfile of mlspec, and variations of mlspec's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.builds.project import HERE, State
from benchmarks.builds.wheels import PYTHON

OURS = "mlspec"
CLASSIC = "classic"
_BY_UV = "/uv/bin/uv pip install --no-deps --requirement /lock"
_BY_PIP = (
    "python3 -m pip --python /opt/venv/bin/python install --root-user-action=ignore --no-deps --no-compile"
    " --require-hashes --requirement /lock"
)
MLSPEC = str(Path(sys.executable).with_name("mlspec"))
"""The mlspec program of this Python's environment."""


@dataclass(frozen=True)
class Site:
    """The sources of all builds: the package index, and the registry of the base images."""

    index: str
    registry: str


def _by_pip(text: str) -> str:
    """Replace uv by pip in mlspec's Dockerfile. The layers and the hashes stay the same."""
    assert _BY_UV in text
    return text.replace(_BY_UV, _BY_PIP).replace("target=/root/.cache/uv", "target=/root/.cache/pip")


VARIATIONS: dict[str, Callable[[str], str]] = {OURS: lambda text: text, f"{OURS}-pip": _by_pip}
"""mlspec's Dockerfile, and variations with one change each, to measure the effect of that change."""


def names() -> list[str]:
    """Return the names of all variants, the classic one first."""
    peers = sorted({path.stem for path in (HERE / "shapes").glob("*.Dockerfile")} - {CLASSIC})
    return [CLASSIC, *VARIATIONS, *peers]


def prepare(variant: str, folder: Path, state: State, site: Site, salt: str) -> float:
    """Write the files of ``variant`` for ``state``, and return the seconds that mlspec took to render.

    The names of cache mounts contain ``salt``, so the build neither uses nor fills the cache mounts of other builds.
    """
    state.written(folder)
    seconds = 0.0
    path = folder / "Dockerfile"
    if variation := VARIATIONS.get(variant):
        # Restore mlspec's own last Dockerfile, because mlspec refuses to overwrite an edited one.
        kept = folder / ".Dockerfile.written"
        if kept.exists():
            path.write_bytes(kept.read_bytes())
        seconds = _render(folder, state, site)
        kept.write_bytes(path.read_bytes())
        text = variation(path.read_text())
    else:
        text = (HERE / "shapes" / f"{variant}.Dockerfile").read_text()
        variables = " ".join(f'{name}="{value}"' for name, value in state.environment.items())
        text = text.replace("@BASE@", state.base).replace("@ENVIRONMENT@", variables)
        (folder / ".dockerignore").write_text("Dockerfile\n.dockerignore\n")
    path.write_text(_own_caches(text, salt))
    return seconds


def _own_caches(text: str, salt: str) -> str:
    """Give the cache mounts of a Dockerfile names that only this run uses."""

    def named(match: re.Match[str]) -> str:
        fields = [part for part in match[1].split(",") if not part.startswith("id=")]
        target = next(part.partition("=")[2] for part in fields if part.startswith("target="))
        return f"--mount={','.join(fields)},id={salt}{target.replace('/', '-')}"

    return re.sub(r"--mount=(type=cache,\S+)", named, text)


def _render(folder: Path, state: State, site: Site) -> float:
    """Run mlspec to lock and render, and return the seconds of both."""
    name, _, digest = state.base.partition("@")
    spec = {
        "python": PYTHON,
        "name": "bench",
        "base": name,
        "requirements": "requirements.txt",
        # Otherwise torch would come from its own index.
        "indexes": [{"url": site.index, "packages": ["torch"]}],
        "environment": dict(state.environment),
        "entrypoint": "python app.py",
    }
    (folder / "mlspec.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    environment = {
        **os.environ,
        "MLSPEC_INDEX_URL": site.index,
        "MLSPEC_REGISTRY_MIRROR": f"http://{site.registry}",
        "MLSPEC_CACHE_DIR": "off",
    }
    lock = folder / "mlspec.lock"
    is_moved = lock.exists() and digest not in lock.read_text()
    commands = [[MLSPEC, "lock", "--upgrade"]] if is_moved else []
    start = time.perf_counter()
    for command in [*commands, [MLSPEC, "render", "--quiet"]]:
        subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return time.perf_counter() - start
