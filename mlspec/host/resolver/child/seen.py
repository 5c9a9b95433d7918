"""What passes by while pip works, and is told at the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pip._internal.index.package_finder import PackageFinder
from pip._internal.models.link import Link

from mlspec.host.resolver.child.channel import Channel
from mlspec.host.resolver.child.target import ResolverTarget


@dataclass
class Seen:
    """What passes by while pip works, and is told at the end."""

    target: ResolverTarget
    channel: Channel
    pages: dict[str, dict[str, Link]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    finder: PackageFinder | None = None
    result: Any = None
    report: dict[str, Any] | None = None
