"""The bill of materials of an image in CycloneDX: packages, their hashes and dependencies, and the base.

The bill lists the Debian packages of the spec by name. Their dependencies are unknown: a lock has no Debian packages.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from mlspec.facts import debian, image_reference
from mlspec.lock.mlspec_lock import BaseLock
from mlspec.lock.pins import Pin, RequirementsLock
from mlspec.plan.compiled_spec import CompiledSpec
from mlspec.plan.plan import Plan

_ALGORITHMS = {"sha256": HashAlgorithm.SHA_256, "sha384": HashAlgorithm.SHA_384, "sha512": HashAlgorithm.SHA_512}
# A random namespace for the serial numbers of mlspec's bills.
_NAMESPACE = uuid.UUID("6a1c2c52-6f43-5d0e-9d3c-0f5b9f6b7a10")


@dataclass(frozen=True, slots=True, kw_only=True)
class BillFacts:
    """The contents of an image: its base, the packages of its lock, and the Debian packages of the spec.

    ``required`` are the packages that the spec requires directly. ``snapshot`` is the ISO day of Debian's archive, or
    "". ``lock`` is the text of the lock.
    """

    name: str
    base: BaseLock
    packages: RequirementsLock
    required: tuple[str, ...]
    apt: tuple[str, ...] = ()
    snapshot: str = ""
    lock: str

    @property
    def pins(self) -> tuple[Pin, ...]:
        """All locked packages."""
        return (*self.packages.pins, *self.packages.vcs)


def bill_facts(compiled: CompiledSpec, plan: Plan) -> BillFacts:
    """Return the contents of one image of a spec, on the platform of its plan."""
    contents = compiled.locked.contents[plan.key]
    return BillFacts(
        name=plan.image,
        base=contents.base,
        packages=compiled.packages(plan),
        required=tuple(requirement.name for requirement in contents.requirements.requirements),
        apt=plan.system.apt,
        snapshot=compiled.spec.image(plan.key).settings.apt_snapshot or "",
        lock=compiled.lock_text(plan),
    )


def bill_of(facts: BillFacts, version: str) -> str:
    """Return the bill of materials of an image as CycloneDX 1.6 JSON; ``version`` is the version of mlspec.

    The same facts give the same text: the text holds no time.
    """
    image = Component(type=ComponentType.CONTAINER, name=facts.name, bom_ref=f"image:{facts.name}")
    below = _base(facts.base)
    parts = {pin.name: _package(pin) for pin in facts.pins}
    debian = [_debian(entry, facts.base.codename, facts.snapshot) for entry in facts.apt]
    bom = Bom(
        serial_number=_serial_number(facts),
        metadata=BomMetaData(component=image),
        components=[below, *debian, *parts.values()],
    )
    bom.metadata.timestamp = None  # type: ignore[assignment]
    bom.metadata.tools.components.add(Component(type=ComponentType.APPLICATION, name="mlspec", version=version))
    direct = {*facts.required, *(pin.name for pin in facts.pins if not pin.via)}
    bom.register_dependency(image, [below, *debian, *(part for key, part in parts.items() if key in direct)])
    for key, part in parts.items():
        bom.register_dependency(part, [parts[pin.name] for pin in facts.pins if key in pin.via])
    return JsonV1Dot6(bom).output_as_string(indent=2)


def _serial_number(facts: BillFacts) -> uuid.UUID:
    return uuid.uuid5(_NAMESPACE, "\n".join((facts.name, facts.lock, *facts.apt, *filter(None, [facts.snapshot]))))


def _package(pin: Pin) -> Component:
    version = pin.version or None
    _, separator, address = pin.requirement.partition(" @ ")
    qualifiers = {"vcs_url" if address.startswith("git+") else "download_url": address} if separator else None
    return Component(
        name=pin.name,
        version=version,
        bom_ref=f"package:{pin.name}",
        purl=PackageURL("pypi", name=pin.name, version=version, qualifiers=qualifiers),
        hashes=[_hash(value) for value in pin.hashes],
    )


def _debian(entry: str, codename: str, snapshot: str) -> Component:
    name, _, version = entry.partition("=")
    # The purl type of Debian, from https://github.com/package-url/purl-spec. Other systems have other types.
    is_debian = debian.debian_release(codename) is not None
    url = PackageURL("deb", "debian", name, version or None, {"distro": codename}) if is_debian else None
    return Component(
        name=name,
        version=version or None,
        bom_ref=f"debian:{name}",
        purl=url,
        properties=[Property(name="mlspec:apt_snapshot", value=snapshot)] if snapshot else [],
    )


def _base(base: BaseLock) -> Component:
    image = image_reference.parse_reference(base.reference)
    name = f"{image.registry}/{image.repository}" if image else base.reference
    qualifiers = {"repository_url": name, **({"tag": image.tag} if image and image.tag else {})}
    digest = base.digest or None
    return Component(
        type=ComponentType.CONTAINER,
        name=name,
        version=digest or (image.tag if image else None),
        bom_ref="base",
        purl=PackageURL("oci", name=name.rpartition("/")[2], version=digest, qualifiers=qualifiers),
        hashes=[_hash(digest)] if digest else [],
    )


def _hash(value: str) -> HashType:
    algorithm, _, content = value.partition(":")
    return HashType(alg=_ALGORITHMS[algorithm], content=content)
