"""Rules about frameworks in one image whose files, CUDA or cuDNN conflict."""

from __future__ import annotations

from collections.abc import Iterator

from mlspec.advice.lint.subject import Subject
from mlspec.errors import Problem
from mlspec.facts import frameworks
from mlspec.facts.frameworks import Library
from mlspec.facts.torch import torch_indexes
from mlspec.facts.versions import major_version, minor_version
from mlspec.lock import variants


def install_same_files(subject: Subject) -> Iterator[Problem]:
    """Warn of packages in one image that install the same files: the winner is undefined."""
    for row in variants.same():
        found = [name for name in row.packages if name in subject.packages]
        if len(found) < 2:
            continue
        best = row.best[subject.kind].format(major=subject.cuda_major or "12")
        other = next(name for name in found if name != best)
        message = f"{' and '.join(found)} install the same files, the folder {row.what}: which one wins is not defined"
        hint = f"require only {best}" if best else "require only one of them"
        bringers = sorted({by for pin in subject.pins if pin.name == other for by in pin.via if not by.startswith("-")})
        hint += f"; {other} comes with {', '.join(bringers)}" if bringers else ""
        yield subject.warn_of_package(other, message, hint)


# CUDA and cuDNN


def need_other_libraries(subject: Subject) -> Iterator[Problem]:
    """Warn of packages that are built for another CUDA than the image's, or for another cuDNN than its torch.

    Without torch, the first framework that has a cuDNN takes the place of torch.
    """
    if not subject.accelerator.is_cuda:
        return
    found = tuple(_libraries(subject))
    first = next((row for row in found if row.package == "torch"), None) or next(filter(_has_cudnn, found), None)
    for row in found:
        if row.cuda and subject.cuda_major and major_version(row.cuda) != subject.cuda_major:
            yield _other_cuda(subject, row)
        elif first and row.cudnn and row.cudnn != first.cudnn:
            yield _other_cudnn(subject, row, first)


def _libraries(subject: Subject) -> Iterator[Library]:
    for name in sorted(subject.packages):
        if row := frameworks.library(name, subject.version(name)):
            yield row


def _has_cudnn(row: Library) -> bool:
    return bool(row.cudnn)


def _other_cuda(subject: Subject, row: Library) -> Problem:
    called, cuda = _format_version(subject, row), subject.plan.packages.cuda
    message = f"{called} is built for CUDA {row.cuda}, but this image is for CUDA {cuda}"
    whole = row.cuda if "." in row.cuda else _oldest_cuda(row.cuda, subject.version("torch"))
    own = f" with accelerator: cuda{whole}" if whole else ""
    ways = [f"require {name}" for name in frameworks.built_for(row.package, subject.cuda_major)[:1]]
    return subject.warn_of_package(row.package, message, "; or ".join([*ways, f"give it its own image{own}"]))


def _oldest_cuda(major: str, torch: str) -> str:
    """Return the oldest CUDA of a major version for which a torch is built: most drivers support it.

    Without a version of torch, the newest torch counts.
    """
    rows = (row for row in torch_indexes() if row.kind == "cuda" and row.version.startswith(f"{major}."))
    return next((row.version for row in rows if (row.has(torch) if torch else not row.last)), "")


def _other_cudnn(subject: Subject, row: Library, first: Library) -> Problem:
    one, other = _format_version(subject, first), _format_version(subject, row)
    message = f"{other} is built for cuDNN {row.cudnn}, and {one} for cuDNN {first.cudnn}: an image can have only one"
    fitting = frameworks.built_for(row.package, subject.cuda_major, cudnn=first.cudnn)[:1]
    ways = [f"require {name}" for name in fitting]
    return subject.warn_of_package(row.package, message, "; or ".join([*ways, "give each its own image"]))


def _format_version(subject: Subject, row: Library) -> str:
    return f"{row.package} {minor_version(subject.version(row.package))}"


def is_for_the_cpu(subject: Subject) -> Iterator[Problem]:
    """Warn of a torch in an image for CUDA that the main index has only for the CPU on this platform."""
    torch = subject.version("torch")
    if not subject.accelerator.is_any_cuda or not torch or "+" in torch:
        return
    if not frameworks.torch_has_cuda(torch, subject.plan.platform):
        name = f"torch {minor_version(torch)}"
        message = f"{name} from the main index is only for the CPU on {subject.plan.platform}"
        hint = (
            f"require torch>={frameworks.first_with_cuda()}; or name a CUDA whose index has it, such as: accelerator: "
        )
        yield subject.warn_of_package("torch", message, f"{hint}cuda12.8")
