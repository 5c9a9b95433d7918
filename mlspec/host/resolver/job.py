"""One run of the resolver, in a child process."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement as Pep508

from mlspec.build.configuration_text import Configuration
from mlspec.errors import LockError
from mlspec.host.files.scratch import scratch
from mlspec.host.network.user_configuration import certificate_file, configuration
from mlspec.host.resolver import process
from mlspec.host.resolver.commits import Commit
from mlspec.host.resolver.metadata.unpacked_source import MetadataSource, UnpackedSource
from mlspec.host.resolver.process_environment import cache
from mlspec.host.resolver.resolver_failures import ResolverFailure, no_report
from mlspec.host.resolver.upgrades import package_name
from mlspec.host.resolver.upload_limit import ANY_AGE, UploadLimit
from mlspec.lock.pins import LockTarget, Pin
from mlspec.lock.requirements.indexes import Index
from mlspec.lock.requirements.requirement_types import Requirement, Requirements


@dataclass(frozen=True)
class Job:
    """One run of the resolver: its input, and the answers to its questions."""

    requirements: Requirements
    target: LockTarget
    indexes: tuple[Index, ...]
    commits: Mapping[Requirement, Commit]
    kept: tuple[Pin, ...]
    upgrade_packages: Sequence[str]
    metadata: MetadataSource
    download: Path | None = None
    inspects_wheels: bool = False
    programs: tuple[str, ...] = ()
    former: tuple[str, ...] = ()
    uploads: UploadLimit = ANY_AGE

    def run(self) -> dict[str, Any]:
        """Run the resolver and return its report; raises LockError for a failure in the report."""
        with scratch() as folder:
            self._write(folder)
            said = process.run(folder, self._data(), self._answer)
            with contextlib.suppress(OSError, ValueError):
                report: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
                if "error" not in report:
                    return report
                error, tools = report["error"], report["tools"]
                failure = ResolverFailure(self.requirements, self.target, error, tools, said, self.indexes)
                raise LockError(*failure.problems())
        raise LockError(no_report(self.requirements, said))

    def _answer(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to a question of the resolver."""
        if question["question"] == "download":
            self.metadata.tell_download(question["files"])
            return {}
        if question["question"] == "looked":
            self.metadata.tell_looked(question)
            return {}
        facts: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in question["source"].items()}
        made = self.metadata.make(UnpackedSource(**facts))
        if made.text:
            return {"text": made.text, "requires": made.requires, "place": made.place}
        return {"error": made.error or "it told nothing", "place": made.place}

    def _write(self, folder: Path) -> None:
        def text(requirements: Iterable[Requirement]) -> str:
            # Sort the lines, so that their order in a spec cannot change the result.
            return "\n".join(sorted(self._line(r) for r in requirements)) + "\n"

        folder.joinpath("requirements.in").write_text(text(self.requirements.requirements), encoding="utf-8")
        if self.requirements.constraints:
            folder.joinpath("constraints.txt").write_text(text(self.requirements.constraints), encoding="utf-8")
        if self.kept:
            folder.joinpath("compiled.txt").write_text(
                "\n".join(pin.requirement for pin in self.kept) + "\n", encoding="utf-8"
            )

    def _line(self, requirement: Requirement) -> str:
        if commit := self.commits.get(requirement):
            parsed = Pep508(requirement.text) if requirement.name else None
            if parsed is None:
                return commit.address
            extras = f"[{','.join(sorted(parsed.extras))}]" if parsed.extras else ""
            marker = f" ; {parsed.marker}" if parsed.marker else ""
            return f"{parsed.name}{extras} @ {commit.address}{marker}"
        return " ".join((requirement.text, *(f"--hash={value}" for value in requirement.hashes)))

    def _data(self) -> dict[str, Any]:
        own, moved = configuration(), {package_name(p) for p in self.upgrade_packages}
        return {
            "python": self.target.python,
            "platform": self.target.platform,
            "glibc": self.target.glibc,
            "indexes": [_index_row(index, own) for index in self.indexes],
            "default_index": own.index_url,
            "options": list(self.requirements.options),
            "build": sorted(self.requirements.built_from_source),
            "pins": [_pin_row(r) for r in self.requirements.requirements] if self.requirements.is_compiled else [],
            "kept": {p.name: {"version": p.version, "hashes": p.hashes} for p in self.kept if p.name not in moved},
            "former": list(self.former),
            "exact": [*_exact_pins(self.requirements)],
            "hashes": {r.name: list(r.hashes) for r in self.requirements.requirements if r.hashes},
            "metadata": [dataclasses.asdict(row) for row in self.requirements.stated],
            "download": str(self.download or ""),
            "looks": self.inspects_wheels,
            "programs": list(self.programs),
            "upgrade_packages": [p for p in self.upgrade_packages if package_name(p) not in self._from_git],
            "uploads": dataclasses.asdict(self.uploads),
            "cert": certificate_file(),
            # The default is a folder in the child's working directory, which is removed at the end.
            "cache": cache() or "cache",
        }

    @property
    def _from_git(self) -> frozenset[str]:
        return frozenset(r.name for r in self.commits)

    def pin(self, row: Mapping[str, Any]) -> Pin:
        """Return the pin that a row of the report describes."""
        ref, requirement = "", row.get("requirement", "")
        if row["url"]:
            commit = next((c for c in self.commits.values() if c.commit in row["url"]), None)
            written = next((Pep508(r.text).url for r in self.requirements.requirements if r.name == row["name"]), None)
            # Take the address from the requirement: pip's own spelling loses slashes of git+file:///.
            address, ref = (commit.address, commit.ref) if commit else (written or row["url"], "")
            requirement = f"{row['name']} @ {address}"
        return Pin(
            name=row["name"],
            version=row["version"],
            requirement=requirement,
            hashes=tuple(row["hashes"]),
            size=row["size"],
            via=tuple(row["via"]),
            is_source=row["is_source"],
            ref=ref,
            languages=tuple(row.get("languages", ())) if row["is_source"] else (),
            wheel_version=row.get("wheel_version", ""),
            loads=tuple((soname, file) for soname, file in row.get("loads", ())),
        )


def _pin_row(requirement: Requirement) -> dict[str, Any]:
    """Return the row of a requirement that is already a pin, for the comparison with the index."""
    specifier = str(Pep508(requirement.text).specifier)
    return {"name": requirement.name, "specifier": specifier, "hashes": list(requirement.hashes)}


def _exact_pins(requirements: Requirements) -> Iterator[tuple[str, str, str]]:
    """Yield name, version and marker of each requirement of one exact version that pip does not compile from source."""
    for requirement in requirements.requirements:
        if requirement.kind == "index" and requirement.name not in requirements.built_from_source:
            parsed = Pep508(requirement.text)
            exact = [s.version for s in parsed.specifier if s.operator == "==" and not s.version.endswith(".*")]
            if exact:
                yield requirement.name, exact[0], str(parsed.marker or "")


def _index_row(index: Index, own: Configuration) -> dict[str, Any]:
    """Return the row of an index for the resolver; a mirror in place of the index does not get the index's login."""
    data = {"url": own.index(index.url), "packages": list(index.packages), "username": "", "password": ""}
    return data if data["url"] != index.url else {**data, "username": index.username, "password": index.password}
