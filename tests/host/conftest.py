"""Fixtures that several tests of the host use."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlspec import api


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The specs that mlspec compiles after the start of this fixture."""
    found: list[Path] = []
    render = api.render

    def note(path: Path, *rest: object, **more: object) -> object:
        found.append(path)
        return render(path, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(api, "render", note)
    return found
