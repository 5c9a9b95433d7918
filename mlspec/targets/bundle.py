"""The images of a spec together, for a file that all of them share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlspec.plan.plan import Plan
from mlspec.spec.values import slug


@dataclass(frozen=True, slots=True)
class Bundle:
    """The images of one spec; ``ambiguous`` are names of secrets that have different sources in different images."""

    project: str
    plans: tuple[Plan, ...]
    ambiguous: frozenset[str]

    @property
    def servers(self) -> tuple[Plan, ...]:
        """The images that publish a port, and so run until the user stops them."""
        return tuple(plan for plan in self.plans if plan.run.ports)

    @property
    def jobs(self) -> tuple[Plan, ...]:
        """The images without a published port: their programs end by themselves."""
        return tuple(plan for plan in self.plans if not plan.run.ports)

    def secret(self, plan: Plan, name: str) -> str:
        """Return the name of an image's secret in the shared file.

        A prefix with a dot is unique, because no name of a secret has a dot.
        """
        return f"{plan.key}.{name}" if name in self.ambiguous else name


def bundle_of(plans: Sequence[Plan]) -> Bundle:
    """Bundle the images of one spec, at least one."""
    first = plans[0]
    image = first.image.removesuffix(f"-{first.key}") if first.key else first.image
    sources = {source for plan in plans for source in _secrets(plan)}
    names = [name for name, _, _ in sources]
    ambiguous = frozenset(name for name in names if names.count(name) > 1)
    return Bundle(slug(image.rpartition("/")[2]), tuple(plans), ambiguous)


def _secrets(plan: Plan) -> Iterator[tuple[str, str, str]]:
    """Yield the secrets of an image as (name, environment variable or "", path of the file or "")."""
    for name, secret in plan.build_secrets:
        yield name, secret.environment or "", secret.file or ""
    yield from ((name, variable, "") for name, variable in plan.run.environment_secrets)
    yield from ((name, "", path) for name, path in plan.run.file_secrets)
