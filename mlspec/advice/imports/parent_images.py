"""The import of a Dockerfile's base image: its Python, its Debian release, its accelerator and its packages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mlspec.advice.draft.pythons import DEFAULT_PYTHON
from mlspec.advice.draft.readers.instructions import DockerfileInstruction
from mlspec.advice.imports.verdicts import ImportSource, LineVerdict
from mlspec.facts import base_image, debian
from mlspec.facts.versions import minor_version

LAB = ("jupyter", "lab", "--ip", "0.0.0.0", "--no-browser")  # noqa: S104 - in a container
"""The start of JupyterLab in a container."""
_SLIM = "replaced by the slim image: if the program needs more Debian packages, write them under apt"
_REPLACED = "mlspec uses Python's image on Debian instead"
# The Python that `apt-get install python3` installs on each release of Ubuntu.
_UBUNTU = {"18.04": "3.6", "20.04": "3.8", "22.04": "3.10", "24.04": "3.12", "bionic": "3.6", "focal": "3.8",
           "jammy": "3.10", "noble": "3.12"}  # fmt: skip
_NOT_DEBIAN = re.compile(
    r"(?:^|/)(?:amazonlinux|fedora|rockylinux|almalinux|centos|oraclelinux|ubi\d+(?:-\w+)?|distroless)(?:[:/]|$)|\bubi\d*/|prefix-dev/pixi:"
)
_CONDA = re.compile(r"(?:^|/)(?:continuumio/(?:mini|ana)conda3?|mambaorg/micromamba|condaforge/\S+)(?::|$)")


def read_parent(source: ImportSource, number: int, image: str, python: str = "") -> Iterator[LineVerdict]:
    """Yield the verdicts on the image of a FROM; ``python`` is the version that the stages install, if any."""
    text = f"FROM {image}"
    name, _, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    if "$" in image:
        yield source.doubt(
            number, text, "base", "it contains a variable without a default: write the name of the image"
        )
    elif name == "python" and not re.search(r"devcontainers|lambda|kaggle|azure-functions", image):
        yield from _read_python(source, number, text, tag)
    elif found := re.search(r"astral-sh/uv:(?:[\d.]+-)?python(\d+\.\d+(?:\.\d+)?)-(?:(\w+)(-slim)?)?", image):
        yield source.change(number, text, "python", found[1], _REPLACED)
        yield from _read_release(source, number, text, found[1], found[2] or "")
    elif found := re.search(r"devcontainers/python:(?:\d+(?:\.\d+)*-)?(3\.\d+)", image):
        yield source.change(number, text, "python", found[1], _REPLACED)
    elif re.search(r"(?:^|/)nvidia/(?:cuda|cudagl)(?::|$)", image):
        yield from _read_cuda(source, number, text, tag, python)
    elif re.search(r"(?:^|/)pytorch/pytorch(?::|$)|^(?!nvcr).*/pytorch(?:-training|-inference)?:\d+\.\d+", image):
        yield from _read_framework(source, number, text, tag, "torch")
    elif re.search(r"(?:^|/)tensorflow/tensorflow(?::|$)", image):
        yield from _read_framework(source, number, text, tag, "tensorflow")
    else:
        yield from _read_other(source, number, image, python)


def _read_other(source: ImportSource, number: int, image: str, python: str) -> Iterator[LineVerdict]:
    text = f"FROM {image}"
    name, _, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    if re.search(r"nvcr\.io/nvidia/(pytorch|tensorflow)", image):
        framework = "torch" if "pytorch" in image else "tensorflow"
        yield source.guess(number, text, "accelerator", "cuda", f"{_REPLACED}, with {framework} from its index")
        yield source.guess(number, text, "requirements", framework, "the image contains it, in an unknown version")
    elif name in {"debian", "ubuntu", "buildpack-deps"} or _CONDA.search(image):
        yield from _read_system(source, number, text, tag, python)
    elif re.search(r"(?:^|/)jupyter/[\w-]+", image):
        yield source.guess(number, text, "requirements", "jupyterlab", f"{_REPLACED}; its other contents are not known")
        yield from _read_tag(source, number, image, python)
        for key, value in (("entrypoint", LAB), ("ports", "8888:8888")):
            yield source.guess(number, text, key, value, "the image starts JupyterLab")
    elif re.search(r"(?:^|/)(?:rocker/|r-base(?::|$)|bioconductor/)", image):
        yield source.lose(number, text, "an image of R; mlspec makes Python images")
    elif "lambda/python" in image:
        yield from _read_tag(source, number, image, python)
        why = "it is not Debian, and its runtime calls the handler: start one in entrypoint, such as awslambdaric"
        yield source.lose(number, text, why)
    elif _NOT_DEBIAN.search(image):
        yield source.change(number, text, "", None, "Python's image on Debian replaces it")
        yield from _read_tag(source, number, image, python)
    elif name in {"scratch", "alpine", "busybox"}:
        yield source.lose(number, text, "it is not Debian, and its Python cannot use wheels")
    else:
        why = "used as base: it needs the Python of this spec, and apt; mlspec does not use the packages of its Python"
        yield source.guess(number, text, "base", image, why)
        yield from _read_tag(source, number, image, python)


def _read_tag(source: ImportSource, number: int, image: str, python: str) -> Iterator[LineVerdict]:
    """Yield the verdicts on the Python and the accelerator that the name of an image contains."""
    text = f"FROM {image}"
    if found := re.search(r"(?<![a-z])py(?:thon)?[-:_]?(3)\.?(\d{1,2})(?!\d)", image):
        yield source.guess(number, text, "python", f"{found[1]}.{found[2]}", "the name of the image contains it")
    elif python:
        yield source.carry(number, text, "python", python, "a step uses it")
    if found := re.search(r"cuda-?(\d+\.\d+)|(?<![a-z])cu(\d\d)(\d)(?!\d)", image):
        cuda = found[1] or f"{found[2]}.{found[3]}"
        yield source.guess(number, text, "accelerator", f"cuda{cuda}", "the name of the image contains it")
    elif found := re.search(r"rocm-?(\d+\.\d+)", image):
        yield source.guess(number, text, "accelerator", f"rocm{found[1]}", "the name of the image contains it")
    elif re.search(r"(?:cuda|gpu)(?![a-z])|vllm/vllm-openai|nvcr\.io/nvidia/", image):
        yield source.guess(number, text, "accelerator", "cuda", "the image is for GPUs")


def _read_python(source: ImportSource, number: int, text: str, tag: str) -> Iterator[LineVerdict]:
    version, *words = tag.split("-")
    if re.fullmatch(r"3\.\d+(?:\.\d+)?", version):
        yield source.carry(number, text, "python", version)
    elif re.match(r"\d", version) and not re.fullmatch("3", version):
        yield source.change(number, text, "python", version, "an older Python")
    else:
        words = words if re.match(r"3$|latest$|$", version) else [version, *words]
        yield source.guess(number, text, "", None, f"{version or 'no tag'} does not name a Python")
    if any(word.startswith(("alpine", "windows")) for word in words):
        yield source.change(number, text, "", None, f"Debian replaces {words[-1]}, which cannot use most wheels")
        return
    if "@" in text:
        yield source.change(number, text, "", None, "mlspec.lock has the digest of the newest image")
    release = next((word for word in words if debian.debian_release(word)), "")
    yield from _read_release(source, number, text, version, release)
    if "slim" not in words:
        yield source.change(number, text, "", None, _SLIM)


def _read_release(source: ImportSource, number: int, text: str, version: str, release: str) -> Iterator[LineVerdict]:
    if not release:
        return
    minor = minor_version(version) if version[:1].isdigit() and "." in version else DEFAULT_PYTHON
    version = version if version.count(".") > 1 else minor
    if f"slim-{release}" in base_image.base_names(version):
        yield source.carry(number, text, "base", f"slim-{release}")
    else:
        why = f"there are no new images of Python {minor} on {release}: replaced by the newest Debian"
        yield source.change(number, text, "", None, why)


def _read_cuda(source: ImportSource, number: int, text: str, tag: str, python: str) -> Iterator[LineVerdict]:
    found = re.match(r"(\d+\.\d+)", tag)
    why = f"{_REPLACED}; packages such as torch contain the libraries of CUDA"
    if found:
        yield source.change(number, text, "accelerator", f"cuda{found[1]}", why)
    else:
        yield source.guess(number, text, "accelerator", "cuda", why)
    yield from _read_system_python(source, number, text, tag, python)


def _read_system(source: ImportSource, number: int, text: str, tag: str, python: str) -> Iterator[LineVerdict]:
    yield source.change(number, text, "", None, _REPLACED)
    # An image of conda has the Python that its environment asks for, whatever the release below it has.
    yield from _read_system_python(source, number, text, "" if _CONDA.search(text[5:]) else tag, python)


def _read_system_python(source: ImportSource, number: int, text: str, tag: str, python: str) -> Iterator[LineVerdict]:
    release = next((known for known in _UBUNTU if known in tag), "")
    if python:
        yield source.carry(number, text, "python", python, "a step installs it")
    elif release:
        yield source.guess(number, text, "python", _UBUNTU[release], f"Ubuntu {release} has it")


def _read_framework(source: ImportSource, number: int, text: str, tag: str, package: str) -> Iterator[LineVerdict]:
    why = f"{_REPLACED}, with {package} from its index"
    cuda = re.search(r"cuda(\d+\.\d+)", re.sub(r"(?<![a-z])cu(\d\d)(\d)(?!\d)", r"cuda\1.\2", tag))
    if found := re.search(r"(?<![a-z])py(3)\.?(\d{1,2})(?!\d)", tag):
        yield source.carry(number, text, "python", f"{found[1]}.{found[2]}")
    if cuda or "gpu" in tag or package == "torch":
        yield source.change(number, text, "accelerator", f"cuda{cuda[1]}" if cuda else "cuda", why)
    release = re.match(r"\d+\.\d+(?:\.\d+)?", tag)
    requirement = f"{package}=={release[0]}" if release else package
    yield source.guess(number, text, "requirements", requirement, "the image has it")


_FULL = re.compile(r"(?:^|/)python:(?!.*slim)|cuda.*devel|pytorch/pytorch|buildpack|nvcr\.io|miniconda")
# Programs of the full images that the slim images lack: docker-library/buildpack-deps.
_OF_FULL_IMAGES = {
    "curl": "curl", "wget": "wget", "git": "git", "unzip": "unzip", "make": "make", "gcc": "gcc", r"g\+\+": "g++",
}  # fmt: skip
# Before the name of a program: the beginning of a command, or a word that takes a command.
_BEFORE = r"(?:^|[;&|\"(\n]|\b(?:CMD|then|do|else|sudo|time|exec|env)\b)\s*(?:\w+=\S+\s+)*"
_APT = r"\bapt(?:-get)?\s(?:-\S+\s)*install\b"
_CALLERS = {"RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK"}


def read_missing_programs(
    source: ImportSource, number: int, image: str, lines: Iterable[DockerfileInstruction]
) -> Iterator[LineVerdict]:
    """Yield verdicts on programs that an instruction calls, the full image has, and the slim image lacks."""
    if not _FULL.search(image):
        return
    called = "\n".join(f"{line.rest} \n{line.body} " for line in lines if line.name in _CALLERS)
    # Downloads of an installer are left out: mlspec does not run them.
    called = re.sub(r"(?:curl|wget)[^|&]*(?:astral\.sh|python-poetry)[^|&]*", "", called)
    for program, package in _OF_FULL_IMAGES.items():
        if re.search(rf"{_BEFORE}{program}[\s\"]", called) and not re.search(rf"{_APT}[^&;|]*\s{program}\s", called):
            why = f"an instruction uses {package}, and the full image has it"
            yield source.guess(number, f"FROM {image}: {package}", "apt", package, why)
