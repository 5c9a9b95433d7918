"""The reader of a base image: its Python, its Debian release, its accelerator and its packages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlspec.advice.draft.readers.statements import Statement, ToolFile
from mlspec.facts import base_image, debian
from mlspec.facts.versions import minor_version

_SLIM = "mlspec uses the slim image instead of the full one: add Debian packages that the program misses under apt"


def read_base(source: ToolFile, number: int, image: str) -> Iterator[Statement]:
    """Yield statements about the image of a FROM instruction."""
    text = f"FROM {image}"
    name, _, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    if name == "python":
        yield from _read_python(source, number, text, tag)
    elif re.search(r"(?:^|/)nvidia/cuda(?::|$)", image):
        found = re.match(r"(\d+\.\d+)", tag)
        why = "mlspec uses Python's image instead; packages such as torch include CUDA's libraries"
        yield source.carry(number, text, "accelerator", f"cuda{found[1]}" if found else "cuda", why)
    elif re.search(r"(?:^|/)pytorch/pytorch(?::|$)", image):
        yield from _read_pytorch(source, number, text, tag)
    elif name in {"debian", "ubuntu", "buildpack-deps"}:
        yield source.leave(number, text, "mlspec uses Python's image on Debian instead", matters=False)
    else:
        yield source.leave(number, text, f"its installed packages are unknown; to build on it, write base: {image}")


def _read_python(source: ToolFile, number: int, text: str, tag: str) -> Iterator[Statement]:
    version, *words = tag.split("-")
    if re.match(r"\d", version):
        yield source.carry(number, text, "python", version)
    elif version not in {"", "latest", "slim"}:
        yield source.leave(number, text, f"{version} does not say which Python")
    if any(word.startswith(("alpine", "windows")) for word in words):
        yield source.leave(number, text, f"Debian replaces {words[-1]}", matters=False)
        return
    minor = minor_version(version)
    for word in words:
        if debian.debian_release(word):
            if f"slim-{word}" in base_image.base_names(minor):
                yield source.carry(number, text, "base", f"slim-{word}")
            else:
                why = f"there are no new images of Python {minor} on {word}, so mlspec uses the newest Debian"
                yield source.leave(number, text, why, matters=False)
    if "slim" not in words:
        yield source.leave(number, text, _SLIM, matters=False)


def _read_pytorch(source: ToolFile, number: int, text: str, tag: str) -> Iterator[Statement]:
    why = "mlspec uses Python's image instead, and torch from its own index"
    cuda = re.search(r"cuda(\d+\.\d+)", tag)
    yield source.carry(number, text, "accelerator", f"cuda{cuda[1]}" if cuda else "cuda", why)
    torch = re.match(r"\d+\.\d+(?:\.\d+)?", tag)
    yield source.carry(number, text, "requirements", f"torch=={torch[0]}" if torch else "torch", why)
