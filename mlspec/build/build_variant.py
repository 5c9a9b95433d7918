"""A variant of an image's Dockerfile for one user's mirrors and certificates. The image stays the same.

The committed Dockerfile has no mirrors and no certificates. The variant has the same steps. Certificates, logins and
apt settings are secrets below /dev, because no file there becomes a part of an image.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from mlspec.build.configuration_text import Configuration
from mlspec.build.dockerfile import Instruction, instructions
from mlspec.facts import image_reference
from mlspec.facts.image_reference import DOCKER_HUB
from mlspec.plan.packages import LayerPlan, PackagesPlan
from mlspec.plan.plan import Plan
from mlspec.plan.source_builds import MetadataStage, SourceBuild
from mlspec.spec.nested_build_keys import RunStep
from mlspec.targets import metadata
from mlspec.targets.registry import emit

_FOLDER = "/dev/mlspec"
_LOGINS, _CERTIFICATES, _APT, _DEBIAN = "netrc", "certificates", "apt", "debian.sources"
# The variables that pip, uv, curl, git, apt and Python's own libraries read; each program reads a different one.
_VARIABLES: Mapping[str, tuple[str, ...]] = {
    _CERTIFICATES: ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO"),
    _LOGINS: ("NETRC",),
    _APT: ("APT_CONFIG",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """Inputs of a build beside mirrors: certificates as PEM, logins as netrc, the codename of the Debian release."""

    certificates: str = ""
    logins: str = ""
    codename: str = ""


@dataclass(frozen=True, slots=True)
class BuildVariant:
    """A Dockerfile, the contents of its secrets by id, and the names of the spec's secrets that it does not need."""

    dockerfile: str
    secrets: Mapping[str, str]
    unused: frozenset[str] = frozenset()


def make_variant(plan: Plan, configuration: Configuration, extras: Extras) -> BuildVariant | None:
    """Return the variant of an image's Dockerfile for this user, or None if the committed Dockerfile is enough."""
    mirrored = _mirror_plan(plan, configuration)
    files = dict(_files(configuration, extras, is_snapshot=bool(plan.system.apt_sources)))
    if mirrored == plan and not files:
        return None
    (drawn,) = emit(mirrored, ["dockerfile"])
    needed = {name for step in _steps(plan) for name in step.secrets}
    needed |= {layer.secret for layer in mirrored.packages.layers if layer.secret}
    return BuildVariant(
        dockerfile=_with_mounts(drawn.text, tuple(files)),
        secrets=_secrets(files),
        unused=frozenset(name for name, _ in plan.build_secrets if name not in needed),
    )


def make_stage_variant(stage: MetadataStage, configuration: Configuration, extras: Extras) -> BuildVariant:
    """Return the variant of a metadata stage's Dockerfile for this user: mirrors and certificates, but no login."""
    files = dict(_files(configuration, replace(extras, logins=""), is_snapshot=bool(stage.apt_sources)))
    drawn = metadata.draw_metadata(replace(stage, base=_image(stage.base, configuration)))
    return BuildVariant(dockerfile=_with_mounts(drawn, tuple(files)), secrets=_secrets(files))


def _secrets(files: Mapping[str, str]) -> dict[str, str]:
    secrets = {f"mlspec-{name}": text for name, text in files.items()}
    return secrets | {f"mlspec-{name}-path": f"{_FOLDER}/{name}" for name in files if name in _VARIABLES}


def _steps(plan: Plan) -> tuple[RunStep, ...]:
    return (*plan.system.steps, *plan.packages.steps, *plan.code.steps)


# Mirrors


def _mirror_plan(plan: Plan, configuration: Configuration) -> Plan:
    """Replace the images and indexes of a plan by the mirrors of the configuration."""
    former = plan.base.former
    base = replace(
        plan.base,
        reference=_image(plan.base.reference, configuration),
        former=_image(former, configuration) if former else None,
    )
    return replace(plan, base=base, packages=_mirror_packages(plan.packages, configuration))


