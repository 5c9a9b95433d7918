"""Refuse pip's options that neither a lock nor the resolver supports, and suggest a replacement."""

from __future__ import annotations

import dataclasses
import re
from urllib.parse import urlsplit

from mlspec.errors import KeyPath, Problem, Replace, SetKey
from mlspec.facts.accelerator import Accelerator, from_label
from mlspec.lock.requirements import other_files
from mlspec.lock.requirements.other_files import Look
from mlspec.lock.requirements.pip_options import KEPT
from mlspec.lock.requirements.requirement_syntax import read
from mlspec.lock.requirements.requirement_types import Requirement
from mlspec.lock.requirements.sources.choices import is_pypi, torch_accelerator
from mlspec.lock.requirements.sources.source_tables import Conditions
from mlspec.spec.place import Place
from mlspec.text import without_login

_INDEXES = {"--index-url", "--pypi-url", "--extra-index-url"}
_TORCH_PAGE = re.compile(r"https?://download\.pytorch\.org/whl/(?:(cpu|cu\d{3}|rocm[\d.]+)/)?torch_stable\.html")
# These mirrors serve all packages of pypi.org, by the documentation of each.
_MIRROR = re.compile(
    r"https?://(?:pypi\.tuna\.tsinghua\.edu\.cn|mirrors?\.[\w.]+\.edu\.cn|mirrors\.aliyun\.com|pypi\.doubanio\.com"
    r"|pypi\.douban\.com|mirror\.baidu\.com|repo\.huaweicloud\.com|mirrors\.huaweicloud\.com"
    r"|mirrors\.cloud\.tencent\.com|pypi\.mirrors\.ustc\.edu\.cn|mirrors\.ustc\.edu\.cn|mirrors\.163\.com)(?:/|$)"
)


def refuse_option(name: str, value: str, place: Place, conditions: Conditions, look: Look) -> Problem | None:
    """Return the problem of an option, or None if mlspec does the same without the option.

    mlspec always asks pip's default index, and PyTorch's index for the accelerator of the image.
    """
    if name in _INDEXES or name == "--find-links":
        return _refuse_index(name, value, place, conditions)
    if name == "--trusted-host":
        message = f"--trusted-host would trust any server that answers for {value}"
        hint = "remove it; for a certificate of your company: export SSL_CERT_FILE=/path/to/ca.pem"
        return place.problem("MLS205", message, hint)
    if name == "--no-binary":
        hint = f"name the packages, such as: {name} antlr4-python3-runtime"
        return place.problem("MLS205", f"{name} :all: would apply to every package", hint)
    if name == "--editable":
        return _refuse_editable(value, place, look)
    if name == "--hash":
        return place.problem("MLS211", "--hash belongs after its requirement")
    hint = "supported here: -r, -c, --group, --hash, " + ", ".join(sorted(KEPT))
    return place.problem("MLS207", f"{name} is not supported", hint)


def is_mirror(url: str) -> bool:
    """Return whether a URL is of a known public mirror of the default index."""
    return bool(_MIRROR.match(url))


def _refuse_index(name: str, value: str, place: Place, conditions: Conditions) -> Problem | None:
    address = without_login(value) if "://" in value else "https://..."
    if page := _TORCH_PAGE.fullmatch(value):
        named = from_label(page[1] or "cu128")
        hint = f"remove it, and write in the spec, for the right CUDA: accelerator: {named}"
        return place.problem("MLS205", f"{value} has files of every accelerator", hint)
    if accelerator := torch_accelerator(value):
        if conditions.accelerator.covers(accelerator):
            return None
        return _other_accelerator(accelerator, place, conditions)
    if name == "--find-links":
        message = f"{address if '://' in value else value} is a list of files, and any of them may change"
        return place.problem("MLS205", message, "require each file by its address: NAME @ https://.../FILE.whl")
    if is_pypi(value):
        return None
    if is_mirror(value):
        message = f"{urlsplit(address).netloc} is a mirror for some machines, but a spec is the same everywhere"
        hint = f"remove it, and on those machines: export MLSPEC_INDEX_URL={address}"
        return place.problem("MLS205", message, hint)
    what = "lets any index answer for any package"
    if name != "--extra-index-url":
        what = "takes every package from one index, which is a setting of a machine"
    hint = f"name it under `indexes`, with the packages it serves:\n- url: {address}\n  packages: [NAME, ...]"
    if name != "--extra-index-url":
        hint += f"\nor, for a mirror of pypi.org: remove it, and export MLSPEC_INDEX_URL={address}"
    return place.problem("MLS205", f"{name} {what}", hint)


def _other_accelerator(accelerator: Accelerator, place: Place, conditions: Conditions) -> Problem:
    message = f"this index of PyTorch's is for {accelerator}, but the image is for {conditions.accelerator}"
    problem = place.problem("MLS205", message, f"write in the spec: accelerator: {accelerator}")
    return dataclasses.replace(problem, repairs=(SetKey(_beside(place.path, "accelerator"), str(accelerator)),))


def _beside(path: KeyPath, key: str) -> KeyPath:
    """Return the path of a key beside the requirements that contain ``path``."""
    above = path[: path.index("requirements")] if "requirements" in path else ()
    return (*above, key)


# Editable installs

_GIT = re.compile(r"^(?:git\+|git@)")


def _refuse_editable(value: str, place: Place, look: Look) -> Problem:
    if not _GIT.match(value):
        message = "an editable install refers to a folder of this machine"
        return place.problem("MLS206", message, other_files.advise_folder(value, look))
    found = read(value)
    meant = found.text if isinstance(found, Requirement) else value
    problem = place.problem("MLS206", "an editable install is for a folder under development", f"write: {meant}")
    is_whole = isinstance(found, Requirement) and not place.file
    repairs = (Replace(place.path, text, meant) for text in (f"-e {value}", f"--editable {value}"))
    return dataclasses.replace(problem, repairs=tuple(repairs)[:1]) if is_whole else problem
