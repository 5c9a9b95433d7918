"""The parts of an image that an export cannot hold."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from mlspec.errors import Problem
from mlspec.facts.base_image import BaseChoice
from mlspec.lock.update_base import choose_base
from mlspec.spec.spec import Image
from mlspec.targets.exports.export_facts import EXPORT_FORMS, ExportFacts, ExportForm, git_command


def find_export_losses(facts: ExportFacts, image: Image, form: ExportForm) -> tuple[Problem, ...]:
    """Return an error for each package that an export leaves out, and a warning for each setting of the environment.

    :func:`list_container_keys` returns the other settings.
    """
    losses = (*_packages(facts, image, form), *_system(facts, image, form), *_logins(facts, image, form))
    return tuple(dict.fromkeys((*losses, *_variables(image, form), *_steps(image, form))))


# The keys that an export takes into account, or that have a message of their own.
_OF_ENVIRONMENT = frozenset(
    {
        "python", "base", "platforms", "accelerator", "requirements", "indexes", "layers", "apt", "build_apt", "run",
        "environment", "env_file", "secrets", "build_constraints", "dependency_metadata", "apt_snapshot",
        "cooldown",
    }
)  # fmt: skip


def list_container_keys(image: Image) -> tuple[str, ...]:
    """Return the keys of an image that are about its code and its containers, which no list of packages holds."""
    return tuple(key for key in type(image.settings).model_fields if key in _list_written(image) - _OF_ENVIRONMENT)


def _list_written(image: Image) -> frozenset[str]:
    return frozenset(key for key in image.settings.model_fields_set if getattr(image.settings, key) not in (None, ()))


def _lose(image: Image, form: ExportForm, what: str, hint: str, *path: str | int) -> Problem:
    message = f"{EXPORT_FORMS[form]} cannot contain {what}"
    return image.warning("MLS431", message, hint, *path)


def _packages(facts: ExportFacts, image: Image, form: ExportForm) -> Iterator[Problem]:
    if form != "pylock":
        for pin in facts.git_pins:
            message = f"{EXPORT_FORMS[form]} lacks {pin.name}: it comes from git, so it has no hash"
            place = image.at("requirements")
            yield place.problem("MLS430", message, f"install it as well: {git_command(pin)}")
    for package in facts.local:
        message = f"{EXPORT_FORMS[form]} lacks {package.name}: it is in a folder of this project"
        path = package.path if package.path.startswith(".") else f"./{package.path}"
        hint = f"install it as well: pip install --no-deps -e {shlex.quote(path)}"
        yield package.place.problem("MLS430", message, hint)
    for wheel in facts.wheels:
        message = f"{EXPORT_FORMS[form]} lacks {wheel.name}: it is a wheel in this project"
        hint = f"install it as well: pip install --no-deps {shlex.quote(wheel.path)}"
        yield wheel.place.problem("MLS430", message, hint)
    sources = [pin.name for pin in (*facts.pins, *facts.git_pins) if pin.is_source]
    if facts.packages.builds:
        what = f"the build dependencies of {', '.join(sources)}"
        hint = "the builds take what the index has on that day; the Dockerfile has the pins"
        yield _lose(image, form, what, hint, "requirements")


def _system(facts: ExportFacts, image: Image, form: ExportForm) -> Iterator[Problem]:
    settings = image.settings
    if settings.apt:
        packages = " ".join(settings.apt)
        hint = f"install them as well: apt-get install {packages}"
        yield _lose(image, form, f"Debian packages: {', '.join(settings.apt)}", hint, "apt")
    if settings.build_apt and any(pin.is_source for pin in (*facts.pins, *facts.git_pins)):
        hint = f"install them before: apt-get install {' '.join(settings.build_apt)}"
        yield _lose(image, form, f"Debian packages for builds: {', '.join(settings.build_apt)}", hint, "build_apt")
    choice = choose_base(image)
    if not (isinstance(choice, BaseChoice) and choice.is_official):
        what = f"the base image {choice.reference}, nor its packages"
        yield _lose(image, form, what, "install what its programs need by hand", "base")
    if not settings.accelerator.is_cpu:
        what = f"the driver that `accelerator: {settings.accelerator}` needs"
        yield _lose(image, form, what, "check it on the other machine: mlspec doctor", "accelerator")


def _logins(facts: ExportFacts, image: Image, form: ExportForm) -> Iterator[Problem]:
    used = {index.url for index in facts.used_indexes}
    for number, index in enumerate(image.settings.indexes):
        if index.secret and index.url in used:
            hint = "write the login to ~/.netrc of the other machine"
            yield _lose(image, form, f"the login of {index.url}", hint, "indexes", number, "secret")


def _variables(image: Image, form: ExportForm) -> Iterator[Problem]:
    settings = image.settings
    lost = [name for name, value in settings.environment.items() if form != "conda" or value is None]
    if lost:
        hint = f"set them as well: export {' '.join(f'{name}=...' for name in lost)}"
        yield _lose(image, form, f"environment variables: {', '.join(lost)}", hint, "environment", lost[0])
    if settings.env_file:
        files = " ".join(file.path for file in settings.env_file)
        yield _lose(image, form, f"the variables in {files}", "set them as well, by a shell: set -a", "env_file")
    if settings.secrets:
        hint = "give them to the program by hand"
        yield _lose(image, form, f"secrets: {', '.join(settings.secrets)}", hint, "secrets")


def _steps(image: Image, form: ExportForm) -> Iterator[Problem]:
    for number, step in enumerate(image.settings.run):
        first, *more = step.command.strip().splitlines()
        what = f"a step of the build: {first}{' ...' if more else ''}"
        yield _lose(image, form, what, "run it by hand as well", "run", number)