def _mirror_packages(packages: PackagesPlan, configuration: Configuration) -> PackagesPlan:
    compiler, git = packages.compiler, packages.git
    if compiler and compiler.cuda_image:
        compiler = replace(compiler, cuda_image=_image(compiler.cuda_image, configuration))
    return replace(
        packages,
        compiler=compiler,
        layers=tuple(_layer(layer, configuration) for layer in packages.layers),
        git=replace(git, build=_build(git.build, configuration)) if git else None,
    )


def _image(reference: str, configuration: Configuration) -> str:
    """Return the reference to pull an image from; the first mirror replaces Docker Hub."""
    image = image_reference.parse_reference(reference)
    if not image or image.registry != DOCKER_HUB or not configuration.registry_mirror:
        return reference
    mirror = configuration.registry_mirror[0].partition("://")[2] or configuration.registry_mirror[0]
    tag = f":{image.tag}" if image.tag else ""
    return f"{mirror.rstrip('/')}/{image.repository}{tag}{f'@{image.digest}' if image.digest else ''}"


def _layer(layer: LayerPlan, configuration: Configuration) -> LayerPlan:
    build = _build(layer.build, configuration) if layer.build else None
    url = configuration.index(layer.index) if layer.index else None
    # The login is for the index, not for a mirror.
    return replace(layer, build=build, index=url, secret=layer.secret if url == layer.index else None)


def _build(build: SourceBuild, configuration: Configuration) -> SourceBuild:
    def value(name: str, text: str) -> str:
        return " ".join(map(configuration.index, text.split())) if name == "UV_INDEX" else text

    return replace(build, environment=tuple((name, value(name, text)) for name, text in build.environment))


# Secrets


def _files(configuration: Configuration, extras: Extras, *, is_snapshot: bool) -> Iterator[tuple[str, str]]:
    settings = []
    if extras.certificates:
        yield _CERTIFICATES, extras.certificates
        settings.append(f'Acquire::https::CaInfo "{_FOLDER}/{_CERTIFICATES}";')
    # A mirror does not hold a snapshot of one day.
    if configuration.debian_mirror and extras.codename and not is_snapshot:
        yield _DEBIAN, _sources(configuration.debian_mirror.rstrip("/"), extras.codename)
        settings += [f'Dir::Etc::sourcelist "{_FOLDER}/{_DEBIAN}";', 'Dir::Etc::sourceparts "-";']
    if settings:
        yield _APT, "\n".join((*settings, ""))
    if extras.logins:
        yield _LOGINS, extras.logins


def _sources(mirror: str, codename: str) -> str:
    archives = (("debian", f"{codename} {codename}-updates"), ("debian-security", f"{codename}-security"))
    return "\n".join(
        f"Types: deb\nURIs: {mirror}/{archive}\nSuites: {suites}\nComponents: main\n" for archive, suites in archives
    )


def _with_mounts(dockerfile: str, files: tuple[str, ...]) -> str:
    """Return a Dockerfile whose steps mount the files. Each step stays on its line, because messages name lines.

    A step without a network needs no file, so it stays unchanged and keeps its cache.
    """
    lines = dockerfile.split("\n")
    for instruction in instructions(dockerfile):
        if instruction.keyword == "RUN" and not instruction.text.startswith("--network=none"):
            line = lines[instruction.line - 1]
            lines[instruction.line - 1] = f"RUN {_mounts(instruction, files)}{line.removeprefix('RUN ')}"
    return "\n".join(lines)


def _mounts(instruction: Instruction, files: tuple[str, ...]) -> str:
    # A layer with the login of an index of the spec needs no other login.
    seen = (name for name in files if name != _LOGINS or "target=/root/.netrc" not in instruction.text)
    return "".join(option for name in seen for option in _options(name))


def _options(name: str) -> Iterator[str]:
    # apt downloads as an unprivileged user, so all users must be able to read the files.
    yield f"--mount=type=secret,id=mlspec-{name},target={_FOLDER}/{name},mode=0444,required=true "
    for variable in _VARIABLES.get(name, ()):
        yield f"--mount=type=secret,id=mlspec-{name}-path,env={variable},required=true "
