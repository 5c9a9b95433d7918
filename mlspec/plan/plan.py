"""Spec and lock to a Plan: every choice made, for one image. It holds facts, not steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mlspec.facts import debian
from mlspec.facts.installer import pinned_installer
from mlspec.facts.torch import least_driver
from mlspec.facts.versions import minor_version
from mlspec.lock.image_facts import ImageFacts
from mlspec.lock.pins import FROM_GIT
from mlspec.plan import compilers as compiling
from mlspec.plan import ignores
from mlspec.plan.compilers import Build, Compiler, Kit
from mlspec.spec import values as syntax
from mlspec.spec.files import Files, files_of
from mlspec.spec.keys import Settings
from mlspec.spec.nested_keys import EnvFile, Gpus, Mount, Port, RunStep, Secret, Ulimit
from mlspec.spec.spec import Image

HOME = "/home/app"
CACHE = "/cache"
VENV = "/opt/venv"


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of packages: its name in the lock, the stage that installs it, and how sources are built.

    ``index`` is where it comes from, and ``secret`` its login; none where that is the default index.
    """

    name: str
    stage: str
    build: Build | None = None
    index: str | None = None
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class Installer:
    """The pinned program that installs packages during a build, and the sha256 of its wheels for the platforms.

    ``manylinux`` are the wheels that it takes for a platform which need not be the one it runs on, ``manylinux_2_36``;
    empty where it runs on the image's own.
    """

    name: str
    version: str
    hashes: tuple[str, ...]
    manylinux: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthcheckPlan:
    """What HEALTHCHECK says: options as (flag, value), and a command in exec form; none where it is disabled.

    ``path`` and ``port`` are what the command asks for over HTTP, where it does.
    """

    options: tuple[tuple[str, str], ...] = ()
    command: tuple[str, ...] | None = None
    path: str = ""
    port: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """What a container gets when it starts, beyond what its image says.

    ``platform`` is none where the image has several: the engine takes its own.
    """

    image: str
    spec: str
    platform: str | None
    as_caller: bool
    mounts: tuple[Mount, ...]
    ports: tuple[Port, ...]
    passed_environment: tuple[str, ...]
    environment_secrets: tuple[tuple[str, str], ...]
    file_secrets: tuple[tuple[str, str], ...]
    env_files: tuple[EnvFile, ...]
    gpus: Gpus | None
    devices: tuple[str, ...]
    groups: tuple[str, ...]
    shm_size: str | None
    ulimits: tuple[tuple[str, Ulimit], ...]
    init: bool
    read_only: bool
    tmpfs: tuple[str, ...]
    stop_timeout: int | None

    @property
    def wants_nvidia(self) -> bool:
        """Tell whether NVIDIA's GPUs are asked for: those of AMD are devices of the kernel, and a run gets them all."""
        return self.gpus is not None and not self.devices

    @property
    def memory_folders(self) -> tuple[str, ...]:
        """The folders in memory, but for those that something is mounted on.

        Of a mount and a tmpfs in one place, the engine takes the tmpfs, and what is written there is lost without a
        word.
        """
        mounted = {mount.target for mount in self.mounts}
        return tuple(dict.fromkeys(path for path in self.tmpfs if path not in mounted))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Every choice made for one image; of its ``platforms``, ``platform`` is the one that is looked at."""

    key: str
    files: Files
    image: str
    platforms: tuple[str, ...]
    platform: str
    python: str
    base: str
    base_user: str | None
    install_base: str | None
    apt: tuple[str, ...]
    apt_sources: tuple[str, ...]
    before_install: tuple[RunStep, ...]
    after_install: tuple[RunStep, ...]
    after_code: tuple[RunStep, ...]
    installer: Installer | None
    installs_on: str
    layers: tuple[Layer, ...]
    partial_layers: tuple[str, ...]
    partial_builds: tuple[str, ...]
    compiler: Compiler | None
    locks_builds: bool
    git_build: Build
    has_vcs: bool
    uses_ssh: bool
    include: tuple[str, ...] | None
    ignore: tuple[str, ...]
    generated: tuple[str, ...]
    cuda: str
    torch: str
    folders: tuple[str, ...]
    working_dir: str
    user: str
    uid: str
    gid: str
    defaults: tuple[tuple[str, str], ...]
    environment: tuple[tuple[str, str], ...]
    labels: tuple[tuple[str, str], ...]
    expose: tuple[str, ...]
    healthcheck: HealthcheckPlan | None
    entrypoint: tuple[str, ...] | None
    command: tuple[str, ...] | None
    build_secrets: tuple[tuple[str, Secret], ...]
    run: RunPlan

    @property
    def git_packages(self) -> tuple[str, ...]:
        """The Debian packages that fetch git dependencies."""
        return ("ca-certificates", "git", *(("openssh-client",) if self.uses_ssh else ()), *self.git_build.apt)

    @property
    def prepares_system(self) -> bool:
        """Tell whether anything is added to the base image for the system's sake."""
        return bool(self.apt or self.before_install)

    @property
    def system(self) -> str:
        """The stage that the final image starts from."""
        return "base" if self.prepares_system else "python"

    @property
    def is_for_several(self) -> bool:
        """Tell whether the image has several platforms."""
        return len(self.platforms) > 1

    @property
    def is_cross(self) -> bool:
        """Tell whether packages are installed on the machine that builds, whatever the platform of the image."""
        return bool(self.installer and self.installer.manylinux)

    @property
    def copies_on(self) -> str:
        """The stage that the code is laid out in; nothing of it reaches the image."""
        return "native" if self.is_for_several else self.system

    @property
    def cuts_locks_on(self) -> str:
        """The stage that a lock is cut in, into a file for each of its layers."""
        return "native" if self.is_for_several else "python"

    @property
    def step_folders(self) -> tuple[str, ...]:
        """The folders in which every user may write to what a step leaves; none of them holds the packages."""
        return tuple(folder for folder in self.folders if not f"{VENV}/".startswith(f"{folder.rstrip('/')}/"))

    @property
    def site_packages(self) -> str:
        """The folder of the environment's packages."""
        return f"{VENV}/lib/python{self.python}/site-packages"

    @property
    def makes_folders_on(self) -> str:
        """The stage that the folders are made in, with its names of users; a base of the user's own may have others."""
        is_same = self.system == "python" and self.base_user is None
        return self.copies_on if is_same else self.system

    @property
    def has_steps(self) -> bool:
        """Tell whether steps of the user's run in the final stage, and so need its environment."""
        return bool(self.after_install or self.after_code)

    @property
    def variables(self) -> tuple[tuple[str, str], ...]:
        """The environment of the image, but for PATH."""
        return (*self.defaults, *self.environment)

    @property
    def copied_locks(self) -> tuple[str, ...]:
        """The locks that came along with the code: nothing needs them there."""
        names = _locks(self.files, self.platforms, layers=bool(self.layers), vcs=self.has_vcs, builds=self.locks_builds)
        return tuple(f"{self.working_dir}/{name}" for name in names)

    @property
    def account(self) -> str | None:
        """The line of /etc/passwd for the image's user, or none for root, who has one."""
        return None if self.uid == "0" else f"app:x:{self.uid}:{self.gid}::{HOME}:/bin/sh"


