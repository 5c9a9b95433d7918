"""The accelerator, shared memory and Debian packages that the code and its packages call for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mlspec.advice.draft.folder import REQUIREMENT_FILES, Choice, Folder, Wanted
from mlspec.advice.draft.other_tools import Others
from mlspec.advice.draft.scripts import Script, is_tool
from mlspec.facts import libraries

_ABLE = ("jax", "tensorflow", "torch")
# Packages that do nothing without an NVIDIA GPU.
_CUDA_ONLY = ("vllm", "flash-attn", "bitsandbytes", "cupy", "tensorrt", "deepspeed", "apex", "mamba-ssm", "auto-gptq")
_USES_CUDA = re.compile(r"""\.cuda\(|\.to\(\s*["']cuda|device\s*=\s*(?:torch\.device\(\s*)?["']cuda|--gpus\b""")
_ASKS_FIRST = re.compile(r"cuda\.is_available|device_count\(\)|is_gpu_available|list_physical_devices")
_LABEL = re.compile(r"(?:\+|/whl/)cu(\d{2})(\d)\b")
_EXTRA = re.compile(r"(?im)^\s*(jax\[[^\]]*cuda|tensorflow\[[^\]]*and-cuda)")
# As the rule on loader workers: with any, batches pass through shared memory, of which Docker gives 64 MB.
_WORKERS = re.compile(r"""\bnum_workers["']?\s*[=:]\s*(?:[1-9]|os\.cpu_count|cpu_count|multiprocessing)""")


@dataclass(frozen=True, slots=True)
class Device:
    """The accelerator that was chosen, and whether there was a choice: whether what is used runs on either."""

    choices: tuple[Choice, ...]
    is_open: bool = False


def find_device(folder: Folder, scripts: Iterable[Script], packages: frozenset[str], wanted: Wanted) -> Device:
    """Return the accelerator: as asked, or as the requirements and the code say, or left to the reader."""
    if wanted.accelerator is not None:
        return Device((Choice("accelerator", wanted.accelerator, "as asked"),) if wanted.accelerator else ())
    own = [script for script in scripts if not is_tool(script.path)]
    used = {name for script in own for name in script.imports} | packages
    if version := _version(folder):
        return Device((Choice("accelerator", f"cuda{version}", "the version that the requirements name"),))
    if only := sorted(used & {*_CUDA_ONLY, *(name.replace("-", "_") for name in _CUDA_ONLY)}):
        return Device((Choice("accelerator", "cuda", f"{only[0]} needs an NVIDIA GPU"),))
    if extra := _extra(folder):
        return Device((Choice("accelerator", "cuda", f"the requirements ask for {extra}"),))
    return _of_code(own, sorted(used & set(_ABLE)))


def _of_code(scripts: Iterable[Script], able: list[str]) -> Device:
    """Return what the code does with a GPU, where a framework is used that runs with one and without."""
    if not able:
        return Device(())
    using = [script.path for script in scripts if _USES_CUDA.search(script.text)]
    asking = [script.path for script in scripts if _ASKS_FIRST.search(script.text)]
    if using and not asking:
        why = f"{using[0]} asks for a GPU, and does not look whether there is one"
        return Device((Choice("accelerator", "cuda", why),))
    why = f"{able[0]} runs on the cpu, unless you say cuda"
    if asking:
        why = f"{asking[0]} uses a GPU where there is one, which you get with cuda"
    return Device((Choice("accelerator", "", why),), is_open=True)


def _version(folder: Folder) -> str:
    found = next((match for name in REQUIREMENT_FILES if (match := _LABEL.search(folder.texts.get(name, "")))), None)
    return f"{found[1]}.{found[2]}" if found else ""


def _extra(folder: Folder) -> str:
    found = next((match for name in REQUIREMENT_FILES if (match := _EXTRA.search(folder.texts.get(name, "")))), None)
    return f"{found[1]}]" if found else ""


def find_memory(scripts: Iterable[Script], used: frozenset[str]) -> Iterator[Choice]:
    """Yield the shared memory that loader workers need."""
    for script in scripts:
        if not is_tool(script.path) and "torch" in script.imports | used and _WORKERS.search(script.text):
            yield Choice("shm_size", "8gb", f"the loader workers of {script.path} pass batches through shared memory")
            return


def find_apt(packages: frozenset[str], others: Iterable[Others], wanted: Wanted) -> Iterator[Choice]:
    """Yield the Debian packages: as asked, what a Dockerfile installs, and what packages are known to need."""
    if wanted.apt:
        yield Choice("apt", wanted.apt, "as asked")
        return
    installed = {name: f"{other.file} installs them" for other in others for name in other.apt}
    for row in libraries.needs():
        if row.package in packages and not packages & set(row.unless):
            for name in row.apt:
                installed.setdefault(name, f"{row.package} {row.needs}")
    if installed:
        yield Choice("apt", tuple(installed), "; ".join(dict.fromkeys(installed.values())))
