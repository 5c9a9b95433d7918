"""The record of a resolution, for the report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pip._internal.index.package_finder import PackageFinder

from mlspec.host.resolver.child.channel import Channel
from mlspec.host.resolver.child.index_files import IndexFile
from mlspec.host.resolver.child.once import Once
from mlspec.host.resolver.child.pin_records import PinRecords
from mlspec.host.resolver.child.target import ResolverTarget
from mlspec.host.resolver.child.upload_times import UploadTimes
from mlspec.host.resolver.child.wheel_metadata import WheelMetadata


@dataclass
class Seen:
    """Everything that the replaced functions record during a resolution, for the report."""

    target: ResolverTarget
    channel: Channel
    metadata: WheelMetadata
    records: PinRecords
    uploads: UploadTimes
    pages: dict[str, dict[str, IndexFile]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    page_candidates: Once[str, Any] = field(default_factory=Once)
    notes: list[str] = field(default_factory=list)
    finder: PackageFinder | None = None
    result: Any = None
    report: dict[str, Any] | None = None
