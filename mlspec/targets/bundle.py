"""The images of a spec as one file sees them: a name for all, and what they do not mean alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlspec.plan.plan import Plan
from mlspec.spec import values as syntax


@dataclass(frozen=True, slots=True)
class Bundle:
    """The images of one spec; ``ambiguous`` are the names of secrets that come from elsewhere in another image."""

    project: str
    plans: tuple[Plan, ...]
    ambiguous: frozenset[str]

    @property
    def servers(self) -> tuple[Plan, ...]:
        """The images that publish a port, and so go on until they are stopped."""
        return tuple(plan for plan in self.plans if plan.run.ports)

    @property
    def jobs(self) -> tuple[Plan, ...]:
        """The images whose program is expected to end."""
        return tuple(plan for plan in self.plans if not plan.run.ports)

    def secret(self, plan: Plan, name: str) -> str:
        """Return what a secret of one image is called among those of all; no variable has a dot in its name."""
        return f"{plan.key}.{name}" if name in self.ambiguous else name


def bundle_of(plans: Sequence[Plan]) -> Bundle:
    """Return the images of one spec together; there is at least one."""
    first = plans[0]
    image = first.image.removesuffix(f"-{first.key}") if first.key else first.image
    sources = {source for plan in plans for source in _secrets(plan)}
    names = [name for name, _, _ in sources]
    ambiguous = frozenset(name for name in names if names.count(name) > 1)
    return Bundle(syntax.slug(image.rpartition("/")[2]), tuple(plans), ambiguous)


def _secrets(plan: Plan) -> Iterator[tuple[str, str, str]]:
    """Yield the secrets of an image: each name, and the variable or the file that it comes from."""
    for name, secret in plan.build_secrets:
        yield name, secret.environment or "", secret.file or ""
    yield from ((name, variable, "") for name, variable in plan.run.environment_secrets)
    yield from ((name, "", path) for name, path in plan.run.file_secrets)
