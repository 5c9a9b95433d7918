"""Rules about servers: whether clients outside the container reach them on the published ports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlspec.advice.behaviour import Listening, find_listening
from mlspec.advice.lint.container_command import command_key, find_option_values, server_of, strip_launcher
from mlspec.advice.lint.program_start import last_words, program_of
from mlspec.advice.lint.subject import Context, Subject
from mlspec.errors import Problem
from mlspec.facts.servers import Server

_LOOPBACK = {"127.0.0.1", "localhost", "::1", "[::1]"}
_ALONE = "nothing outside the container can reach it"


def listens_to_itself(subject: Subject, context: Context) -> Iterator[Problem]:
    """Warn of a published port whose server listens only inside the container."""
    words = last_words(subject, context)
    server = server_of(words)
    if not subject.settings.ports:
        return
    if server:
        if not _is_decided_elsewhere(subject, context, server, words):
            yield from _told_to_listen(subject, server, words)
        return
    found = find_listening(program_of(subject, context))
    # If one of several addresses is open or unknown, its port may be the published port.
    if found and all(call.host in _LOOPBACK for call in found):
        message = f"{found[0].place} listens on {found[0].host}: {_ALONE}"
        yield subject.warn(message, _opening(subject, found[0]), command_key(subject))


def _told_to_listen(subject: Subject, server: Server, words: Sequence[str]) -> Iterator[Problem]:
    name, hosts = _name(server, words), [host for host, _ in _addresses(server, words) if host is not None]
    if hosts and set(hosts) <= _LOOPBACK:
        message = f"{name} is set to listen on {hosts[0]}: {_ALONE}"
    elif not hosts and not server.is_open:
        message = f"{name} listens on 127.0.0.1 by default: {_ALONE}"
    else:
        return
    yield subject.warn(message, f"write: {server.opening}", command_key(subject))


def _name(server: Server, words: Sequence[str]) -> str:
    return server.program if server.is_positional else strip_launcher(words)[0]


def _addresses(server: Server, words: Sequence[str]) -> Iterator[tuple[str | None, str]]:
    """Yield the hosts and ports in a command; an omitted host is None, and an omitted port is empty."""
    words = strip_launcher(words)
    yield from ((host, "") for host in find_option_values(words, server.host))
    yield from ((None, port) for port in find_option_values(words, server.port))
    binds = [*find_option_values(words, server.bind)]
    if server.is_positional and (place := words.index(server.jobs[0]) + 1) < len(words):
        binds += [] if words[place].startswith("-") else [words[place]]
    for bind in binds:
        host, colon, port = bind.rpartition(":")
        # Django accepts a port without a host, gunicorn a host without a port.
        yield (host, port) if colon else (None, bind) if bind.isdigit() else (bind, "")


def _opening(subject: Subject, call: Listening) -> str:
    row = call.by
    if row.host_variable and not call.is_said:
        pair = f"{row.host_variable}: 0.0.0.0"
        return f"add below environment: {pair}" if subject.settings.environment else f"add: environment: {{{pair}}}"
    if row.address < 0:
        return f'write there: {row.host}="0.0.0.0"'
    return f'write there: ("0.0.0.0", {call.port})' if call.port else "write there: 0.0.0.0"


def publishes_another_port(subject: Subject, context: Context) -> Iterator[Problem]:
    """Warn if the spec does not publish the port on which the server listens."""
    targets = [port.target for port in subject.settings.ports]
    words = last_words(subject, context)
    server = server_of(words)
    if not targets or (server and _is_decided_elsewhere(subject, context, server, words)):
        return
    if server:
        name = _name(server, words)
        told = [port for _, port in _addresses(server, words) if port] or [server.default]
        # Only a run knows the value of a variable such as $PORT.
        listens = [int(port) if port.isascii() and port.isdigit() and len(port) < 6 else 0 for port in told]
    else:
        found = find_listening(program_of(subject, context))
        name, listens = (found[0].place if found else ""), [call.port for call in found]
    if not listens or 0 in listens or any(_is_among(port, target) for port in listens for target in targets):
        return
    message = f"{name} listens on port {listens[0]}, but the spec publishes {', '.join(targets)}"
    host = subject.settings.ports[0].published or listens[0]
    yield subject.warn(message, f'write: ports: ["{host}:{listens[0]}"]', "ports", 0)


def _is_among(port: int, target: str) -> bool:
    first, _, last = target.partition("-")
    return int(first) <= port <= int(last or first)


def _is_decided_elsewhere(subject: Subject, context: Context, server: Server, words: Sequence[str]) -> bool:
    options = {word.partition("=")[0] for word in strip_launcher(words)}
    there = context.kept | context.names
    has_file = any(file in there or file.partition("/")[0] in context.names for file in server.files)
    is_named = bool(options & set(server.elsewhere) or subject.settings.environment.keys() & set(server.variables))
    return has_file or is_named
