"""Rules about locked packages and the parts of the image that they need: system libraries, GPUs."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from mlspec.advice.lint.accelerators import is_another_variant
from mlspec.advice.lint.subject import Subject
from mlspec.errors import Add, Problem, Replace
from mlspec.facts import base_image, debian_packages, libraries
from mlspec.facts.accelerator import Accelerator
from mlspec.facts.libraries import current_name

_OPENCV = (
    "opencv-python",
    "opencv-contrib-python",
    "opencv-python-headless",
    "opencv-contrib-python-headless",
)


def lacks_libraries(subject: Subject) -> Iterator[Problem]:
    """Warn of packages that need system libraries or programs which a slim image lacks."""
    if not subject.is_slim:
        return
    yield from loads_libraries(subject)
    asked = {requirement.name for requirement in subject.requirements.requirements}
    for row in libraries.needs():
        if row.package not in (asked if row.only_asked else subject.packages) or subject.packages & set(row.unless):
            continue
        if missing := list_missing(subject, row.apt):
            instead = row.instead if row.package in asked else ""
            hint, repairs = add_packages(subject, missing)
            hint += f"; or require {instead} in its place" if instead else ""
            message = f"{row.package} {row.needs}{'' if repairs else f', and Debian {subject.base.codename} has none'}"
            yield replace(subject.warn_of_package(row.package, message, hint), repairs=repairs)


def list_missing(subject: Subject, apt: Iterable[str]) -> tuple[str, ...]:
    """Return the Debian packages of ``apt`` that the image lacks, by their names in its Debian release."""
    names = (current_name(name, subject.base.codename) for name in apt)
    return tuple(name for name in names if not has_library(subject, name))


def add_packages(subject: Subject, missing: tuple[str, ...]) -> tuple[str, tuple[Add, ...]]:
    """Return the hint and the repair that add Debian packages; no repair if only another Debian release has them."""
    hint = f"add: apt: [{', '.join((*subject.settings.apt, *missing))}]"
    release = _find_release(subject, missing)
    if release == subject.base.codename:
        return hint, (Add((*subject.image.origin(), "apt"), missing),)
    return f"write: base: slim-{release}; and {hint}" if release else "no Debian release has it: build it in a step", ()


def _find_release(subject: Subject, apt: tuple[str, ...]) -> str:
    """Return the Debian release of the image if it has these packages, else the newest release that has them.

    The result is empty if no release has them.
    """
    others = (name.removeprefix("slim-") for name in base_image.base_names(subject.settings.python))
    listed = {name for name in apt if debian_packages.is_listed(name)}
    for codename in (subject.base.codename, *others):
        known = debian_packages.debian_package_names(codename)
        if listed <= known or not known:
            return codename
    return ""


def loads_libraries(subject: Subject) -> Iterator[Problem]:
    """Warn of libraries that a slim image lacks; the lock lists the libraries of each wheel."""
    loading = [pin for pin in subject.pins if pin.loads]
    if not subject.is_slim or not loading:
        return
    table, codename = libraries.sonames(), subject.base.codename
    for pin in loading:
        lacking = [(s, file, apt) for s, file in pin.loads if (apt := table.get(s, {}).get(codename, ""))]
        lacking = [row for row in lacking if not brings_library(subject, row[2])]
        if lacking:
            names = ", ".join(dict.fromkeys(soname for soname, _, _ in lacking))
            message = f"{pin.name} {pin.version} loads {names}, which a slim image lacks ({lacking[0][1]} in its wheel)"
            missing = tuple(dict.fromkeys(apt for _, _, apt in lacking))
            hint = f"add: apt: [{', '.join((*subject.settings.apt, *missing))}]"
            warning = subject.warn_of_package(pin.name, message, hint)
            yield replace(warning, repairs=(Add((*subject.image.origin(), "apt"), missing),))


def brings_library(subject: Subject, wanted: str) -> bool:
    """Return whether a Debian package is in the image: named in the spec, or as a dependency of a named package."""
    named = (re.split("[:=]", entry)[0] for entry in subject.settings.apt)
    codename = subject.base.codename
    return subject.installs(wanted) or any(libraries.brings(codename, name, wanted) for name in named)


def has_library(subject: Subject, name: str) -> bool:
    """Return whether the spec installs a Debian package by its name, by its t64 name, or with another package."""
    return any(subject.installs(package) for package in (name, f"{name}t64", *libraries.bringing(name)))


def is_renamed(subject: Subject) -> Iterator[Problem]:
    """Warn of Debian packages that have another name in the Debian release of the base."""
    codename = subject.base.codename
    for index, entry in enumerate(subject.settings.apt):
        old = entry.partition(":")[0]
        new = current_name(old, codename)
        if new != old:
            message = f"Debian {codename} has no {old}: the build would fail"
            repair = Replace(subject.image.origin("apt", index), old, new)
            yield replace(subject.warn(message, f"write: {new}", "apt", index), repairs=(repair,))


def has_two_opencvs(subject: Subject) -> Iterator[Problem]:
    """Warn of several distributions of OpenCV in one image: they write the same files."""
    found = [name for name in _OPENCV if name in subject.packages]
    if len(found) > 1:
        via = {pin.name: pin.via for pin in subject.pins}
        bringers = sorted({other for name in found for other in via[name] if not other.startswith("-")})
        message = f"{' and '.join(found)} install the same files, the folder cv2: which one wins is not defined"
        others = f"; they come with {', '.join(bringers)}" if bringers else ""
        yield subject.warn_of_package(found[0], message, f"require only one of them, best {found[-1]}{others}")


# Accelerators

_GPU_PACKAGES = (
    "torch",
    "tensorflow",
    "nvidia-*",
    "cupy*",
    "jax-cuda*",
    "*-gpu",
    "*-cu1[0-9]*",
    "triton",
    "numba",
    "numba-cuda",
    "xgboost",
    "catboost",
    "lightgbm",
    "vllm",
    "pycuda",
    "cuda-*",
    "bitsandbytes",
    "ctranslate2",
    "llama-cpp-python",
    "tensorrt*",
    "paddlepaddle-gpu",
    "warp-lang",
    "taichi",
    "mxnet*",
    "pynvml",
    "moderngl",
)
# Packages for the CPU only, each with its replacement for GPUs.
_INSTEAD = {"faiss-cpu": "faiss-gpu-cu12"}


def uses_no_gpu(subject: Subject) -> Iterator[Problem]:
    """Warn of a cuda image in which no locked package uses a GPU.

    The rule is silent if the spec has build steps: a step may install such a package.
    """
    settings = subject.settings
    is_ours = settings.accelerator.is_cuda and subject.is_slim and not settings.run
    if (
        not is_ours
        or not subject.is_locked
        or not subject.pins
        or any(pin.is_source for pin in subject.pins)
        or _gpu_packages(subject)
        # Another rule, `is_another_variant`, warns of a variant for the CPU.
        or any(True for _ in is_another_variant(subject))
    ):
        return
    cpu = next((name for name in _INSTEAD if name in subject.packages), "")
    if cpu:
        message = f"the locked {cpu} runs on the CPU: nothing here uses a GPU"
        yield subject.warn_of_package(cpu, message, f"require {_INSTEAD[cpu]} in its place")
    else:
        message = "no locked package is known to use a GPU"
        yield subject.warn(message, "leave accelerator out, or write: accelerator: cpu", "accelerator")


def _gpu_packages(subject: Subject) -> set[str]:
    return {name for name in subject.packages if any(fnmatch.fnmatchcase(name, known) for known in _GPU_PACKAGES)}


def asks_in_vain(subject: Subject) -> Iterator[Problem]:
    """Warn of a request for NVIDIA's GPUs in an image whose packages were chosen for another accelerator."""
    settings = subject.settings
    if settings.gpus is None or settings.accelerator.is_cuda or not subject.is_slim or settings.run:
        return
    # A cluster reads `gpus` as a number of AMD's GPUs, too.
    is_counted = subject.accelerator.is_rocm and "kubernetes" in subject.image.targets
    if "torch" in subject.packages and not is_counted:
        message = (
            f"the spec asks for GPUs, but its torch is for {_name_device(settings.accelerator)} and cannot use them"
        )
        yield subject.warn(message, "write: accelerator: cuda; or remove gpus", "gpus")


def _name_device(accelerator: Accelerator) -> str:
    return "the CPU only" if accelerator.is_cpu else str(accelerator)
