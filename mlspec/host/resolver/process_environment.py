"""What of this host the resolver and git may see."""

from __future__ import annotations

import os
from pathlib import Path

from mlspec.host.home import known_home
from mlspec.host.machine import AUTHORITIES
from mlspec.host.network.user_configuration import certificate_file, configuration

# Git sets these for its hooks, and every git run from one would work on the repository of the hook.
_GIT_OF_A_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX")


def environment() -> dict[str, str]:
    """Return this process's environment without what configures pip or Python; proxies and certificates stay."""
    dropped = ("PIP_", "PYTHON", "UV_", "VIRTUAL_ENV", "CUSTOM_COMPILE_COMMAND", "MLSPEC_", *_GIT_OF_A_HOOK)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    # Requests would go by these in front of what pip is told, and git by nothing else.
    kept |= dict.fromkeys((*AUTHORITIES, "GIT_SSL_CAINFO"), certificate_file()) if configuration().certificates else {}
    kept.pop("PIP_CERT", None)
    # Pip reads no file at all, neither the machine's nor the user's, when this one is the null device.
    return {**kept, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INPUT": "1", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}


def cache() -> str:
    """Return the folder in which the resolver keeps what it downloaded; empty where this user has no place for it."""
    home = known_home()
    if not (home or os.environ.get("XDG_CACHE_HOME")):
        return ""
    # Pip's own cache may hold wheels that this user built for this machine.
    return str(Path(os.environ.get("XDG_CACHE_HOME") or Path(home, ".cache")) / "mlspec" / "pip")
