"""Rules about the run of a container: memory, limits, mounts, health checks and downloads."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from mlspec.advice.lint.container_command import command_key, find_option_values, find_program_files, strip_launcher
from mlspec.advice.lint.subject import Context, Subject
from mlspec.errors import Problem, quote_value
from mlspec.plan.folders import CACHE

_SHARED = "/dev/shm"  # noqa: S108 - in the container


# Memory and limits


def lacks_shared_memory(subject: Subject) -> Iterator[Problem]:
    """Warn of a command that starts several processes of torch with Docker's default /dev/shm of 64 MB."""
    words = strip_launcher(subject.words)
    if not _has_little_memory(subject):
        return
    if (loaders := _number(next(find_option_values(words, _LOADERS), ""))) > 0:
        yield _little_memory(subject, f"{loaders} loader {'process passes' if loaders == 1 else 'processes pass'}")
    elif _processes(subject) > 1:
        yield _little_memory(subject, "several processes pass")


_LOADERS = ("--num-workers", "--num_workers", "--dataloader_num_workers", "--dataloader-num-workers", "--n_workers")
_PROCESSES = ("--nproc_per_node", "--nproc-per-node", "--num_processes", "--num-processes", "--devices", "--num_gpus")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else 0


def _processes(subject: Subject) -> int:
    """Return the number of processes that the command starts; 2 for ``gpu`` and ``auto`` with several GPUs."""
    value = next(find_option_values(strip_launcher(subject.words), _PROCESSES), "")
    return 2 if value in {"gpu", "auto"} and _gpus(subject) > 1 else _number(value)


def _gpus(subject: Subject) -> int:
    """Return the number of GPUs that the spec asks for; 0 for none and for ``all``, whose number is unknown."""
    gpus = subject.settings.gpus
    if gpus is None:
        return 0
    return len(gpus.device_ids) if gpus.device_ids else gpus.count if isinstance(gpus.count, int) else 0


def _has_little_memory(subject: Subject) -> bool:
    settings = subject.settings
    targets = {mount.target for mount in settings.mounts} | {path.partition(":")[0] for path in settings.tmpfs}
    return settings.shm_size is None and "torch" in subject.packages and _SHARED not in targets


def _little_memory(subject: Subject, what: str) -> Problem:
    message = f"{what} tensors through {_SHARED}, which has 64 MB: a larger batch ends in a bus error"
    return subject.warn(message, "add: shm_size: 8gb", "entrypoint" if subject.settings.entrypoint else "command")


_WORKERS = re.compile(
    r"""\bnum_workers["']?\s*[=:]\s*(?:[1-9]|os\.cpu_count|cpu_count|multiprocessing)"""
    r"""|["']--(?:dataloader[_-])?num[_-]workers["'][^)]*default\s*=\s*[1-9]"""
)


def loads_in_processes(subject: Subject, context: Context) -> Iterator[Problem]:
    """Warn of loader processes in the code with a /dev/shm of 64 MB, if the command has no option for their number."""
    asked = next(find_option_values(strip_launcher(subject.words), _LOADERS), None)
    if not _has_little_memory(subject) or asked is not None or any(lacks_shared_memory(subject)):
        return
    for path, text in find_program_files(subject, context):
        if found := _WORKERS.search(text):
            line = text.count("\n", 0, found.start()) + 1
            yield _little_memory(subject, f"the loader processes of {path}, line {line}, pass")
            return


def lacks_limits(subject: Subject) -> Iterator[Problem]:
    """Warn of several GPUs with Docker's default limits of locked memory and stack: NCCL may fail or be slow."""
    count = max(_gpus(subject), _processes(subject) if subject.plan.run.gpus else 0)
    if count > 1 and not {"memlock", "stack"} & subject.settings.ulimits.keys():
        message = "several GPUs exchange data through locked memory, and Docker allows little of it"
        hint = "add the limits that NVIDIA recommends: ulimits: {memlock: -1, stack: 67108864}"
        yield subject.warn(message, hint, "gpus" if subject.settings.gpus else "accelerator")


# Mounts


