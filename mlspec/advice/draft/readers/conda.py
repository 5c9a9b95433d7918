"""The reader of conda's environment files: Python, accelerator and pip's packages; conda's packages get a note."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from mlspec.advice.draft.readers.pip import read_pip_words
from mlspec.advice.draft.readers.statements import Statement, ToolFile, carry_variable
from mlspec.errors import Problem, SpecError
from mlspec.spec import document
from mlspec.spec.document import Document

_R = re.compile(r"(?:r|rpy2|bioconductor)(?:-|$)|mro-|_r-")
# Conda's packages with CUDA's libraries; their version is the version of CUDA.
_CUDA = {"cudatoolkit", "pytorch-cuda", "cuda-toolkit", "cuda-version", "cuda"}
_OTHER_NAMES = {"pytorch": "torch", "pytorch-cpu": "torch", "pytorch-gpu": "torch", "py-opencv": "opencv-python"}


def parse_yaml(source: ToolFile) -> Document | Statement:
    """Parse a YAML text to a document with places; return the reason as a statement if it cannot be parsed."""
    try:
        return document.parse(source.text, source.file)
    except SpecError as error:
        problem: Problem = error.problems[0]
        number = problem.span.line if problem.span else 0
        return source.leave(number, "", f"it cannot be read as YAML: {problem.message}")


def read_conda(source: ToolFile) -> Iterator[Statement]:
    """Yield the statements of an environment file."""
    read = parse_yaml(source)
    if isinstance(read, Statement):
        yield read
        return
    for key, value in read.data.items():
        number = read.locate((key,), on_key=True).line
        if key == "dependencies" and isinstance(value, list):
            yield from _read_packages(source, read, value)
        elif key == "variables" and isinstance(value, dict):
            for name, text in value.items():
                place = read.locate((key, name), on_key=True).line
                yield carry_variable(source, place, f"{name}: {text}", str(name), str(text))
        elif key == "channels":
            channels = [str(channel) for channel in value] if isinstance(value, list) else [str(value)]
            why = "conda's channels; mlspec takes packages from pip's index"
            yield source.leave(number, f"channels: {', '.join(channels)}", why, matters=False)
        elif key not in {"name", "prefix"}:
            yield source.leave(number, f"{key}: {_text_of(value)}", "mlspec does not know this key of conda")


def _read_packages(source: ToolFile, read: Document, listed: list[Any]) -> Iterator[Statement]:
    for index, item in enumerate(listed):
        number = read.locate(("dependencies", index)).line
        if isinstance(item, dict) and isinstance(item.get("pip"), list):
            for position, entry in enumerate(item["pip"]):
                place = read.locate(("dependencies", index, "pip", position)).line
                yield from read_pip_words(source, place, str(entry))
        elif isinstance(item, str):
            yield from _read_package(source, number, item)
        else:
            yield source.leave(number, _text_of(item), "it is not the name of a package")


def _read_package(source: ToolFile, number: int, item: str) -> Iterator[Statement]:
    name, version = split_package(item)
    if name == "python":
        yield source.carry(number, item, "python", version or "*")
    elif name in _CUDA:
        found = re.match(r"=*(\d+\.\d+)", version)
        yield source.carry(number, item, "accelerator", f"cuda{found[1]}" if found else "cuda")
    elif name in {"cpuonly", "pip", "wheel"} or (name == "setuptools" and not version):
        return
    elif _R.match(name):
        yield source.leave(number, item, "a package of R; mlspec makes Python images")
    elif name == "setuptools":
        yield source.leave(number, item, "a pin that builds of old packages may need; require it if yours do")
    else:
        yield replace(source.leave(number, item, _why_not(name)), package=_OTHER_NAMES.get(name, name))


def _why_not(name: str) -> str:
    if name in _OTHER_NAMES:
        return f"a package of conda; pip has it as {_OTHER_NAMES[name]}: add that to the requirements"
    return "a package of conda; if pip has it, and your code needs it, add it to the requirements"


def split_package(item: str) -> tuple[str, str]:
    """Return the name and the version condition of an entry for conda, without its channel and its build."""
    text = item.partition("#")[0]
    within = re.search(r"\[[^\]]*\bversion\s*=\s*(?:[\"']([^\"']*)[\"']|([^,\]]*))", text)
    text = re.sub(r"\[[^\]]*\]?", "", text).rpartition("::")[2].strip()
    if within and re.fullmatch(r"[A-Za-z0-9_][\w.-]*", text):
        text = f"{text} {within[1] or within[2] or ''}".strip()
    found = re.match(r"([A-Za-z0-9_][\w.-]*)\s*(.*)", text)
    if not found:
        return text.lower(), ""
    # The third word, or the part behind the second sign, is the build: python=3.11.4=h1234_0, python 3.11.4 h1234_0.
    version = re.sub(r"^(=?[^=<>!~\s,|]+)(?:=|\s+)[^=<>\s]+$", r"\1", found[2].strip())
    return found[1].lower(), re.sub(r"\s+", "", version)


def is_for_r(source: ToolFile) -> bool:
    """Return whether an environment file lists packages of R and no Python."""
    read = parse_yaml(source)
    listed = read.data.get("dependencies") if isinstance(read, Document) else None
    if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
        return False
    names = [split_package(item)[0] for item in listed]
    return any(map(_R.match, names)) and "python" not in names and "pip" not in names


def _text_of(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_text_of(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_text_of, value)) + "]"
    return str(value)