def resolve(spec_file: str, image: Image, resolved: ImageFacts) -> Plan:
    """Return the plan for one image of the spec in ``spec_file``."""
    settings = image.settings
    files = files_of(spec_file, image.key)
    name = f"{resolved.project}-{image.key}" if image.key else resolved.project
    installs = bool(resolved.layers) or resolved.has_vcs
    uid, _, gid = settings.user.partition(":")
    kit = Kit(settings, resolved.codename, _cuda(settings, resolved), resolved.torch)
    return Plan(
        key=image.key,
        files=files,
        image=name,
        platforms=settings.platforms,
        platform=settings.platforms[0],
        base=resolved.base,
        python=minor_version(settings.python),
        base_user=None if resolved.is_official else "0:0",
        install_base=resolved.install_base if _installs_on(settings, resolved) == "former" else None,
        apt=tuple(sorted(set(settings.apt))),
        apt_sources=debian.apt_sources(resolved.codename, settings.apt_snapshot) if settings.apt_snapshot else (),
        before_install=_steps(settings, "before_install"),
        after_install=_steps(settings, "after_install"),
        after_code=_steps(settings, "after_code"),
        installer=_installer(settings, resolved) if installs else None,
        # Packages do not depend on the system's own, so that a change of those reinstalls nothing; except where a step
        # of the user's prepares the installation.
        installs_on=_installs_on(settings, resolved),
        layers=tuple(_layer(kit, layer, resolved) for layer in resolved.layers),
        partial_layers=resolved.partial_layers,
        partial_builds=resolved.partial_builds,
        compiler=compiling.compiler(kit, resolved.sources),
        locks_builds=any(source.is_locked for source in resolved.sources),
        git_build=_build(kit, FROM_GIT, resolved) or Build(),
        has_vcs=resolved.has_vcs,
        uses_ssh=resolved.uses_ssh,
        include=None if settings.include is None else tuple(map(ignores.included, settings.include)),
        ignore=ignores.ignored(settings),
        generated=_generated(files, image, resolved),
        cuda=_cuda(settings, resolved),
        torch=resolved.torch,
        folders=_folders(settings),
        working_dir=settings.working_dir,
        user=settings.user,
        uid=uid,
        gid=gid,
        defaults=_defaults(settings, _cuda(settings, resolved), installs=installs),
        environment=tuple((k, v) for k, v in settings.environment.items() if v is not None),
        labels=tuple(settings.labels.items()),
        expose=tuple(f"{port.target}/{port.protocol}" for port in settings.ports),
        healthcheck=_healthcheck(settings),
        entrypoint=settings.entrypoint,
        command=settings.command,
        build_secrets=_build_secrets(settings, resolved),
        run=_run(name, files, settings),
    )


