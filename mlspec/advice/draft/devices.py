"""The accelerator, shared memory and Debian packages that the code and its packages need."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from mlspec.advice.draft.folder import Choice, Decision, DraftOptions
from mlspec.advice.draft.readers import Statement
from mlspec.advice.draft.required import Required
from mlspec.advice.draft.scripts import Script, is_tool
from mlspec.facts import libraries
from mlspec.facts.accelerator import parse_accelerator
from mlspec.facts.torch import torch_indexes
from mlspec.facts.versions import parse_release

_ABLE = ("jax", "tensorflow", "torch")
# Packages that do not run without an NVIDIA GPU.
_CUDA_ONLY = ("vllm", "flash-attn", "bitsandbytes", "cupy", "tensorrt", "deepspeed", "apex", "mamba-ssm", "auto-gptq")
_USES_CUDA = re.compile(r"""\.cuda\(|\.to\(\s*["']cuda|device\s*=\s*(?:torch\.device\(\s*)?["']cuda|--gpus\b""")
_ASKS_FIRST = re.compile(r"cuda\.is_available|device_count\(\)|is_gpu_available|list_physical_devices")
_LABEL = re.compile(r"(?:\+|/whl/(?:nightly/)?)cu(\d{2})(\d)\b")
# Extras with which packages require the libraries of CUDA: jax[cuda12], tensorflow[and-cuda], openmm[cuda12].
_EXTRA = re.compile(r"(?:.*[-_])?cuda[\d.x-]*(?:[-_].*)?|cu1[1-9]\d?", re.IGNORECASE)
# Like the rule about loader workers: workers pass batches through shared memory, of which Docker gives 64 MB.
_WORKERS = re.compile(r"""\bnum_workers["']?\s*[=:]\s*(?:[1-9]|os\.cpu_count|cpu_count|multiprocessing)""")


@dataclass(frozen=True, slots=True)
class Device:
    """The chosen accelerator; ``is_open`` tells whether the code runs with a GPU and without."""

    chosen: Decision
    is_open: bool = False


def find_device(
    scripts: Iterable[Script],
    required: Sequence[Required],
    statements: Iterable[Statement],
    wanted: DraftOptions,
) -> Device:
    """Return the accelerator: the caller's, or that of the requirements, of other tools' files or of the code.

    Without evidence the choice is left to the reader.
    """
    if wanted.accelerator is not None:
        choices = (Choice("accelerator", wanted.accelerator, "your choice"),) if wanted.accelerator else ()
        return Device(Decision(choices))
    evidence = (*_labels(required), *statements)
    if found := [statement for statement in evidence if statement.value != "cpu"]:
        return Device(_settle(found, required))
    own = [script for script in scripts if not is_tool(script.path)]
    used = {name for script in own for name in script.imports} | {line.name for line in required}
    if only := sorted(used & {*_CUDA_ONLY, *(name.replace("-", "_") for name in _CUDA_ONLY)}):
        return Device(Decision((Choice("accelerator", "cuda", f"{only[0]} needs an NVIDIA GPU"),)))
    for line in required:
        if extra := next((extra for extra in sorted(line.extras) if _EXTRA.fullmatch(extra)), ""):
            why = f"the requirements ask for {line.name}[{extra}]"
            return Device(Decision((Choice("accelerator", "cuda", why),)))
    return _of_code(own, sorted(used & set(_ABLE)))


def _labels(required: Iterable[Required]) -> Iterator[Statement]:
    """Yield the CUDA versions in lines of requirements, from a version label or the URL of an index."""
    for line in required:
        if label := _LABEL.search(line.text):
            yield replace(line.statement, key="accelerator", value=f"cuda{label[1]}.{label[2]}")


def _settle(found: Sequence[Statement], required: Iterable[Required]) -> Decision:
    """Return the first accelerator with a version, replaced if the pinned torch is not built for it."""
    first = next((statement for statement in found if statement.value != "cuda"), found[0])
    value, why = str(first.value), f"{first.place} says {first.text}"
    left = []
    if (fitting := _fit_torch(value, required)) != value:
        told = f"no build of the pinned torch for {value} is known: mlspec uses {fitting}"
        left.append(replace(first, why=told))
        value, why = fitting, f"{why}; the nearest that the pinned torch has a build for"
    for other in found:
        if other.value not in {value, "cuda", first.value}:
            left.append(other.leave(f"{first.place} says {first.value}", matters=False))
    return Decision((Choice("accelerator", value, why),), (*left, *_index_lines(required, value)))


def _fit_torch(accelerator: str, required: Iterable[Required]) -> str:
    """Return the accelerator, or the nearest CUDA for which the pinned torch is known to be built."""
    pin = next((line for line in required if line.name == "torch" and "==" in str(line.specifier)), None)
    asked = parse_release(parse_accelerator(accelerator).version)
    known = [index for index in torch_indexes() if index.kind == "cuda"]
    torch = str(pin.specifier).partition("==")[2].partition(",")[0] if pin else ""
    able = [index for index in known if torch and index.has(torch)]
    # The table says nothing about a torch that is older than its rows, or about a CUDA that is newer.
    if not able or not asked or asked > max(parse_release(index.version) for index in known):
        return accelerator
    if any(parse_release(index.version) == asked for index in able):
        return accelerator
    older = [index for index in able if parse_release(index.version) < asked]
    return f"cuda{(older[-1] if older else able[0]).version}"


def _index_lines(required: Iterable[Required], accelerator: str) -> Iterator[Statement]:
    """Yield the lines of files with an index of torch's builds: the accelerator replaces such a line."""
    for line in required:
        if line.file and line.text.startswith("-") and _LABEL.search(line.text):
            why = f"remove this line from {line.file}: accelerator: {accelerator} takes torch from there"
            yield line.statement.leave(why, matters=False)


def _of_code(scripts: Iterable[Script], able: list[str]) -> Device:
    """Return the accelerator for code with a framework for GPUs and CPUs, according to its use of GPUs."""
    if not able:
        return Device(Decision())
    using = [script.path for script in scripts if _USES_CUDA.search(script.text)]
    asking = [script.path for script in scripts if _ASKS_FIRST.search(script.text)]
    if using and not asking:
        why = f"{using[0]} uses a GPU without checking that there is one"
        return Device(Decision((Choice("accelerator", "cuda", why),)))
    why = f"{able[0]} runs on the CPU, unless you write cuda"
    if asking:
        why = f"{asking[0]} uses a GPU if there is one; to give it one, write cuda"
    return Device(Decision((Choice("accelerator", "", why),)), is_open=True)


def find_memory(scripts: Iterable[Script], used: frozenset[str]) -> Iterator[Choice]:
    """Yield the shared memory for loader workers of torch."""
    for script in scripts:
        if not is_tool(script.path) and "torch" in script.imports | used and _WORKERS.search(script.text):
            yield Choice("shm_size", "8gb", f"the loader workers of {script.path} pass batches through shared memory")
            return


def find_apt(packages: frozenset[str], statements: Iterable[Statement], wanted: DraftOptions) -> Iterator[Choice]:
    """Yield the Debian packages: the caller's, or those of other tools' files and the known needs of packages."""
    if wanted.apt:
        yield Choice("apt", wanted.apt, "your choice")
        return
    installed = {str(statement.value): f"{statement.file} installs them" for statement in statements}
    for row in libraries.needs():
        if row.package in packages and not packages & set(row.unless):
            for name in row.apt:
                installed.setdefault(name, f"{row.package} {row.needs}")
    if installed:
        yield Choice("apt", tuple(installed), "; ".join(dict.fromkeys(installed.values())))
