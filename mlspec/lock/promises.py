"""Check that locked packages keep the promise of their spec: the right accelerator, one CUDA, no login in a lock."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mlspec.errors import Problem, Span
from mlspec.facts import frameworks
from mlspec.facts.accelerator import CPU, Accelerator, from_label
from mlspec.facts.versions import minor_version, parse_release
from mlspec.lock.pins import Pin
from mlspec.lock.requirements.requirement_types import Requirement, Requirements
from mlspec.lock.variants import fitting_name
from mlspec.text import format_size, login_spans, without_login

_GPU_PACKAGE = re.compile(
    r"^(?:nvidia-(?!ml-py$).+|cuda-(?:toolkit|bindings|pathfinder|core)|triton|pytorch-triton.*|jax-cuda.*|cupy-cuda.*)$"
)
_GPU_LOCAL = re.compile(r"\+(cu\d+|rocm[\d.]+)")
_CUDA_SUFFIX = re.compile(r"-cu(\d\d)$")
# Since CUDA 13 the names of its packages have no suffix; the version of these packages begins with that of CUDA.
_CUDA_ITSELF = re.compile(r"^(?:cuda-toolkit|nvidia-(?:cublas|cuda-(?:runtime|nvrtc|cupti)))$")


def check_promises(
    requirements: Requirements, pins: Iterable[Pin], *, accelerator: Accelerator = CPU
) -> tuple[Problem, ...]:
    """Return the problems of locked ``pins`` that break the spec: for the wrong accelerator, or for two of them.

    Each problem points at the requirement that brought the packages.
    """
    pins = tuple(pins)
    by_name = {pin.name: pin for pin in pins}
    brought: dict[Requirement | None, list[Pin]] = {}
    named = {requirement.name for requirement in requirements.requirements}
    for pin in pins:
        # A package that the user names is meant: xgboost brings nvidia-nccl into CPU images too, for example.
        if _is_foreign(pin, accelerator) and not (pin.name in named and _GPU_PACKAGE.match(pin.name)):
            brought.setdefault(find_requirement(pin.name, by_name, requirements), []).append(pin)
    return (
        *(_foreign_problem(requirements, requirement, found, accelerator) for requirement, found in brought.items()),
        *_mixed_builds(requirements, pins),
        *_mixed_libraries(requirements, pins, by_name),
    )


def _is_foreign(pin: Pin, accelerator: Accelerator) -> bool:
    label = _GPU_LOCAL.search(pin.version)
    local = from_label(label[1]) if label else None
    if accelerator.is_cpu:
        return bool(label or _GPU_PACKAGE.match(pin.name))
    if pin.version.endswith("+cpu"):
        return True
    if accelerator.is_rocm:
        return bool(local and local.is_cuda) or (pin.name.startswith("nvidia-") and pin.name != "nvidia-ml-py")
    return _is_other_cuda(pin, local, accelerator)


def _is_other_cuda(pin: Pin, local: Accelerator | None, accelerator: Accelerator) -> bool:
    if local and local.is_rocm:
        return True
    suffix = _CUDA_SUFFIX.search(pin.name)
    major = accelerator.major
    is_built_for_other = suffix[1] != major if suffix else _is_itself(pin) and not pin.version.startswith(f"{major}.")
    is_labelled_other = local is not None and local != accelerator
    return bool(accelerator.version) and (is_labelled_other or is_built_for_other)


def _is_itself(pin: Pin) -> bool:
    # Placeholder packages, from before the first release under a name, have versions such as 0.0.1.
    return bool(_CUDA_ITSELF.match(pin.name)) and not pin.version.startswith("0.")


_RUNTIME = re.compile(r"(?:nvidia-cuda-runtime(?:-cu\d+)?|cuda-toolkit)$")
_BUILT_FOR = re.compile(r"-cu(?:da)?(\d\d)x?(?:-plugin)?$")


def find_cuda_version(pins: Iterable[Pin]) -> str:
    """Return the CUDA version that the locked packages were built for, such as 12.8; empty if unknown.

    The label of torch is the best source. The version of CUDA's runtime package comes next. A name such as cupy-cuda12x
    gives the major version alone.
    """
    pins = tuple(pins)
    for pin in pins:
        if pin.name == "torch" and (built_for := from_label(pin.version.partition("+")[2])) and built_for.is_cuda:
            return built_for.version
    versions = [minor_version(pin.version) for pin in pins if _RUNTIME.match(pin.name)]
    majors = [f"{found[1]}.0" for pin in pins if (found := _BUILT_FOR.search(pin.name))]
    return max(versions or majors, key=parse_release, default="")


def find_requirement(name: str, pins: Mapping[str, Pin], requirements: Requirements) -> Requirement | None:
    """Return the nearest requirement of the spec that asks for a package, directly or through other packages."""
    direct = {r.name: r for r in requirements.requirements}
    todo, seen = [name], set[str]()
    while todo:
        name = todo.pop(0)
        if name in direct:
            return direct[name]
        seen.add(name)
        todo.extend(n for n in (pins[name].via if name in pins else ()) if n not in seen)
    return None


def _foreign_problem(
    requirements: Requirements, requirement: Requirement | None, found: Sequence[Pin], accelerator: Accelerator
) -> Problem:
    names = ", ".join(f"{pin.name} {pin.version}" for pin in found[:3])
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    size = sum(pin.size or 0 for pin in found)
    weight = f" ({format_size(size)})" if size else ""
    who = requirement.name if requirement else "something"
    itself = requirement is not None and [pin.name for pin in found] == [requirement.name]
    what = f"{names}{more}{weight}"
    message = f"{what} is not for" if itself else f"{who} brings {what} into"
    if accelerator.is_cpu:
        other = fitting_name(requirement, "cpu") if requirement else ""
        instead = f"require {other} in place of {who}" if other else f"take {who} from an index with cpu wheels"
        hint = f"{instead}{'' if other else ', named under `indexes`'}; or write: accelerator: cuda"
        hint += "" if itself else f"; or, if you want both, add to the requirements: {found[0].name}"
        code, message = "MLS230", f"{message} a cpu image"
    else:
        fitting = _fitting(requirement, accelerator)
        hint = f"{fitting}take {who} from an index with wheels for {accelerator}, named under `indexes`"
        code, message = "MLS231", f"{message} a {accelerator} image"
    return requirements.problem(code, message, hint, requirement)


def _fitting(requirement: Requirement | None, accelerator: Accelerator) -> str:
    """Return hints to require packages that are known to be built for the CUDA version; empty if there are none."""
    names = frameworks.built_for(requirement.name, accelerator.major) if requirement and accelerator.is_cuda else ()
    return "".join(f"require {name}; or " for name in names)


_FAMILY = ("torch", "torchvision", "torchaudio")


def _mixed_builds(requirements: Requirements, pins: Iterable[Pin]) -> Iterator[Problem]:
    """Yield a problem if torch and its companion packages have labels of different CUDA versions."""
    labelled = {pin.name: pin for pin in pins if pin.name in _FAMILY and "+" in pin.version}
    torch = labelled.pop("torch", None)
    for pin in labelled.values():
        if torch and pin.version.partition("+")[2] != torch.version.partition("+")[2]:
            requirement = find_requirement(pin.name, {}, requirements)
            message = f"{pin.name} {pin.version} and torch {torch.version} are built for different accelerators"
            hint = f"take both from one index: require {pin.name} without its label, and name the CUDA in accelerator"
            yield requirements.problem("MLS234", message, hint, requirement)


_LIBRARY = re.compile(r"nvidia-(cudnn|cublas)(?:-cu(\d+))?$")


def _mixed_libraries(requirements: Requirements, pins: Iterable[Pin], by_name: Mapping[str, Pin]) -> Iterator[Problem]:
    """Yield a warning for a second cuDNN or a second CUDA, from frameworks that were built for different versions."""
    found: dict[str, list[Pin]] = {}
    for pin in pins:
        if library := _LIBRARY.match(pin.name):
            found.setdefault(library[1], []).append(pin)
    several = next((kind for kind in ("cudnn", "cublas") if len(found.get(kind, ())) > 1), "")
    if several:
        one, other = found[several][:2]
        who = [find_requirement(pin.name, by_name, requirements) for pin in (one, other)]
        names = [requirement.name if requirement else "something" for requirement in who]
        what = f"{names[0]} brings {one.name} {one.version} and {names[1]} brings {other.name} {other.version}"
        message = f"{what}: two CUDAs in one image, gigabytes each"
        hint = f"require a release of {names[1]} for the CUDA of {names[0]}, or give each its own image"
        yield dataclasses.replace(requirements.problem("MLS235", message, hint, who[1]), severity="warning")


def check_logins(text: str, file: str = "requirements.lock") -> tuple[Problem, ...]:
    """Return a problem for each line of a lock text that contains a login; the problem does not show the login."""
    problems = []
    for number, line in enumerate(text.split("\n"), start=1):
        for start, _ in login_spans(line):
            shown = without_login(line, "***@")
            span = Span(number, start + 1, number, start + 4)
            hint = "remove the login from the requirement's URL; write it into a secret of `indexes`"
            problem = Problem(code="MLS233", message="this URL contains a login, and a lock is public", hint=hint)
            problems.append(problem.at(file, span, shown))
    return tuple(problems)
