"""Hand-made sources of failed builds: the spec, the image and the lock that a problem points into."""

from __future__ import annotations

from mlspec.advice.lint import Subject
from mlspec.build.failed_step import FailureContext
from mlspec.build.steps import Step, steps_of
from mlspec.lock.mlspec_lock import BaseLock
from mlspec.lock.requirements.collect import RequirementEntry, collect
from mlspec.lock.requirements_lock import parse_requirements
from mlspec.plan.plan import Plan
from mlspec.spec.spec import Spec
from mlspec.targets import registry


def source_of(spec: Spec, plan: Plan, lock: str, dockerfile: str = "") -> FailureContext:
    """Return the source for the only image of a spec; without ``dockerfile``, the Dockerfile is drawn now."""
    image = spec.images[0]
    entries = [
        RequirementEntry(entry, ("requirements", index), spec.document)
        for index, entry in enumerate(image.settings.requirements)
    ]
    subject = Subject(
        image=image,
        plan=plan,
        base=BaseLock(reference="python:3.12-slim", python="3.12.1", glibc="2.36", codename="bookworm"),
        requirements=collect(entries, lambda path: "", "mlspec.yaml"),
        pins=parse_requirements(lock, "requirements.lock").pins,
    )
    return FailureContext(
        document=spec.document, subject=subject, dockerfile=dockerfile or registry.emit(plan, ["dockerfile"])[0].text
    )


def steps_for(source: FailureContext, lock: str) -> tuple[Step, ...]:
    """Return the steps of the image of ``source``."""
    layers = parse_requirements(lock, "requirements.lock").layers
    return steps_of(source.subject.plan, source.subject.settings.run, layers, (), source.dockerfile)
