"""Observations of a host and needs of an image: plain values that ``host`` collects and the rules check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlspec.errors import Problem

System = Literal["linux", "wsl", "macos", "windows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """The free space of a file system: bytes and, if it counts them, inodes for new files."""

    free: int
    entries: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """The computer on which mlspec runs.

    ``has_joined`` tells whether the user is in the group docker, even if this session began before the user joined it.
    ``driver`` is the version of NVIDIA's driver, and ``capabilities`` are those of the GPUs, such as 9.0.
    ``proxies`` and ``authorities`` are the names of the environment variables that are set.
    """

    system: System = "linux"
    has_systemd: bool = True
    has_joined: bool = False
    has_podman: bool = False
    is_snap: bool = False
    uid: int = 1000
    home: str = ""
    folder: str = ""
    space: Space | None = None
    driver: str = ""
    capabilities: tuple[str, ...] = ()
    has_gpu_hook: bool = False
    devices: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    build_proxy: str = ""
    authorities: tuple[str, ...] = ()
    refuses_buildkit: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerCommand:
    """The output of ``docker --version`` and ``docker buildx version``; empty if there is no such command."""

    docker: str = ""
    buildx: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodmanFacts:
    """Podman on this host; without it, ``version`` is empty.

    ``has_ids``: this user has more than one ID for the users of containers. ``has_gpus``: a file of the Container
    Device Interface describes NVIDIA's GPUs.
    """

    version: str = ""
    answers: bool = False
    platform: str = ""
    is_rootless: bool = False
    has_ids: bool = True
    has_gpus: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """The answer at the engine's address, as far as there is one.

    ``silence`` is the reason for no answer, and ``words`` is the system's error message. ``skew`` is the engine's clock
    minus this host's, in seconds. ``shares`` are the folders that an engine in a virtual machine can see, if known.
    """

    address: str = ""
    silence: Literal["", "denied", "unreached"] = ""
    words: str = ""
    version: str = ""
    api: tuple[int, ...] = ()
    name: str = ""
    platform: str = ""
    parts: tuple[str, ...] = ()
    runtimes: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    security: tuple[str, ...] = ()
    has_init: bool = True
    has_proxy: bool = False
    root: str = ""
    space: Space | None = None
    skew: float = 0
    shares: tuple[str, ...] = ()

    @property
    def is_podman(self) -> bool:
        """Whether the engine is podman with its Docker API."""
        return any("podman" in part.lower() for part in self.parts)

    @property
    def is_desktop(self) -> bool:
        """Whether the engine is Docker Desktop, which runs in a virtual machine."""
        return self.name.startswith("Docker Desktop")

    @property
    def is_remote(self) -> bool:
        """Whether the engine runs on another computer."""
        host = self.address.partition("://")[2]
        is_here = host.startswith(("127.", "localhost", "[::1]"))
        return self.address.startswith(("ssh:", "tcp:", "http:", "https:")) and not is_here

    @property
    def is_snap(self) -> bool:
        """Whether the engine is the snap package, which sees only some folders."""
        return self.root.startswith("/var/snap/")

    def has(self, security: str) -> bool:
        """Return whether a security option, such as ``rootless``, is on."""
        return any(option.partition(",")[0] == f"name={security}" for option in self.security)


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """The current buildx builder; ``platforms`` is empty if the builder has not started yet."""

    name: str = ""
    driver: str = ""
    buildkit: str = ""
    platforms: tuple[str, ...] = ()
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The answer of one place on the network; ``skew`` is its clock minus this host's, in seconds.

    ``index`` is the address of an index other than the default index. The state ``private`` means that only this host
    trusts the certificate's authority. The state ``untold`` means that only this host's certificate store has the
    authority and mlspec does not use the store; ``words`` is then the path of the store.
    """

    place: str
    host: str
    state: Literal["fine", "silent", "proxy", "untrusted", "untold", "private"]
    words: str = ""
    skew: float | None = None
    index: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSetting:
    """A key of the user's configuration, with one value in a form that may be printed.

    ``variable`` is the environment variable with the value, empty for a value from the file. ``is_here`` tells whether
    the value is a loopback address, which leads to this host only.
    """

    key: str
    value: str
    variable: str = ""
    is_here: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UserConfiguration:
    """The user's configuration and its problems.

    ``file`` is the path of the configuration file, empty if mlspec reads no file. ``certificates`` is the number of
    certificates in the file that the key ``certificates`` names. ``outdated`` are the names of the authorities whose
    certificates in it have expired.
    """

    file: str = ""
    is_there: bool = False
    settings: tuple[UserSetting, ...] = ()
    certificates: int = 0
    outdated: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """The needs of one image from a host.

    ``platform`` is the first of ``platforms`` if there are several. ``binds`` are paths of this host. ``cuda`` and
    ``torch`` are versions, and ``driver`` is the oldest driver for this CUDA. ``wheels`` is the size of the locked
    packages in bytes. ``windows_scripts`` are scripts with Windows line endings.
    """

    image: str
    platform: str = "linux/amd64"
    platforms: tuple[str, ...] = ()
    gpus: bool = False
    cuda: str = ""
    driver: str = ""
    torch: str = ""
    devices: tuple[str, ...] = ()
    init: bool = False
    as_caller: bool = False
    binds: tuple[str, ...] = ()
    wheels: int = 0
    windows_scripts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """The input of the rules; ``builder`` is None without an engine or buildx, or if the builder is not needed.

    With ``podman``, it is the engine, and Docker was not asked.
    """

    host: Host
    command: DockerCommand
    engine: Engine
    builder: Builder | None = None
    podman: PodmanFacts | None = None
    own: UserConfiguration = UserConfiguration()
    answers: tuple[Probe, ...] = ()
    needs: tuple[Need, ...] = ()
