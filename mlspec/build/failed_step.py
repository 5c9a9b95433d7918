"""Explain a failed build: the step, its output, the line of the spec that asked for it, and the fix."""

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
from mlspec.lock.requirements.values import Requirement
from mlspec.plan.plan import Plan
from mlspec.plan.planned_image import PlannedImage
from mlspec.spec.document import Document
from mlspec.targets.registry import emit
from mlspec.text import did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedStep:
    """The step that ended a build: what it said, BuildKit's error, its seconds, its line of the Dockerfile or 0."""

    step: Step
    output: tuple[str, ...]
    error: str
    seconds: float = 0.0
    line: int = 0

    @property
    def exit_code(self) -> int | None:
        """The exit code of the step's program, where it was one that failed."""
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
# How apt, uv, pip, Python, git and compilers begin to complain.
_TROUBLE = re.compile(r"E: |Err:|error: |ERROR: |Traceback \(|fatal: |\s*\u00d7 |\S+: error: |.*: fatal error: ")


def find_failed_step(build: BuildState, steps: Sequence[Step]) -> FailedStep:
    """Return what ended a build that failed: the first step with an error of its own, or else the client's words."""
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


# buildx ends with the place in the Dockerfile, before it shows the lines.
_PLACE = re.compile(r"\S.*:(\d+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureContext:
    """Where the place of a failure is looked up: the spec, the image that was built, and its Dockerfile."""

    document: Document
    subject: PlannedImage
    dockerfile: str


def failure_context(document: Document, subjects: Iterable[PlannedImage], plan: Plan) -> FailureContext:
    """Return what a failure of the build of a plan is placed in."""
    subject = next(s for s in subjects if (s.plan.key, s.plan.platform) == (plan.key, plan.platform))
    (dockerfile,) = emit(plan, ["dockerfile"])
    return FailureContext(document=document, subject=subject, dockerfile=dockerfile.text)


def problem_of(failure: FailedStep, source: FailureContext) -> Problem:
    """Return the problem that a failure is, at the line of the spec that caused it, or else of the Dockerfile."""
    lines = (*failure.output, failure.error)
    for cause in CAUSES:
        if (named := cause.match(failure.step.kind, lines)) is not None:
            return _explain_cause(failure, source, cause, named)
    code = failure.exit_code
    message = f"{failure.step.label} failed" + ("" if code is None else f" with exit code {code}")
    hint = "see its output above" if failure.output else _inline(failure.error)
    problem = Problem(code="MLS520", message=message, hint=hint)
    return place_problem(problem, failure.step, source, line=failure.line)


def _explain_cause(failure: FailedStep, source: FailureContext, cause: Cause, named: Mapping[str, str]) -> Problem:
    values = _MessageValues({**_collect_values(failure, source), **named})
    tool = re.sub(r"^.*(?:/|-linux-gnu-)", "", values["tool"])
    values["package"] = PACKAGES.get(tool, tool)
    message, hint = cause.message.format_map(values), cause.hint.format_map(values)
    if cause.about == "hash" and (given := _given_hashes(named.get("name", ""), source)):
        message = f"{message}: {given} has hashes of others"
        hint = "take the hashes that the index has: remove those there, then: mlspec lock"
    problem = Problem(code=cause.code, message=message, hint=hint)
    if cause.about == "apt":
        problem = replace(problem, hint=_suggest_package(values["name"]) or hint)
        problem = _with_other_packages(problem, cause.list_named(failure.output)[1:])
        return _at_apt(problem, named["name"], failure, source)
    name = named.get("name", "") if cause.about in {"package", "hash"} else ""
    return place_problem(problem, failure.step, source, line=failure.line, package=name)


def _given_hashes(name: str, source: FailureContext) -> str:
    """Return where the user's own hashes of a package stand; empty where the lock has those of the index."""
    required = source.subject.requirements.named(name) if name else None
    if not required or not required.hashes:
        return ""
    place = required.place
    return f"{place.file}:{place.span.line}" if place.file and place.span else "the spec"


def _with_other_packages(problem: Problem, others: Sequence[str]) -> Problem:
    """Return a problem of one package with the others of which apt said the same, each with its own hint."""
    if not others:
        return problem
    listed = ", ".join(f'"{name}"' for name in others)
    hints = (f"{name}: {hint}" for name in others if (hint := _suggest_package(name)))
    return replace(problem, message=f"{problem.message}, nor {listed}", hint="\n".join((problem.hint, *hints)))


def _suggest_package(package: str) -> str:
    """Return a hint with the Debian package that was meant, of those known here; nothing where none is near."""
    if found := next((row.new for row in libraries.renamed_packages() if row.old == package), ""):
        return f"its name there is {found}: apt: [{found}]"
    needed = (name for row in libraries.needs() for name in row.apt)
    new = (row.new for row in libraries.renamed_packages())
    return did_you_mean(package, {*needed, *new, *PACKAGES.values(), *_COMMON})


# Packages that images for machine learning ask for most, where they are in no table of ours.
_COMMON = ("build-essential", "ca-certificates", "cmake", "curl", "ffmpeg", "git", "git-lfs", "jq", "unzip", "wget")


class _MessageValues(dict[str, str]):
    """Values of a text; what is not known is left out."""

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
        # What a build of a package lacks does not belong in the image.
        "key": "build_apt" if failure.step.kind == "requirements" else "apt",
    }


def _at_apt(problem: Problem, name: str, failure: FailedStep, source: FailureContext) -> Problem:
    packages = source.subject.settings.apt
    if failure.step.kind != "apt" or name not in packages:
        return place_problem(problem, failure.step, source, line=failure.line)
    path = source.subject.image.origin("apt", packages.index(name))
    return source.document.place(replace(problem, path=path))


def place_problem(problem: Problem, step: Step, source: FailureContext, *, line: int, package: str = "") -> Problem:
    """Return a problem at what the spec says of a step, or else at this line of the Dockerfile."""
    image = source.subject.image
    if step.kind == "requirements" and (requirement := _requirement(package, step, source.subject)):
        return source.document.place(requirement.problem(problem.code, problem.message, problem.hint))
    if step.path and step.path[0] in image.settings.model_fields_set:
        return source.document.place(replace(problem, path=image.origin(*step.path)))
    if step.kind == "base":
        return source.document.place(replace(problem, path=image.origin("python")))
    lines = source.dockerfile.split("\n")
    if 0 < line <= len(lines):
        text = lines[line - 1]
        return problem.at(source.subject.plan.files.dockerfile, Span(line, 1, line, len(text) + 1), text)
    return problem.at(source.document.file, None)


def _requirement(package: str, step: Step, subject: PlannedImage) -> Requirement | None:
    """Return the requirement that brought a package, or all of a step's; None where there are several."""
    by_name = {pin.name: pin for pin in subject.pins}
    names = [package] if package else list(step.packages)
    found = {find_requirement(name, by_name, subject.requirements) for name in names}
    return found.pop() if len(found) == 1 else None


def _inline(text: str) -> str:
    return " ".join(text.split())
