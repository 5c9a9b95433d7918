"""The output of a command on this host, with a time limit."""

from __future__ import annotations

import subprocess

# Seconds that a command may take, such as the query of a version.
_PATIENCE = 10


def read_output(*words: str, patience: float = _PATIENCE) -> str | None:
    """Run a command and return its output; None if it is missing, fails or takes longer than ``patience`` seconds."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=patience)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout + done.stderr if done.returncode == 0 else None
