"""A fake world in memory for updates of locks: a folder, a registry with one image, an index with newest versions."""

from __future__ import annotations

from collections.abc import Mapping

from mlspec.errors import LockError, SpecError, ToolError
from mlspec.lock.pins import Pin
from mlspec.lock.requirements.other_files import Neighbour
from mlspec.lock.state import LockOptions, LockResult
from mlspec.lock.update import update_lock
from mlspec.lock.world import Compiled, CompileRequest, RegistryImage
from mlspec.spec import document, spec
from mlspec.spec.nested_keys import Secret
from mlspec.spec.place import Place


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


class FakeWorld:
    """A world that answers at once and records requests to pip, look-ups in the registry, and messages."""

    folder = ""

    def __init__(self, **newest: str) -> None:
        self.newest = newest
        self.lacking: dict[str, str] = {}
        """The platform for which a package has no wheel, by package."""
        self.sources: Mapping[str, str] = {}
        """The build requirements of a package, by package."""
        self.failure: LockError | None = None
        self.files: dict[str, str] = {}
        self.wheels: dict[str, bytes] = {}
        self.logins: dict[str, tuple[str, str]] = {}
        self.platforms = ["linux/amd64", "linux/arm64"]
        self.is_reachable = True
        self.kept: set[str] = set()
        self.requests: list[CompileRequest] = []
        self.looked_up: list[str] = []
        self.said: list[str] = []
        self.move_base(1)

    def move_base(self, number: int, *, python: str = "3.12.4", glibc: str = "2.36") -> None:
        """Move the registry's tag to another image; the registry keeps the earlier images."""
        self.digest, self.python, self.glibc = digest(number), python, glibc
        self.kept.add(self.digest)

    def forget_questions(self) -> None:
        self.requests.clear()
        self.looked_up.clear()
        self.said.clear()

    def update(self, text: str, **options: object) -> LockResult:
        """Update the lock of a spec, and write the artifacts into the folder."""
        found = spec.validate(document.parse(text, "mlspec.yaml"))
        result = update_lock(found, self, LockOptions(**options))  # type: ignore[arg-type]
        self.files |= {artifact.path: artifact.text for artifact in result.artifacts}
        return result

    # The methods of the Protocol World

    def folder_name(self) -> str:
        return "project"

    def say(self, message: str) -> None:
        self.said.append(message)

    def read_file(self, path: str) -> str:
        if path not in self.files:
            raise FileNotFoundError(path)
        return self.files[path]

    def read_bytes(self, path: str) -> bytes:
        return self.wheels[path]

    def look_at(self, path: str) -> Neighbour:
        if path in self.files or path in self.wheels:
            return Neighbour("file")
        below = "" if path == "." else f"{path}/"
        names = {
            name.removeprefix(below).partition("/")[0] for name in (*self.files, *self.wheels) if name.startswith(below)
        }
        return Neighbour("folder" if names else "", tuple(sorted(names)))

    def read_generated(self, path: str) -> str | None:
        return self.files.get(path)

    def read_lock(self, path: str) -> str | None:
        return self.files.get(path)

    def read_login(self, url: str, name: str, secret: Secret, place: Place) -> tuple[str, str]:
        if name not in self.logins:
            raise SpecError(place.problem("MLS260", f"the secret {name} is not there"))
        return self.logins[name]

    def look_up_image(self, reference: str, platform: str, place: Place) -> RegistryImage:
        self.looked_up.append(reference)
        name, _, asked = reference.partition("@")
        if not self.is_reachable or (asked and asked not in self.kept):
            raise ToolError(place.problem("MLS301", "the registry cannot be reached", "check the network"))
        if platform not in self.platforms:
            raise ToolError(place.problem("MLS304", f"{name} has no image for {platform}"))
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
