"""Rules about the surroundings of a program: its locale, its environment files, links in its folder."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from mlspec.advice.lint.copied import left_out
from mlspec.advice.lint.subject import Context, Subject
from mlspec.errors import Problem
from mlspec.plan.env_files import env_file_faults

# Variables that name a locale. LANGUAGE is none of them: it names languages of messages, which need no locale.
_LOCALES = re.compile(r"LANG|LC_[A-Z]+")
# C.UTF-8 is part of Debian's libc.
_ALWAYS_THERE = {"", "c", "posix", "c.utf8"}


def lacks_locale(subject: Subject) -> Iterator[Problem]:
    """Warn of a locale that the image lacks: the official image has only C and C.UTF-8."""
    has_locales = any(subject.installs(package) for package in ("locales-all", "locales"))
    if not subject.is_official or has_locales:
        return
    for name, value in subject.settings.environment.items():
        plain = (value or "").lower().replace("utf-8", "utf8")
        if _LOCALES.fullmatch(name) and plain not in _ALWAYS_THERE:
            message = f"the image has no locale {value}, so programs that set it fail or use another"
            hint = "add to apt: locales-all; or write C.UTF-8, which is always there"
            yield subject.warn(message, hint, "environment", name)
            return


def misreads_env_file(subject: Subject, context: Context) -> Iterator[Problem]:
    """Warn of lines in environment files that Docker refuses, or reads with another meaning than they suggest."""
    for index, entry in enumerate(subject.settings.env_file):
        look = context.looks.get(entry.path)
        for fault in env_file_faults(look.text) if look and look.is_file else ():
            yield subject.warn(f"{entry.path}, line {fault.line}: {fault.message}", fault.hint, "env_file", index)


_OF_THE_SYSTEM = ("/usr/", "/bin/", "/etc/", "/dev/", "/proc/", "/sys/", "/run/", "/tmp/", "/var/", "/opt/", "/lib/")  # noqa: S108


def copies_dead_links(subject: Subject, context: Context) -> Iterator[Problem]:
    """Warn of links in the image whose target is not in the image."""
    dead = sorted((path, target) for path, target in context.links.items() if _is_dead(subject, context, path, target))
    for path, target in dead[:1]:
        others = f" (and so are {len(dead) - 1} more)" if len(dead) > 1 else ""
        message = f"{path} is a link to {target}, which is not in the image{others}: the link would be broken"
        home = subject.settings.working_dir
        mount = f"./{path}:{posixpath.join(home, path)}"
        hint = f"to have it there when it runs: mounts: [{mount}]\nto {left_out(subject, path)}"
        yield subject.warn(message, hint, *(() if subject.settings.include is None else ("include",)))


def _is_dead(subject: Subject, context: Context, path: str, target: str) -> bool:
    home = subject.settings.working_dir
    place = posixpath.normpath(posixpath.join(home, posixpath.dirname(path), target))
    mounted = [posixpath.normpath(mount.target) for mount in subject.settings.mounts]
    if any(f"{where}/".startswith(f"{kept}/") for kept in mounted for where in (place, posixpath.join(home, path))):
        return False
    if not f"{place}/".startswith(f"{subject.plan.context.root.rstrip('/')}/"):
        return not f"{place}/".startswith(_OF_THE_SYSTEM)
    inside = posixpath.relpath(place, home)
    is_there = inside == "." or any(kept == inside or kept.startswith(f"{inside}/") for kept in context.kept)
    return context.is_whole and not is_there and not subject.settings.run
