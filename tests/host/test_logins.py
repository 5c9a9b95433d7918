"""Tests of logins for indexes from the secrets of a spec: read from netrc text, and never printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlspec.errors import SpecError
from mlspec.host.network.logins import login
from mlspec.spec.nested_keys import Secret
from mlspec.spec.place import Place

URL = "https://h.example/simple"


def refusal(text: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("IDX", text)
    with pytest.raises(SpecError) as raised:
        login(URL, "IDX", Secret(environment="IDX"), Path(), Place())
    return str(raised.value)


def test_a_login_is_read_from_the_netrc_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDX", "machine h.example login me password hunter2token")

    assert login(URL, "IDX", Secret(environment="IDX"), Path(), Place()) == ("me", "hunter2token")


@pytest.mark.parametrize(
    "text",
    [
        "ghp_hunter2token",
        "machine h.example ghp_hunter2token",
        "machine h.example login me\nghp_hunter2token x",
        "me:ghp_hunter2token",
        "https://me:ghp_hunter2token@h.example",
        "machine h.example login me password x\nmacdef ghp_hunter2token",
        '{"token": "ghp_hunter2token"}',
    ],
)
def test_a_secret_in_another_form_is_refused_without_a_word_of_it(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = refusal(text, monkeypatch)

    assert "MLS260: the secret IDX is not in netrc format, line " in said or "has no login" in said
    assert "hunter2token" not in said
    assert "ghp" not in said
