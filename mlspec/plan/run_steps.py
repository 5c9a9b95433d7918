"""The build steps of the user, and the secrets of a build."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from mlspec.lock.image_facts import ImageFacts
from mlspec.spec.keys import Settings
from mlspec.spec.nested_build_keys import RunStep
from mlspec.spec.nested_keys import Secret

Place = Literal["before_install", "after_install", "after_code"]


def steps_at(settings: Settings, place: Place) -> tuple[RunStep, ...]:
    """Return the user's steps at one place of the build."""
    return tuple(step for step in settings.run if step.at == place)


def plan_build_secrets(settings: Settings, facts: ImageFacts) -> tuple[tuple[str, Secret], ...]:
    """Return the secrets of the build as (name, secret): those of the user's steps, and the logins of indexes."""
    used = {name for step in settings.run for name in step.secrets} | {*_index_secrets(settings, facts)}
    return tuple((name, secret) for name, secret in settings.secrets.items() if name in used)


def _index_secrets(settings: Settings, facts: ImageFacts) -> Iterator[str]:
    return (index.secret for index in settings.indexes if index.secret and index.url in facts.index_urls)
