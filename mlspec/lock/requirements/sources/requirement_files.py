"""The settings of uv beside a requirements file: `uv pip` applies them, and mlspec reads only the file itself."""

from __future__ import annotations

from collections.abc import Iterator

from mlspec.lock.requirements.requirement_types import Unheeded
from mlspec.lock.requirements.sources.choices import is_pypi, torch_accelerator
from mlspec.lock.requirements.sources.source_tables import Conditions, TomlText
from mlspec.lock.requirements.sources.uv import read_config
from mlspec.lock.requirements.sources.uv_settings import TAKE_PINS
from mlspec.spec.place import Place
from mlspec.text import without_login


def find_unheeded(toml: TomlText, above: tuple[str, ...], shown: str, conditions: Conditions) -> Iterator[Unheeded]:
    """Yield the settings in a table of ``toml`` that would change the pins of the requirements file ``shown``."""
    tables = read_config(toml, above, conditions)
    for problem in tables.problems:
        pins = f"pin what it is about: uv pip compile {shown} -o requirements.txt, and name that file in its place"
        place = Place(file=problem.file, span=problem.span, excerpt=problem.excerpt)
        yield Unheeded("setting", problem.message, pins if problem.hint == TAKE_PINS else problem.hint, place)
    for option, place in tables.options:
        message = f"uv uses {option} from here for {shown}, but that file does not set it"
        yield Unheeded("setting", message, f"write into {shown}: {option}", place)
    for text, place in tables.constraints:
        message = f"uv limits {shown} to {text}, but that file does not"
        hint = f"write it into a constraints.txt, and into {shown}: -c constraints.txt"
        yield Unheeded("setting", message, hint, place)
    for index in tables.indexes:
        is_known = any(own.url.rstrip("/") == index.url.rstrip("/") for own in conditions.indexes)
        if index.reach != "named" and not (is_pypi(index.url) or is_known or torch_accelerator(index.url)):
            url = without_login(index.url)
            message = f"uv asks {url} for the packages of {shown}, but the lock does not"
            hint = f"name it under `indexes`, with the packages it serves:\n- url: {url}\n  packages: [NAME, ...]"
            yield Unheeded("setting", message, hint, index.place)
    yield from tables.unheeded
