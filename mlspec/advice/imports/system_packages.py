"""The import of Debian packages, with their names in the image's Debian release."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlspec.advice.imports.verdicts import ImportSource, LineVerdict
from mlspec.facts import debian_packages
from mlspec.facts.debian import debian_release, default_codename
from mlspec.facts.libraries import current_name
from mlspec.spec import values

_PYTHON = re.compile(
    r"(?:lib)?python[23]?(?:\.\d+)?(?:-(?:pip|dev|venv|distutils|minimal|full|setuptools|wheel))?|python-is-python3|pip"
)
_COMPILERS = re.compile(
    r"build-essential|gcc(?:-\d+)?|g\+\+(?:-\d+)?|clang(?:-\d+)?|make|cmake|ninja-build|pkg-config|pkgconf|autoconf|automake"
    r"|libtool|swig|gfortran|nasm|yasm|patchelf|ccache|cython3?"
)
# Packages that only the installation of other packages by apt needs.
_BY_ITSELF = {"apt-utils", "apt-transport-https", "software-properties-common", "dirmngr", "gnupg-agent", "lsb-release"}
_JAVA = re.compile(r"openjdk-(\d+)-((?:jdk|jre)(?:-headless)?)")
# The versions of OpenJDK in each release: Debian's package lists on 2026-12-01.
_JAVAS = {"bullseye": ("11", "17"), "bookworm": ("17",), "trixie": ("21", "25")}
_INIT = {"tini", "dumb-init"}


def read_debian_package(
    source: ImportSource, number: int, word: str, codename: str = "", text: str = ""
) -> Iterator[LineVerdict]:
    """Yield the verdict on a Debian package, for an image on the Debian release ``codename``."""
    name, _, version = word.partition("=")
    name = name.partition("/")[0]
    codename = codename if debian_release(codename) else default_codename()
    text = text or word
    if name == "python3-tk":
        yield source.change(number, text, "apt", "libtk8.6", "the image's own Python has tkinter, which loads it")
    elif (java := _JAVA.fullmatch(name)) and java[1] not in _JAVAS.get(codename, ()):
        why = f"Debian {codename} has no {name}"
        yield source.change(number, text, "apt", f"default-{java[2]}", why)
    elif _PYTHON.fullmatch(name):
        yield source.carry(number, text, why="the image has its own Python")
    elif name in _BY_ITSELF:
        yield source.carry(number, text, why="not needed: mlspec installs from Debian itself")
    elif name in _INIT:
        yield source.change(number, text, "init", True, "replaced by the init of the engine")
    elif re.match(r"python[23]?(?:\.\d+)?-", name):
        why = "a module for Debian's Python, not for the image's: write pip's package under requirements"
        yield source.lose(number, text, why)
    elif not values.DEBIAN_PACKAGE.fullmatch(name):
        yield source.doubt(number, text, "apt", f"{name} is not the name of a Debian package")
    else:
        yield _judge_name(source, number, text, (name, version), codename)


def _judge_name(source: ImportSource, number: int, text: str, package: tuple[str, str], codename: str) -> LineVerdict:
    name, version = package
    current = current_name(name, codename)
    known = debian_packages.debian_package_names(codename)
    if known and current not in known and debian_packages.is_listed(current):
        return source.lose(number, text, f"Debian {codename} has no package {name}")
    key = "build_apt" if _COMPILERS.fullmatch(name) else "apt"
    reasons = []
    if current != name:
        reasons.append(f"renamed in Debian {codename}")
    if version:
        reasons.append(f"without the version {version}, because Debian keeps only the newest")
    if key == "build_apt":
        reasons.append("only to compile with")
    if reasons:
        return source.change(number, text, key, current, "; ".join(reasons))
    return source.carry(number, text, key, current)