def mount_hides(subject: Subject) -> Iterator[Problem]:
    """Warn of a mount on or above the folder of the code or of the packages: the mount hides the folder."""
    settings = subject.settings
    for index, mount in enumerate(settings.mounts):
        target = posixpath.normpath(mount.target)
        is_project = mount.type == "bind" and posixpath.normpath(mount.source) == "."
        if _holds(target, settings.working_dir) and settings.include != () and not is_project:
            message = f"a mount on {target} hides the code that is copied there"
            hint = f"mount below it, on {settings.working_dir}/{_name(mount.source)}"
            yield subject.warn(message, hint, "mounts", index)
        elif subject.plan.packages.installer and _holds(target, "/opt/venv"):
            message = f"a mount on {target} hides the packages, which are installed in /opt/venv"
            hint = f"mount elsewhere, such as on /srv/{_name(mount.source)}"
            yield subject.warn(message, hint, "mounts", index)
        elif mount.type == "bind" and (name := _find_hidden_modules(subject, target)):
            message = f"a mount on {target} hides the compiled modules of {name}, which stand beside the code"
            hint = "remove the mount; to work on the code without a build each time, run: mlspec dev"
            yield subject.warn(message, hint, "mounts", index)


def _find_hidden_modules(subject: Subject, target: str) -> str:
    """Return the first package whose compiled modules, which stand beside its code, a mount hides; empty if none."""
    for package in subject.requirements.local:
        folder = posixpath.normpath(posixpath.join(subject.settings.working_dir, package.path))
        module = package.name.replace("-", "_")
        code = [posixpath.join(folder, name) for name in ("src", "lib", "python", module, f"src/{module}")]
        if package.is_compiled and (_holds(target, folder) or target in code):
            return package.name
    return ""


def _holds(folder: str, path: str) -> bool:
    return f"{path.rstrip('/')}/".startswith(f"{folder}/")


def _name(source: str) -> str:
    return posixpath.basename(posixpath.normpath(source)).strip(".~/") or "data"


# Networks


_FETCHER = re.compile(r"(?:^|[;&|(]\s*|\bexec\s+)(curl|wget)\b")
_URL_PATH = re.compile(r"https?://[^/\s\"']+(/[\w./-]*)?")


def health_needs_a_program(subject: Subject) -> Iterator[Problem]:
    """Warn of a health check by curl or wget if the image lacks the program: the container would never be healthy."""
    check = subject.settings.healthcheck
    test = check.test if check and not check.disable else None
    text = test or "" if not isinstance(test, tuple) else " ".join(test[1:])
    found = _FETCHER.search(text)
    if not found or not subject.is_slim or subject.installs(found[1]):
        return
    url = _URL_PATH.search(text)
    hint = f"let Python send the request: healthcheck: {(url and url[1]) or '/'}" if url else f"add: apt: [{found[1]}]"
    yield subject.warn(f"a slim image has no {found[1]}, so {quote_value(text)} always fails", hint, "healthcheck")


# Downloads

_DOWNLOAD = re.compile(
    r"""\bfrom_pretrained\(\s*(?:\w+\s*=\s*)?["'](?P<hub>[\w.-]+/[\w.-]+)["']"""
    r"""|\b(?:SentenceTransformer|CrossEncoder)\(\s*["'](?P<sentence>[\w./-]+)["']"""
    r"""|\b(?P<call>hf_hub_download|snapshot_download|torch\.hub\.load|whisper\.load_model)\("""
    r"""|\bpipeline\([^)]*\bmodel\s*=\s*["'](?P<pipeline>[\w.-]+/[\w.-]+)["']"""
)
_CACHES = ("HF_HOME", "HF_HUB_CACHE", "TORCH_HOME", "XDG_CACHE_HOME", "SENTENCE_TRANSFORMERS_HOME", "HF_HUB_OFFLINE")


def downloads_each_time(subject: Subject, context: Context) -> Iterator[Problem]:
    """Warn of models that the code downloads into the container: each new container downloads them again."""
    settings = subject.settings
    is_kept = any(_holds(CACHE, posixpath.normpath(mount.target)) for mount in settings.mounts)
    # A build step or a variable may already keep the models in a way that a spec does not show.
    if is_kept or settings.run or any(name in settings.environment for name in _CACHES):
        return
    for path, text in find_program_files(subject, context):
        for found in _DOWNLOAD.finditer(text):
            name = found["hub"] or found["sentence"] or found["pipeline"]
            if name and any(kept.startswith(f"{name.removeprefix('./')}/") for kept in context.kept):
                continue
            what = name or found["call"]
            message = f"{path} downloads a model ({what}) into {CACHE}, which each new container has to download again"
            volume = f"model-cache:{CACHE}"
            hint = f"keep it in a volume, {f'below mounts: - {volume}' if settings.mounts else f'mounts: [{volume}]'}"
            yield subject.warn(message, hint, "mounts" if settings.mounts else command_key(subject))
            return