def _installer(settings: Settings, resolved: ImageFacts) -> Installer:
    row = pinned_installer()
    hashes = tuple(value for platform in settings.platforms for value in row.hashes(platform))
    manylinux = row.manylinux(resolved.glibc) if _crosses(settings, resolved) else ""
    return Installer(row.name, row.version, hashes, manylinux)


def _crosses(settings: Settings, resolved: ImageFacts) -> bool:
    # Wheels are unpacked and compiled to bytecode, which is the same everywhere; what has to be built runs compilers,
    # and what a step of the user's prepares is not known.
    is_wheels = not resolved.sources and not resolved.has_vcs and not _steps(settings, "before_install")
    return is_wheels and len(settings.platforms) > 1


def _installs_on(settings: Settings, resolved: ImageFacts) -> str:
    if _steps(settings, "before_install"):
        return "base"
    if resolved.install_base and (resolved.layers or resolved.has_vcs):
        return "former"
    return "native" if _crosses(settings, resolved) else "python"


def _build(kit: Kit, layer: str, resolved: ImageFacts) -> Build | None:
    source = next((source for source in resolved.sources if source.layer == layer), None)
    if not source:
        return None
    build = compiling.build(kit, source)
    if not resolved.index_urls:
        return build
    # What a build takes may come from another index than the source: torch of its own, for one. Versions and hashes
    # of the lock hold it to that. What no lock holds comes from the first index that has it, those of the spec before
    # the default one: the newest of all would be what a stranger publishes there under the same name.
    indexes = (("UV_INDEX_STRATEGY", "unsafe-first-match"), ("UV_INDEX", " ".join(resolved.index_urls)))
    return replace(build, environment=(*build.environment, *indexes))


def _steps(settings: Settings, place: str) -> tuple[RunStep, ...]:
    return tuple(step for step in settings.run if step.at == place)


def _layer(kit: Kit, name: str, resolved: ImageFacts) -> Layer:
    url = dict(resolved.layer_indexes).get(name)
    secret = next((index.secret for index in kit.settings.indexes if index.url == url), None)
    return Layer(name, f"layer-{name}", _build(kit, name, resolved), url, secret)


