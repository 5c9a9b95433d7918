"""Tests that mlspec's locks equal those of a native pip-compile; ``make native`` compares many more."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from itertools import cycle
from pathlib import Path

import pytest

from tests.support import native

HERE = Path(sys.executable)
# All Pythons of this host if continuous integration sets MLSPEC_PYTHONS, or else the Python of these tests.
FOUND = native.interpreters() if os.environ.get("MLSPEC_PYTHONS") else {platform.python_version(): HERE}


@pytest.mark.index
@pytest.mark.parametrize(("version", "name"), list(zip(FOUND, cycle(native.SAMPLE), strict=False)))
def test_no_pin_differs_from_a_native_pip_compile(monkeypatch: pytest.MonkeyPatch, version: str, name: str) -> None:
    monkeypatch.delenv("MLSPEC_INDEX_URL", raising=False)
    try:
        interpreter = native.prepared(version, FOUND[version], Path(".venv", "native").resolve())
    except subprocess.CalledProcessError:
        pytest.skip("the default index cannot be reached")
    theirs = native.native(interpreter, native.SETS[name])
    if isinstance(theirs, str):
        pytest.skip(f"the default index cannot be reached: {theirs}")

    assert native.differences(native.cross(interpreter.target, native.SETS[name]), theirs) == ()


def test_what_differs_is_said_of_both() -> None:
    assert native.differences({"a==1", "b==1"}, {"a==1", "b==2"}) == ("mlspec b==1", "native b==2")
    assert native.differences("no", {"a==1"}) == ("mlspec: no", "native: {'a==1'}")
    assert native.differences("no", "none") == ()
