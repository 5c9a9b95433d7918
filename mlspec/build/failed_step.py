"""The explanation of a failed build: the step, its output, the line of the spec that asks for the step, and the fix."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mlspec.build.failure_causes import CAUSES, PACKAGES, Cause
from mlspec.build.steps import Step, short_reference
from mlspec.build.stream import BuildState
from mlspec.build.view import rows
from mlspec.errors import Problem, Span
from mlspec.facts import libraries
from mlspec.lock.promises import find_requirement
from mlspec.lock.requirements.requirement_types import Requirement
from mlspec.plan.plan import Plan
from mlspec.plan.planned_image import PlannedImage
from mlspec.spec.document import Document
from mlspec.spec.place import Place
from mlspec.targets.registry import emit
from mlspec.text import did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedStep:
    """The step that ended a build: its output, BuildKit's error, its seconds, its line in the Dockerfile or 0."""

    step: Step
    output: tuple[str, ...]
    error: str
    seconds: float = 0.0
    line: int = 0

    @property
    def exit_code(self) -> int | None:
        """The exit code of the step's program, or None if no program failed."""
        match = _EXIT_CODE.search(self.error)
        return int(match[1]) if match else None

    @property
    def tail(self) -> tuple[str, ...]:
        """The end of the step's output, from the first line that looks like an error."""
        lines = self.output[-_MOST_LOOKED_AT:]
        start = next((n for n, line in enumerate(lines) if _TROUBLE.match(line)), max(0, len(lines) - _FEW))
        return lines[max(start, len(lines) - _MANY) :]


_EXIT_CODE = re.compile(r"exit code: (\d+)")
_MOST_LOOKED_AT, _MANY, _FEW = 120, 30, 12
# The first words of error messages of apt, uv, pip, Python, git and compilers.
_TROUBLE = re.compile(r"E: |Err:|error: |ERROR: |Traceback \(|fatal: |\s*\u00d7 |\S+: error: |.*: fatal error: ")


def find_failed_step(build: BuildState, steps: Sequence[Step]) -> FailedStep:
    """Return the first step of a failed build with an error of its own, or else a step with the client's error."""
    failed = [row for row in rows(build, steps, build.latest) if row.state == "failed"]
    line = next((int(match[1]) for said in build.said if (match := _PLACE.match(said))), 0)
    if not failed:
        error = next((said for said in reversed(build.said) if said.startswith("ERROR: ")), "")
        step = next((step for step in steps if line and step.line == line), Step(kind="other", label="the build"))
        return FailedStep(step=step, output=build.said, error=error.removeprefix("ERROR: "), line=line)
    row = failed[0]
    return FailedStep(
        step=row.step, output=row.output, error=row.error, seconds=row.seconds, line=line or row.step.line
    )