def _index_secrets(settings: Settings, resolved: ImageFacts) -> tuple[str, ...]:
    used = (index.secret for index in settings.indexes if index.secret and index.url in resolved.index_urls)
    return tuple(dict.fromkeys(used))


def _build_secrets(settings: Settings, resolved: ImageFacts) -> tuple[tuple[str, Secret], ...]:
    used = {name for step in settings.run for name in step.secrets} | {*_index_secrets(settings, resolved)}
    return tuple((name, secret) for name, secret in settings.secrets.items() if name in used)


def _cuda(settings: Settings, resolved: ImageFacts) -> str:
    """Return the version of CUDA: the one that is named, or the one that the locked packages were built for."""
    is_cuda = settings.accelerator.startswith("cuda")
    return (settings.accelerator.removeprefix("cuda") or resolved.cuda) if is_cuda else ""


def _defaults(settings: Settings, cuda: str, *, installs: bool) -> tuple[tuple[str, str], ...]:
    """Return the environment that makes Python behave in a container, below what the spec says itself."""
    defaults: dict[str, str] = {
        **({"VIRTUAL_ENV": VENV} if installs else {}),
        "PYTHONUNBUFFERED": "1",
        "HOME": HOME,
        "USER": "app",
        "LOGNAME": "app",
        "XDG_CACHE_HOME": CACHE,
    }
    if settings.accelerator.startswith("cuda"):
        # NVIDIA's container runtime reads these; the official CUDA images set them, slim Python images do not.
        defaults |= {"NVIDIA_VISIBLE_DEVICES": "all", "NVIDIA_DRIVER_CAPABILITIES": "compute,utility"}
        defaults |= {"NVIDIA_REQUIRE_CUDA": _requirement(cuda)} if cuda else {}
    return tuple((name, value) for name, value in defaults.items() if name not in settings.environment)


def _requirement(cuda: str) -> str:
    # Blanks mean "or". A driver of the same major version's first CUDA runs the later ones too, and a demand for the
    # whole version would refuse hosts that can: docs.nvidia.com/deploy/cuda-compatibility, minor version compatibility.
    driver = least_driver(cuda)
    return f"cuda>={cuda}" + (f" driver>={'.'.join(driver.split('.')[:2])}" if driver else "")


def _folders(settings: Settings) -> tuple[str, ...]:
    # A new volume takes the mode of the folder it is mounted on, so those folders are made in the image.
    volumes = [mount.target for mount in settings.mounts if mount.type == "volume"]
    return tuple(sorted({settings.working_dir, HOME, CACHE, *volumes}))


def _locks(files: Files, platforms: Sequence[str], *, layers: bool, vcs: bool, builds: bool) -> tuple[str, ...]:
    """Return the names of the locks that an image is installed from."""
    each = tuple(files.on(platform, platforms) for platform in platforms)
    names = [own.requirements_lock for own in each] if layers else []
    names += [own.vcs_lock for own in each] if vcs else []
    names += [own.build_lock for own in each] if builds else []
    return tuple(names)


def _generated(files: Files, image: Image, resolved: ImageFacts) -> tuple[str, ...]:
    """Return the lines of the ignore file for what mlspec reads and writes; the locks to install from stay in."""
    is_built = any(source.is_locked for source in resolved.sources)
    locks = _locks(files, image.settings.platforms, layers=bool(resolved.layers), vcs=resolved.has_vcs, builds=is_built)
    names = (
        "Dockerfile",
        "Dockerfile.dockerignore",
        "run.sh",
        *(f"{name}.yaml" for name in image.targets),
        "mlspec.lock",
        "requirements.lock",
        "requirements.vcs.lock",
        *(("requirements.build.lock",) if resolved.has_build_locks else ()),
        *(
            f"{stem}.{name}.lock"
            for name in resolved.architectures
            for stem in ("requirements", "requirements.vcs", "requirements.build")
        ),
    )
    written = (line for name in names for line in (name, f"*.{name}"))
    return (files.spec, ".dockerignore", "mlspec.schema.json", *written, *(f"!{name}" for name in locks))


