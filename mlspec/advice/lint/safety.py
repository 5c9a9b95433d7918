"""Rules about security: secrets in an image, the root user, open notebook servers."""

from __future__ import annotations

import dataclasses
import posixpath
import re
from collections.abc import Iterator
from typing import NamedTuple

from mlspec.advice.lint.container_command import find_option_values, strip_launcher
from mlspec.advice.lint.copied import left_out
from mlspec.advice.lint.subject import Context, Subject
from mlspec.errors import Problem
from mlspec.spec.messages import NO_EXCERPT
from mlspec.spec.values import looks_secret

# Secrets that are recognizable by the prefixes that their issuers document.
_TOKENS = (
    ("a Hugging Face token", re.compile(r"\bhf_[A-Za-z0-9]{30,}\b")),
    ("a GitHub token", re.compile(r"\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_\w{50,}\b")),
    ("a GitLab token", re.compile(r"\bglpat-[\w-]{20,}")),
    ("an AWS key", re.compile(r"\bA(?:KIA|SIA)[A-Z0-9]{16}\b")),
    ("an OpenAI key", re.compile(r"\bsk-(?:proj-)?[A-Za-z0-9_-]{32,}")),
    ("a Google key", re.compile(r"\bAIza[\w-]{35}\b")),
    ("a Slack token", re.compile(r"\bxox[abprs]-[\w-]{20,}")),
    ("a private key", re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----")),
    ("an AWS secret key", re.compile(r"(?i:aws_secret_access_key)[\"']?\s*[=:]\s*[\"']?[A-Za-z0-9/+]{40}\b")),
)
_LOGIN = re.compile(r"[a-z]://[^/\s:@$]+:[^/\s@$]+@")
_ASSIGNMENT = re.compile(r"""(?:(?<!\S)--([A-Za-z][\w-]*)[= ]|(?<![\w-])([A-Za-z]\w*)=)["']?([^\s$"'-][^\s"']*)""")


class _Place(NamedTuple):
    text: str
    path: tuple[str | int, ...]


def is_in_clear(subject: Subject) -> Iterator[Problem]:
    """Warn of secrets in labels, commands, steps and variables: everyone with the image can read them."""
    for text, path in _list_visible_texts(subject):
        if what := _find_token(text) or _find_assigned_secret(text):
            message = f"this contains {what}, and everyone with the image can read it"
            found = subject.warn(message, _how_to_hand_over(path), *path)
            yield dataclasses.replace(found, excerpt=NO_EXCERPT)


def _list_visible_texts(subject: Subject) -> Iterator[_Place]:
    settings = subject.settings
    yield from (_Place(value, ("labels", name)) for name, value in settings.labels.items())
    yield from (_Place(value or "", ("environment", name)) for name, value in settings.environment.items())
    yield from (_Place(step.command, ("run", number)) for number, step in enumerate(settings.run))
    yield from (_Place(" ".join(words), (key,)) for key in ("entrypoint", "command") if (words := _words(subject, key)))


def _words(subject: Subject, key: str) -> tuple[str, ...]:
    found: tuple[str, ...] | None = getattr(subject.settings, key)
    return found or ()


def _find_token(text: str) -> str:
    named = next((what for what, shape in _TOKENS if shape.search(text)), "")
    return named or ("a login in an address" if _LOGIN.search(text) else "")


def _find_assigned_secret(text: str) -> str:
    """Describe a secret that a text passes as ``--api-key VALUE`` or ``HF_TOKEN=VALUE``; return "" if there is none."""
    for option, variable, value in _ASSIGNMENT.findall(text):
        name = option or variable
        if looks_secret(name.replace("-", "_"), value) and len(value) > 5 and not value.startswith(("/", "./")):
            return f"the value of {name}"
    return ""


def _how_to_hand_over(path: tuple[str | int, ...]) -> str:
    if path[0] == "run":
        return "name it, secrets: [TOKEN], give it to the step, {command: ..., secrets: [TOKEN]}, and write $TOKEN"
    return "write: secrets: [TOKEN]; the program finds it in its environment when it runs"


def is_root(subject: Subject) -> Iterator[Problem]:
    """Warn of a container that runs as root."""
    if not subject.plan.container.is_root:
        return
    written = next((m.source for m in subject.settings.mounts if m.type == "bind" and not m.read_only), "")
    message = "the program runs as root" + (f", and what it writes to {written} belongs to root" if written else "")
    hint = "remove this line: the image has its own user, which can write to its folders and mounts"
    yield subject.warn(message, hint, "user")


def lets_everybody_in(subject: Subject) -> Iterator[Problem]:
    """Warn of a Jupyter server on a public port without token or password: anyone who reaches it can run programs."""
    words = strip_launcher(subject.words)
    ports = [port for port in subject.settings.ports if port.host_ip not in {"127.0.0.1", "::1"}]
    if not ports or words[:1] != ("jupyter",):
        return
    tokens = list(find_option_values(words, ("--IdentityProvider.token", "--ServerApp.token", "--NotebookApp.token")))
    passwords = "".join(
        find_option_values(words, ("--PasswordIdentityProvider.hashed_password", "--ServerApp.password"))
    )
    if tokens and not any(token.strip("\"'") for token in tokens) and not passwords:
        message = "anyone who can reach this port can run programs: Jupyter asks for no token"
        port = ports[0].target
        hint = f'leave the token out of the command; or write: ports: ["{ports[0].published or port}:{port}"]'
        yield subject.warn(message, hint, "ports", subject.settings.ports.index(ports[0]))


# Files

_KEY_FILE = re.compile(r"id_(?:rsa|dsa|ecdsa|ed25519)|.*\.(?:pem|key)")
_KEY_STORE = re.compile(r".*\.(?:p12|pfx|jks|keystore)")
_CREDENTIALS = re.compile(
    r"(?:.*[_.-])?(?:credentials?|client_secrets?|service[_-]?account|kaggle|token|secrets?)(?:[_.-].*)?"
    r"\.(?:json|ya?ml|toml|ini|env)|credentials|\.git-credentials|\.pypirc|\.npmrc|\.dockercfg|.*\.env|\.env\..*|\.envrc"
)
_FIELD = re.compile(
    r"""(?<![\w.-])["']?(?:[\w.-]*(?:private_key|client_secret|refresh_token|secret_access_key|password|passwd|api_?key|_authToken"""
    r"""|access_token|token|secret)|key)["']?\s*[:=]\s*["']?[^\s"'$,{}]{8,}""",
    re.IGNORECASE,
)


def may_hold_secret(path: str) -> bool:
    """Return whether a file has a name under which secrets are usually stored."""
    name = posixpath.basename(path)
    return any(shape.fullmatch(name) for shape in (_KEY_FILE, _KEY_STORE, _CREDENTIALS))


def copies_secret(subject: Subject, context: Context) -> Iterator[Problem]:
    """Warn of files with secrets that would be copied into the image."""
    stores = {path: "is a key store" for path in context.kept if _KEY_STORE.fullmatch(posixpath.basename(path))}
    texts = {**context.texts, **context.data_texts}
    found = stores | {path: what for path, text in sorted(texts.items()) if (what := _describe_secret(path, text))}
    found |= {path: f"is the private file {written} under another name" for path, written in context.private.items()}
    for path, what in found.items():
        hint = f"{left_out(subject, path)}; a program gets it with: secrets: {{NAME: {{file: {_from_spec(path)}}}}}"
        if path.endswith(".py"):
            hint = "take it out, and write: secrets: [TOKEN]; the program finds it in os.environ when it runs"
        message = f"{path} {what}, and would be copied into the image, where everyone with the image can read it"
        yield subject.warn(message, hint, *(("include",) if subject.settings.include is not None else ()))


def _from_spec(path: str) -> str:
    return path if path.startswith("../") else f"./{path}"


def _describe_secret(path: str, text: str) -> str:
    if named := next((what for what, shape in _TOKENS if shape.search(text)), ""):
        return f"contains {named}"
    is_named = _CREDENTIALS.fullmatch(posixpath.basename(path)) and not path.endswith(".py")
    return "seems to contain a secret" if is_named and _FIELD.search(text) else ""
