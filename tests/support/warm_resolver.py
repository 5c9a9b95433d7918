"""A warm-up for forks of the resolver: the imports of pip, and the tables that each resolution reads."""

from __future__ import annotations

import ctypes  # noqa: F401 - the resolver and pip import these only when they need them
import logging.config  # noqa: F401

from pip._internal.commands import create_command
from pip._vendor import truststore  # noqa: F401

from mlspec.facts import libraries
from mlspec.host.resolver.child import __main__  # noqa: F401

create_command("install")
libraries.whole_packages()
libraries.needs()