def _healthcheck(settings: Settings) -> HealthcheckPlan | None:
    check = settings.healthcheck
    if check is None:
        return None
    if check.disable or (isinstance(check.test, tuple) and check.test[0] == "NONE"):
        return HealthcheckPlan()
    # A model may take minutes to load: not healthy yet is not unhealthy, so the first minutes do not count.
    options = {
        "--interval": check.interval,
        "--timeout": check.timeout or "5s",
        "--start-period": check.start_period or "2m",
        "--start-interval": check.start_interval or "2s",
        "--retries": None if check.retries is None else str(check.retries),
    }
    return HealthcheckPlan(
        options=tuple((flag, value) for flag, value in options.items() if value is not None),
        command=_health_command(settings),
        path=check.path or "",
        port=_health_port(settings) if check.path else 0,
    )


def _health_port(settings: Settings) -> int:
    return syntax.numbers(next(port.target for port in settings.ports if port.protocol == "tcp"))[0]


def _health_command(settings: Settings) -> tuple[str, ...]:
    check = settings.healthcheck
    assert check is not None  # noqa: S101 - the caller asked
    if check.path is not None:
        port = _health_port(settings)
        # Slim images have no curl. An opener without proxies: the question never leaves the container.
        program = (
            "from urllib.request import ProxyHandler, build_opener; "
            f"build_opener(ProxyHandler({{}})).open({f'http://127.0.0.1:{port}{check.path}'!r})"
        )
        return ("python3", "-c", program)
    if isinstance(check.test, tuple):
        return check.test[1:] if check.test[0] == "CMD" else ("/bin/sh", "-c", *check.test[1:])
    return ("/bin/sh", "-c", check.test or "true")


def _run(name: str, files: Files, settings: Settings) -> RunPlan:
    # What the caller may read and write, the program must: their files can be private, and its files become theirs.
    secrets = _run_secrets(settings)
    shares = any(mount.type == "bind" for mount in settings.mounts) or any(s.file for s in secrets.values())
    is_rocm = settings.accelerator.startswith("rocm")
    gpus = settings.gpus or (Gpus(count="all") if settings.accelerator.startswith("cuda") else None)
    return RunPlan(
        image=name,
        spec=files.spec,
        platform=settings.platforms[0] if len(settings.platforms) == 1 else None,
        as_caller=shares and "user" not in settings.model_fields_set,
        mounts=settings.mounts,
        ports=settings.ports,
        passed_environment=(*_passed(settings.environment), *_from_environment(secrets)),
        environment_secrets=tuple(_from_environment(secrets).items()),
        file_secrets=tuple((key, secret.file) for key, secret in secrets.items() if secret.file),
        env_files=settings.env_file,
        gpus=gpus,
        devices=("/dev/kfd", "/dev/dri") if is_rocm else (),
        groups=("video",) if is_rocm else (),
        shm_size=settings.shm_size,
        ulimits=tuple(settings.ulimits.items()),
        init=settings.init,
        read_only=settings.read_only,
        tmpfs=(*(("/tmp", HOME, CACHE) if settings.read_only else ()), *settings.tmpfs),  # noqa: S108 - in the container
        stop_timeout=syntax.seconds(settings.stop_grace_period) if settings.stop_grace_period else None,
    )


def _run_secrets(settings: Settings) -> Mapping[str, Secret]:
    """Return the secrets of the program; those that a build step or an index names are theirs alone."""
    building = {name for step in settings.run for name in step.secrets}
    building |= {index.secret for index in settings.indexes if index.secret}
    return {name: secret for name, secret in settings.secrets.items() if name not in building}


def _passed(environment: Mapping[str, str | None]) -> tuple[str, ...]:
    """Return the names whose values the caller's environment holds, and no file or command line does."""
    return tuple(name for name, value in environment.items() if value is None)


def _from_environment(secrets: Mapping[str, Secret]) -> dict[str, str]:
    return {name: secret.environment for name, secret in secrets.items() if secret.environment}
