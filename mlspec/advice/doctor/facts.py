"""Facts of a host and needs of an image: plain values that ``host`` gathers and the rules judge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mlspec.errors import Problem

System = Literal["linux", "wsl", "macos", "windows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """What a file system has left: bytes and, where it counts them, entries for new files."""

    free: int
    entries: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """The computer that mlspec runs on.

    ``has_joined`` says that the user's groups hold docker, also where this session began before that;
    ``driver`` is NVIDIA's version, and ``capabilities`` are those of its GPUs, such as 9.0;
    ``proxies`` and ``authorities`` are the names of the variables that are set.
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
    """What ``docker --version`` and ``docker buildx version`` say; empty where there is no such command."""

    docker: str = ""
    buildx: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What answers at the engine's address, as far as it does.

    ``silence`` says why nothing did, with the system's ``words``; ``skew`` is its clock less this host's, in seconds;
    ``shares`` are the folders that an engine in a virtual machine can see, where that is known.
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
        """Tell whether it is podman, speaking Docker's language."""
        return any("podman" in part.lower() for part in self.parts)

    @property
    def is_desktop(self) -> bool:
        """Tell whether it is Docker Desktop's, in a virtual machine of its own."""
        return self.name.startswith("Docker Desktop")

    @property
    def is_remote(self) -> bool:
        """Tell whether it runs on another computer."""
        host = self.address.partition("://")[2]
        is_here = host.startswith(("127.", "localhost", "[::1]"))
        return self.address.startswith(("ssh:", "tcp:", "http:", "https:")) and not is_here

    @property
    def is_snap(self) -> bool:
        """Tell whether it is the one that snap installs, which sees only some folders."""
        return self.root.startswith("/var/snap/")

    def has(self, security: str) -> bool:
        """Tell whether a security option, such as ``rootless``, is on."""
        return any(option.partition(",")[0] == f"name={security}" for option in self.security)


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """The buildx builder that would be used; without platforms where it has not started yet."""

    name: str = ""
    driver: str = ""
    buildkit: str = ""
    platforms: tuple[str, ...] = ()
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The answer of one place on the network; ``skew`` is its clock less this host's, in seconds.

    ``index`` is the address of an index besides the default one. ``private``: trusted by a certificate that this host
    alone knows. ``untold``: it is in this host's store, ``words``, which mlspec was not told of.
    """

    place: str
    host: str
    state: Literal["fine", "silent", "proxy", "untrusted", "untold", "private"]
    words: str = ""
    skew: float | None = None
    index: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSetting:
    """A key of the user's own configuration, with one value of it as it may be shown.

    ``variable`` is where it comes from, if not the file; ``is_here`` says that it leads to this host alone.
    """

    key: str
    value: str
    variable: str = ""
    is_here: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UserConfiguration:
    """The user's own configuration, and what is wrong with it.

    ``file`` is where it is looked for, empty where none is read. ``certificates`` counts those in the file that it
    names, and ``outdated`` are the names of the authorities among them whose time is over.
    """

    file: str = ""
    is_there: bool = False
    settings: tuple[UserSetting, ...] = ()
    certificates: int = 0
    outdated: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What one image needs of a host.

    ``platform`` is the first of its ``platforms``, where it has several. ``binds`` are paths of this host; ``cuda`` and
    ``torch`` are versions, ``driver`` the oldest that runs that CUDA; ``wheels`` counts the bytes of the locked
    packages; ``windows_scripts`` are scripts whose lines end as Windows ends them.
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
class Facts:
    """All that the rules look at; without a builder where nothing can be asked for one."""

    host: Host
    command: DockerCommand
    engine: Engine
    builder: Builder | None = None
    own: UserConfiguration = UserConfiguration()
    answers: tuple[Probe, ...] = ()
    needs: tuple[Need, ...] = ()
