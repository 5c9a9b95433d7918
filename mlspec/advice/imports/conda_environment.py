"""The import of conda's environment files, package by package."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from mlspec.advice.draft.readers.conda import split_package
from mlspec.advice.imports.keyed import Keyed, KeyReader, ignore_because, lose_because, read_keys
from mlspec.advice.imports.known_names import find_repository
from mlspec.advice.imports.pip_words import read_pip_entry
from mlspec.advice.imports.shared_keys import read_environment, read_name
from mlspec.advice.imports.system_packages import read_debian_package
from mlspec.advice.imports.verdicts import ImportSource, LineVerdict, spread
from mlspec.advice.imports.yaml_source import parse_yaml, text_of
from mlspec.errors import Problem, SpecError
from mlspec.facts.conda_names import conda_package

_R = re.compile(r"(?:r|rpy2|bioconductor)-|r$|mro-|_r-")
_WINDOWS = re.compile(
    r"vc|vc14_runtime|vs20\d\d_runtime|ucrt|m2w64-.+|msys2-.+|pywin32|pywinpty|winpty|wincertstore|win_inet_pton"
    r"|console_shortcut|menuinst|icc_rt|libwinpthread|pywin32-ctypes|powershell_shortcut.*"
)
_LIBRARY = re.compile(r"lib[a-z0-9]|cuda-|_|\w+_linux-64$")
_INSTEAD = "packages come from the package index, not from a channel of conda"
_USUAL = {"defaults", "conda-forge", "pytorch", "nvidia", "anaconda", "main", "huggingface", "nodefaults"}


def read_conda(source: ImportSource) -> Iterator[LineVerdict]:
    """Yield the verdicts on an environment file; raise SpecError if it is not YAML, or has only packages of R."""
    read = parse_yaml(source)
    top = Keyed(source, read, (), read.data, read.data)
    _refuse_r(top)
    yield from read_keys(top, _KEYS, "conda")
    if "dependencies" not in read.data:
        yield source.lose(0, "", "it lists no dependencies")


def _refuse_r(top: Keyed) -> None:
    listed = [item for item in top.value.get("dependencies") or [] if isinstance(item, str)]
    names = [split_package(item)[0] for item in listed]
    if any(map(_R.match, names)) and not {"python", "pip"} & set(names):
        message = f"{top.source.file} lists packages of R only; mlspec makes Python images"
        problem = Problem(code="MLS416", message=message, hint="for R there is https://rocker-project.org")
        raise SpecError(problem.at(top.source.file, None))


def read_channels(one: Keyed) -> Iterator[LineVerdict]:
    """Yield the verdicts on the channels."""
    for item in one.items():
        channel = text_of(item.value)
        if channel.rpartition("/")[2] in _USUAL:
            yield item.change("", None, _INSTEAD)
        else:
            listed = (text_of(entry) for entry in one.top.get("dependencies") or [])
            named = [entry for entry in listed if entry.startswith(f"{channel}::")]
            what = f"it provides {', '.join(named)}" if named else "the file does not say for which packages"
            yield item.lose(f"a channel of conda, which pip cannot use: {what}")


def read_dependencies(one: Keyed) -> Iterator[LineVerdict]:
    """Yield the verdicts on a list of packages, with the lists for pip in it."""
    for item in one.items():
        if isinstance(item.value, dict):
            for part in item.pairs():
                if part.path[-1] == "pip":
                    yield from _read_pip(part)
                else:
                    yield part.lose("conda has no such list")
        elif isinstance(item.value, str):
            yield from _read_package(item, item.value)
        else:
            yield item.lose("it is not the name of a package")


def _read_pip(part: Keyed) -> Iterator[LineVerdict]:
    for entry in part.items():
        for verdict in read_pip_entry(entry.source, entry.number, text_of(entry.value)):
            yield spread(verdict, entry.end)


def judge_conda_channel(source: ImportSource, number: int, channel: str) -> LineVerdict:
    """Return the verdict on a channel of conda that another file names."""
    if channel.rstrip("/").rpartition("/")[2] in _USUAL:
        return source.change(number, channel, "", None, _INSTEAD)
    return source.lose(number, channel, "a channel of conda, which pip cannot use")


def judge_conda_word(source: ImportSource, number: int, word: str) -> Iterator[LineVerdict]:
    """Yield the verdicts on a package that a command installs from conda's channels."""
    yield from _read_package(Worded(source, number, word), word)


@dataclass(frozen=True, slots=True)
class Worded:
    """A word of a command, with the same methods as an entry of a file."""

    source: ImportSource
    number: int
    text: str

    @property
    def value(self) -> str:
        """The word as written."""
        return self.text

    def carry(self, key: str = "", value: Any = None, why: str = "") -> LineVerdict:  # noqa: ANN401
        """Return the verdict that the spec has the word unchanged."""
        return self.source.carry(self.number, self.text, key, value, why)

    def change(self, key: str, value: Any, why: str) -> LineVerdict:  # noqa: ANN401
        """Return the verdict that the spec has the word in another form."""
        return self.source.change(self.number, self.text, key, value, why)

    def guess(self, key: str, value: Any, why: str) -> LineVerdict:  # noqa: ANN401
        """Return the verdict that the meaning of the word is a guess."""
        return self.source.guess(self.number, self.text, key, value, why)

    def doubt(self, key: str, why: str) -> LineVerdict:
        """Return the verdict that a person has to decide about the word."""
        return self.source.doubt(self.number, self.text, key, why)

    def lose(self, why: str) -> LineVerdict:
        """Return the verdict that the spec does not have the word."""
        return self.source.lose(self.number, self.text, why)


