"""Forged locks with valid digests and hostile pins, such as a person might merge without reading them."""

from __future__ import annotations

from pathlib import Path

from mlspec import api
from mlspec.errors import MlspecError
from mlspec.facts import base_image
from mlspec.facts.base_image import BaseChoice
from mlspec.host.local_world import LocalWorld
from mlspec.lock import digests
from mlspec.lock.extras import choose_extras
from mlspec.lock.image_requirements import read_requirements, written_indexes
from mlspec.lock.mlspec_lock import BaseLock, ImageLock, Lock, dump_lock
from mlspec.lock.pins import LockTarget
from mlspec.lock.requirements.indexes import Index
from mlspec.lock.requirements.requirement_types import Requirements
from mlspec.spec.spec import Image, Spec
from tests.support.fuzz.projects import BANNER, Projects


def forge(folder: Path, maker: Projects) -> bool:
    """Write locks beside the spec of one image; return False if the spec cannot have them."""
    try:
        spec = api.load(folder / "mlspec.yaml")
        image = spec.images[0]
        requirements = read_requirements(LocalWorld(folder), spec.document.file, image)
    except MlspecError:
        return False
    settings = image.settings
    choice = base_image.base_reference(settings.python, settings.base)
    if len(settings.platforms) > 1 or not settings.requirements or not isinstance(choice, BaseChoice):
        return False
    texts = maker.requirement_locks()
    for name, text in texts.items():
        (folder / name).write_bytes(text.encode("utf-8", "surrogatepass"))
    lock = _lock(spec, _base(image, choice), requirements, texts, maker)
    (folder / "mlspec.lock").write_bytes(dump_lock(lock, BANNER).encode("utf-8", "surrogatepass"))
    return True


def _base(image: Image, choice: BaseChoice) -> BaseLock:
    python = choice.python or image.settings.python
    return BaseLock(
        reference=choice.reference,
        digest=choice.digest or f"sha256:{'a' * 64}",
        python=python if python.count(".") == 2 else f"{python}.4",
        glibc=choice.glibc or "2.31",
        codename=choice.codename or "",
    )


def _lock(spec: Spec, base: BaseLock, requirements: Requirements, texts: dict[str, str], maker: Projects) -> Lock:
    (image,) = spec.images
    platform = image.settings.platforms[0]
    indexes = (*written_indexes(image, requirements), Index(url=f"accelerator:{image.settings.accelerator}"))
    target = LockTarget(python=base.python, platform=platform, glibc=base.glibc)
    row = ImageLock(
        name="",
        platform=platform,
        inputs=digests.inputs_digest(target, choose_extras(image, base, requirements, platform).requirements, indexes),
        body=digests.body_digest(*texts.values()),
        held_back=(maker.line(),) if maker.chance(0.2) else (),
        sources=(maker.line(),) if maker.chance(0.2) else (),
    )
    return Lock(
        name=spec.name or "x",
        tools={"pip": "1"} if maker.chance(0.5) else {maker.line(): maker.line()},
        bases=(base,),
        images=(row,),
        files={maker.one("Dockerfile", "run.sh", maker.line()): maker.one("ab" * 16, maker.line())},
    )
