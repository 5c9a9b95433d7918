"""The shell commands that the pipelines of GitHub and GitLab share.

A pipeline checks the files by mlspec, but it builds with nothing but Docker.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import replace

from mlspec.plan.plan import Plan
from mlspec.spec.nested_keys import Secret
from mlspec.targets.build_options import BuildOptions, cache_fields
from mlspec.targets.run_script import build_command, join_fields

INSTALL_VARIABLE = "MLSPEC"
"""The variable of a repository with what pip installs mlspec from: there is no name to install it by."""


def build_script(plan: Plan, revision: str, source: str) -> str:
    """Return the commands that build an image, and push it and its build cache if ``$PUSH`` is true.

    ``revision`` and ``source`` are the names of the variables with the commit and with the address of the repository.
    The file ``$METADATA`` gets the digest.
    """
    cache = f"{plan.push.name}:cache"
    mark = f"\0{revision}\0"
    options = BuildOptions(
        tags=(f"{plan.push.name}:{mark}", f"{plan.push.name}:latest"),
        platforms=plan.platforms,
        push=True,
        progress="plain",
        labels=(
            ("org.opencontainers.image.source", f"\0{source}\0"),
            ("org.opencontainers.image.revision", mark),
        ),
        cache_from=(cache,),
        metadata_file="\0METADATA\0",
    )
    secrets = tuple((name, Secret(environment=name)) for name, _ in plan.build_secrets)
    own = {name for name, _ in plan.container.labels}
    options = replace(options, labels=tuple(label for label in options.labels if label[0] not in own))
    words = build_command(replace(plan, build_secrets=secrets), options)
    write_cache = shlex.quote(join_fields(cache_fields(cache)))
    return "\n".join(
        (
            *(_SSH if plan.packages.uses_ssh else ()),
            f'if [ "$PUSH" = true ]; then set -- --cache-to {write_cache}; fi',
            " \\\n".join(_group_words(words)),
        )
    )


_SSH = ('eval "$(ssh-agent -s)"', 'printf "%s\\n" "$SSH_PRIVATE_KEY" | ssh-add -')


def _group_words(words: Iterable[str]) -> Iterator[str]:
    """Yield the lines of the command: one for each option with its value."""
    *head, context = words
    start, line = "", ""
    for word in head:
        text = _quote(word.replace("push=true", "push=\0PUSH\0"))
        if word.startswith("--"):
            if line:
                yield f"{start}{line}"
                start = "  "
            line = text
        else:
            line = f"{line} {text}" if line else text
    yield f"{start}{line}"
    yield f'  "$@" {_quote(context)}'


def _quote(word: str) -> str:
    """Return a word for a shell, in which a name between two NULs is a variable."""
    if "\0" not in word:
        return shlex.quote(word)
    escaped = re.sub(r'([\\"$`])', r"\\\1", word)
    filled = re.sub("\0([A-Z_]+)\0", r"$\1", escaped)
    return f'"{filled}"'


def login_command(plan: Plan, user: str, password: str) -> str:
    """Return the command that logs in to the registry of an image with the values of two variables."""
    return f'printf %s "{password}" | docker login {registry_host(plan)} --username "{user}" --password-stdin'


def list_secret_names(plan: Plan) -> tuple[str, ...]:
    """Return the names of the secrets that a build of an image needs, as the pipeline has them."""
    ssh = ("SSH_PRIVATE_KEY",) if plan.packages.uses_ssh else ()
    return (*(name for name, _ in plan.build_secrets), *ssh)


def registry_host(plan: Plan) -> str:
    """Return the host of the registry that an image is pushed to."""
    return (plan.push.registry or "").partition("/")[0]