# At the end, buildx names the place in the Dockerfile, and then shows the lines.
_PLACE = re.compile(r"\S.*:(\d+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureContext:
    """The spec, the image, and its Dockerfile: the problem of a failed build points into the spec or the Dockerfile."""

    document: Document
    subject: PlannedImage
    dockerfile: str


def failure_context(document: Document, subjects: Iterable[PlannedImage], plan: Plan) -> FailureContext:
    """Return the texts that the problem of a failed build can point into."""
    subject = next(s for s in subjects if (s.plan.key, s.plan.platform) == (plan.key, plan.platform))
    (dockerfile,) = emit(plan, ["dockerfile"])
    return FailureContext(document=document, subject=subject, dockerfile=dockerfile.text)


def problem_of(failure: FailedStep, source: FailureContext) -> Problem:
    """Return the problem of a failed step, at the line of the spec that caused it, or else of the Dockerfile."""
    lines = (*failure.output, failure.error)
    for cause in CAUSES:
        if (named := cause.match(failure.step.kind, lines)) is not None:
            return _explain_cause(failure, source, cause, named)
    code = failure.exit_code
    message = f"{failure.step.label} failed" + ("" if code is None else f" with exit code {code}")
    hint = "see its output above" if failure.output else _inline(failure.error)
    return place_of(failure.step, source, line=failure.line).problem("MLS520", message, hint)


def _explain_cause(failure: FailedStep, source: FailureContext, cause: Cause, named: Mapping[str, str]) -> Problem:
    values = _MessageValues({**_collect_values(failure, source), **named})
    tool = re.sub(r"^.*(?:/|-linux-gnu-)", "", values["tool"])
    values["package"] = PACKAGES.get(tool, tool)
    message, hint = cause.message.format_map(values), cause.hint.format_map(values)
    if cause.about == "hash" and (given := _given_hashes(named.get("name", ""), source)):
        message = f"{message}: {given} has hashes of other files"
        hint = "use the hashes of the index: remove those there, then: mlspec lock"
    if cause.about == "apt":
        place = _place_of_apt(named["name"], failure, source)
        problem = place.problem(cause.code, message, _suggest_package(values["name"]) or hint)
        return _with_other_packages(problem, cause.list_named(failure.output)[1:])
    name = named.get("name", "") if cause.about in {"package", "hash"} else ""
    return place_of(failure.step, source, line=failure.line, package=name).problem(cause.code, message, hint)


def _given_hashes(name: str, source: FailureContext) -> str:
    """Return the place of the user's own hashes of a package, or "" if the lock has the hashes of the index."""
    required = source.subject.requirements.find_requirement(name) if name else None
    if not required or not required.hashes:
        return ""
    place = required.place
    return f"{place.file}:{place.span.line}" if place.file and place.span else "the spec"


def _with_other_packages(problem: Problem, others: Sequence[str]) -> Problem:
    """Add the other packages of apt's error to the problem of the first one, each with its own hint."""
    if not others:
        return problem
    listed = ", ".join(f'"{name}"' for name in others)
    hints = (f"{name}: {hint}" for name in others if (hint := _suggest_package(name)))
    return replace(problem, message=f"{problem.message}, nor {listed}", hint="\n".join((problem.hint, *hints)))


def _suggest_package(package: str) -> str:
    """Return a hint with the known Debian package that the user most likely meant, or "" without a similar name."""
    if found := next((row.new for row in libraries.renamed_packages() if row.old == package), ""):
        return f"its name there is {found}: apt: [{found}]"
    needed = (name for row in libraries.needs() for name in row.apt)
    new = (row.new for row in libraries.renamed_packages())
    return did_you_mean(package, {*needed, *new, *PACKAGES.values(), *_COMMON})


# The Debian packages that images for machine learning use most and no table of mlspec lists.
_COMMON = ("build-essential", "ca-certificates", "cmake", "curl", "ffmpeg", "git", "git-lfs", "jq", "unzip", "wget")


class _MessageValues(dict[str, str]):
    """Values for the fields of a message; an unknown field becomes ""."""

    def __missing__(self, key: str) -> str:
        return ""


def _collect_values(failure: FailedStep, source: FailureContext) -> dict[str, str]:
    subject = source.subject
    base, codename = short_reference(subject.plan.base.reference), subject.base.codename
    host = base.partition("/")[0]
    return {
        "label": failure.step.label,
        "base": base,
        "registry": f" {host}" if "/" in base and ("." in host or ":" in host) else "",
        "release": f"Debian {codename}" if codename else f"the Debian of {base}",
        "python": subject.settings.python,
        "platform": subject.plan.platform,
        # The image does not need the Debian packages that only a build needs.
        "key": "build_apt" if failure.step.kind == "requirements" else "apt",
    }


def _place_of_apt(name: str, failure: FailedStep, source: FailureContext) -> Place:
    packages = source.subject.settings.apt
    if failure.step.kind != "apt" or name not in packages:
        return place_of(failure.step, source, line=failure.line)
    return source.subject.image.at("apt", packages.index(name))


def place_of(step: Step, source: FailureContext, *, line: int, package: str = "") -> Place:
    """Return the place in the spec that asks for a step, or else ``line`` of the Dockerfile."""
    image = source.subject.image
    if step.kind == "requirements" and (requirement := _requirement(package, step, source.subject)):
        return requirement.place
    if step.path and step.path[0] in image.settings.model_fields_set:
        return image.at(*step.path)
    if step.kind == "base":
        return image.at("python")
    lines = source.dockerfile.split("\n")
    if 0 < line <= len(lines):
        text = lines[line - 1]
        file = source.subject.plan.files.dockerfile
        return Place(file=file, span=Span(line, 1, line, len(text) + 1), excerpt=text)
    return Place(file=source.document.file)


def _requirement(package: str, step: Step, subject: PlannedImage) -> Requirement | None:
    """Return the requirement that led to a package, or to all packages of a step; None if there are several."""
    by_name = {pin.name: pin for pin in subject.pins}
    names = [package] if package else list(step.packages)
    found = {find_requirement(name, by_name, subject.requirements) for name in names}
    return found.pop() if len(found) == 1 else None


def _inline(text: str) -> str:
    return " ".join(text.split())
