"""The environment and the cache folder of the resolver and of git."""

from __future__ import annotations

import os
from pathlib import Path

from mlspec.host.home import known_home
from mlspec.host.machine import AUTHORITIES
from mlspec.host.network.user_configuration import certificate_file, configuration

# Git sets these variables for its hooks. With them, every git command in a hook would use the repository of the hook.
_GIT_OF_A_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX")


def environment() -> dict[str, str]:
    """Return this process's environment without settings of pip, Python and mlspec; proxies and certificates stay."""
    dropped = ("PIP_", "PYTHON", "UV_", "VIRTUAL_ENV", "CUSTOM_COMPILE_COMMAND", "MLSPEC_", *_GIT_OF_A_HOOK)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    # For requests, these variables have priority over pip's own option, and git reads only GIT_SSL_CAINFO.
    kept |= dict.fromkeys((*AUTHORITIES, "GIT_SSL_CAINFO"), certificate_file()) if configuration().certificates else {}
    kept.pop("PIP_CERT", None)
    # If PIP_CONFIG_FILE is the null device, pip reads no configuration file at all: not the host's, not the user's.
    return {**kept, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INPUT": "1", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}


def cache() -> str:
    """Return the folder for the resolver's downloads; empty if this user has no home folder and no XDG_CACHE_HOME."""
    home = known_home()
    if not (home or os.environ.get("XDG_CACHE_HOME")):
        return ""
    # Do not share pip's own cache: it may contain wheels that this user built for this host.
    return str(Path(os.environ.get("XDG_CACHE_HOME") or Path(home, ".cache")) / "mlspec" / "pip")
