"""Programs from the npm registry, for the tests that try the tools of others."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def install(package: str, folder: Path) -> None:
    """Install a package, with its version, below a folder; skip the test where npm is missing, and fail it on CI."""
    if not shutil.which("npm"):
        message = f"npm, which installs {package}, is not here"
        if os.environ.get("MLSPEC_REQUIRE_ENGINE") == "1":
            pytest.fail(message)
        pytest.skip(message)
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), package]
    subprocess.run(command, check=True)