def _read_package(item: Keyed | Worded, written: str) -> Iterator[LineVerdict]:
    name, version = split_package(written)
    if re.search(r"\s-\s", written):
        yield item.doubt("requirements", "YAML reads these lines as one text: start them in the same column")
        return
    if name == "python":
        wanted = version.replace("=py", "") or "*"
        plain = wanted.lstrip("=")
        yield item.carry("python", wanted) if plain in written.split("=") else item.change("python", wanted, "")
        return
    if name in {"pip", "wheel", "setuptools"} and not (name == "setuptools" and version):
        yield item.carry(why="mlspec has its own installer")
        return
    if _WINDOWS.fullmatch(name):
        yield item.change("", None, "for Windows only")
    elif _R.match(name):
        yield item.lose("a package of R: a Python image has none")
    else:
        yield from _read_equal(item, name, version)


def _read_equal(item: Keyed | Worded, name: str, version: str) -> Iterator[LineVerdict]:
    """Yield the verdicts on a package by its equal in the tables."""
    found = conda_package(name)
    if found.kind == "cuda":
        yield _read_cuda(item, name, version)
    elif found.kind == "base":
        yield item.carry(why="the base image or another package contains it")
    elif found.kind in {"apt", "build_apt"}:
        for verdict in read_debian_package(item.source, item.number, found.name, text=item.text):
            why = f"Debian's {found.name}" + (", in the version of Debian" if version else "")
            yield verdict.worsen("changed", why)
    elif found.kind == "none":
        yield item.lose(f"neither the package index nor Debian has {name}")
    elif not found.is_known and _LIBRARY.match(name):
        yield item.change("", None, "a library of conda: wheels bring their own; Debian's are written under apt")
    else:
        yield _read_requirement(item, name, version, found.name, is_known=found.is_known)


def _read_cuda(item: Keyed | Worded, name: str, version: str) -> LineVerdict:
    found = re.search(r"(\d+\.\d+)", version)
    if found:
        return item.change("accelerator", f"cuda{found[1]}", f"{name} is CUDA {found[1]}")
    return item.guess("accelerator", "cuda", f"{name} is CUDA, without a version")


def _read_requirement(item: Keyed | Worded, name: str, version: str, package: str, *, is_known: bool) -> LineVerdict:
    specifier = pip_specifier(version)
    if specifier is None:
        return item.doubt("requirements", f"pip does not understand the version {version}")
    repository, reason = find_repository(package, specifier)
    if repository:
        return item.change("requirements", repository, reason)
    requirement = f"{package}{specifier}"
    reasons = [] if package == name else [f"conda's {name} is {package} on the package index"]
    if specifier != version:
        reasons.append("in pip's notation" if specifier else "any version")
    if not is_known:
        return item.guess("requirements", requirement, "assumed to be the package of that name on the index")
    if reasons or "::" in item.value or "[" in item.value:
        return item.change("requirements", requirement, "; ".join(reasons) or "from the package index")
    return item.carry("requirements", requirement)


def pip_specifier(version: str) -> str | None:
    """Convert conda's conditions on a version to pip's: =1.2 becomes ==1.2.*; return None if pip has no equivalent."""
    if "|" in version or version in {"", "*"}:
        # pip has no alternatives of versions.
        return "" if version in {"", "*"} else None
    parts = [_pip_condition(part) for part in version.split(",") if part]
    specifier = ",".join(filter(None, parts))
    try:
        SpecifierSet(specifier)
    except InvalidSpecifier:
        return None
    return specifier


def _pip_condition(part: str) -> str:
    if found := re.fullmatch(r"={0,2}(\d[\w.!+]*?)\.?\*", part):
        return f"=={found[1]}.*"
    if found := re.fullmatch(r"==(\d[\w.!+]*)", part):
        return part
    if found := re.fullmatch(r"=(\d[\w.!+]*)", part):
        # pip allows no star behind a pre-release.
        return f"=={found[1]}.*" if re.fullmatch(r"[\d.]+", found[1]) else f"=={found[1]}"
    if re.fullmatch(r"\d[\w.!+]*", part):
        return f"=={part}"
    # conda allows >=1.2.*; pip allows no star behind < and >.
    return re.sub(r"^([<>]=?)(\d[\w.]*?)\.\*$", r"\1\2", part)


_KEYS: dict[str, KeyReader] = {
    "name": read_name,
    "channels": read_channels,
    "dependencies": read_dependencies,
    "variables": read_environment,
    "prefix": ignore_because("a folder of the computer that wrote the file"),
    "platforms": lose_because("write the platforms of the image under platforms"),
    "category": lose_because("a spec has no equivalent of this key of conda-lock"),
}
