"""A world in memory for updates of locks: a folder, a registry with one image, an index with the newest versions."""

from __future__ import annotations

from collections.abc import Mapping

from mlspec.errors import LockError, Problem, SpecError, ToolError
from mlspec.lock.pins import Pin
from mlspec.lock.requirements.other_files import Neighbour
from mlspec.lock.state import LockOptions, LockResult
from mlspec.lock.update import update_lock
from mlspec.lock.world import Compiled, CompileRequest, RegistryImage
from mlspec.spec import document, spec
from mlspec.spec.nested_keys import Secret


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


class FakeWorld:
    """Answers at once, and notes what it was asked: ``requests`` of pip, ``looked_up`` of the registry, ``said``."""

    folder = ""

    def __init__(self, **newest: str) -> None:
        self.newest = newest
        self.lacking: dict[str, str] = {}
        """The platform that a package has no wheel for."""
        self.sources: Mapping[str, str] = {}
        """What the build of a package requires."""
        self.failure: LockError | None = None
        self.files: dict[str, str] = {}
        self.logins: dict[str, tuple[str, str]] = {}
        self.platforms = ["linux/amd64", "linux/arm64"]
        self.is_reachable = True
        self.kept: set[str] = set()
        self.requests: list[CompileRequest] = []
        self.looked_up: list[str] = []
        self.said: list[str] = []
        self.move_base(1)

    def move_base(self, number: int, *, python: str = "3.12.4", glibc: str = "2.36") -> None:
        """Have the registry's tag stand for another image; the ones before are kept."""
        self.digest, self.python, self.glibc = digest(number), python, glibc
        self.kept.add(self.digest)

    def forget_questions(self) -> None:
        self.requests.clear()
        self.looked_up.clear()
        self.said.clear()

    def update(self, text: str, **options: object) -> LockResult:
        """Update the lock of a spec, and write what comes of it into the folder."""
        found = spec.validate(document.parse(text, "mlspec.yaml"))
        result = update_lock(found, self, LockOptions(**options))  # type: ignore[arg-type]
        self.files |= {artifact.path: artifact.text for artifact in result.artifacts}
        return result

    # What a lock asks of a world

    def folder_name(self) -> str:
        return "project"

    def say(self, message: str) -> None:
        self.said.append(message)

    def read_file(self, path: str) -> str:
        if path not in self.files:
            raise FileNotFoundError(path)
        return self.files[path]

    def look_at(self, path: str) -> Neighbour:
        return Neighbour("file" if path in self.files else "")

    def read_generated(self, path: str) -> str | None:
        return self.files.get(path)

    def read_lock(self, path: str) -> str | None:
        return self.files.get(path)

    def read_login(self, url: str, name: str, secret: Secret) -> tuple[str, str]:
        if name not in self.logins:
            raise SpecError(Problem(code="MLS260", message=f"the secret {name} is not there"))
        return self.logins[name]

    def look_up_image(self, reference: str, platform: str) -> RegistryImage:
        self.looked_up.append(reference)
        name, _, asked = reference.partition("@")
        if not self.is_reachable or (asked and asked not in self.kept):
            raise ToolError(Problem(code="MLS301", message="the registry cannot be reached", hint="check the network"))
        if platform not in self.platforms:
            raise ToolError(Problem(code="MLS304", message=f"{name} has no image for {platform}"))
        return RegistryImage(
            reference=name,
            digest=asked or self.digest,
            platform=platform,
            python=self.python,
            codename="bookworm",
            glibc=self.glibc,
        )

    def compile_requirements(self, request: CompileRequest) -> Compiled:
        self.requests.append(request)
        if self.failure:
            raise self.failure
        previous = () if request.upgrade or not request.previous else request.previous.pins
        kept = {pin.name: pin.version for pin in previous if pin.name not in request.upgrade_packages}
        pins = []
        for requirement in request.requirements.requirements:
            name = requirement.name
            if name not in self.newest:
                raise LockError(requirement.problem("MLS242", f"there is no package {name}"))
            if self.lacking.get(name) == request.target.platform:
                raise LockError(requirement.problem("MLS245", f"{name} has no wheel", "ask for another release"))
            pins.append(self._pin(name, kept.get(name, self.newest[name])))
        builds = {pin.name: (self.sources[pin.name],) for pin in pins if pin.is_source}
        return Compiled(pins=tuple(pins), tools={"pip": "25.0"}, builds=builds)

    def _pin(self, name: str, version: str) -> Pin:
        return Pin(
            name=name,
            version=version,
            requirement=f"{name}=={version}",
            hashes=(digest(len(name)),),
            size=1_000,
            is_source=name in self.sources,
        )
