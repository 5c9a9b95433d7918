"""What a run of mlspec prints, `mlspec import` reads: no option and no key of a run form is unknown to it."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from mlspec.advice.imports import compose_service, run_options

DRAWN = Path(__file__).parents[2] / "targets" / "drawn"
SPECS = Path(__file__).parents[3] / "specs"


def test_every_option_of_a_run_script_is_imported() -> None:
    texts = [path.read_text(encoding="utf-8") for path in DRAWN.glob("*run.sh")]
    options = {
        option for text in texts for option in re.findall(r"(?<=\s)--[a-z-]+", text.partition('"$engine" run')[2])
    }

    known = {*run_options._OPTIONS, *run_options._NOTHING, *run_options._FLAGS}
    assert len(options) > 10
    assert sorted(options - known) == []


def test_every_key_of_a_compose_file_is_imported() -> None:
    files = [*DRAWN.glob("*compose.yaml"), *SPECS.glob("*/*compose.yaml")]
    services = [service for file in files for service in yaml.safe_load(file.read_text())["services"].values()]
    keys = {key for service in services for key in service}

    assert len(keys) > 10
    assert sorted(key for key in keys - compose_service._SERVICE.keys() if not key.startswith("x-")) == []
