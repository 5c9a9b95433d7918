"""Rules about proxies, certificates, clocks, and the servers that a lock and a build need."""

from __future__ import annotations

from collections.abc import Iterator

from mlspec.advice.doctor.findings import Finding, as_finding, fine, join_names, problem
from mlspec.advice.doctor.observations import Host, Observations, Probe
from mlspec.errors import Problem

# Seconds. apt refuses Debian's package lists if the clock is behind them; TLS refuses certificates if it is days off.
_MOST_SKEW = 300


def findings(seen: Observations) -> Iterator[Finding]:
    """Check proxies, package indexes, registries and clocks."""
    yield from _proxies(seen)
    # Several bases may come from one registry, so equal findings are dropped.
    yield from dict.fromkeys(map(_check_probe, seen.answers))
    yield from _clocks(seen)


def _proxies(seen: Observations) -> Iterator[Finding]:
    variables = join_names(seen.host.proxies)
    if not seen.host.proxies:
        return
    if seen.engine.version and not seen.engine.has_proxy:
        message = f"{variables} is set on this host, but the engine has no proxy configured: it pulls without a proxy"
        yield as_finding("proxy", problem("MLS552", message, _engine_proxy_hint(seen), "warning"))
    if not seen.host.build_proxy:
        message = (
            f"{variables} is set on this host, but build steps do not see it: docker passes only the proxies "
            "of its config"
        )
        hint = (
            'add to ~/.docker/config.json: {"proxies": {"default": {"httpProxy": "URL", "httpsProxy": "URL", '
            '"noProxy": "localhost"}}}'
        )
        yield as_finding("proxy", problem("MLS553", message, hint, "warning"))
    elif _is_loopback(seen.host.build_proxy):
        message = (
            f"the proxy for build steps is {seen.host.build_proxy}, which inside a container is the container itself"
        )
        hint = "write the address of this host as containers see it, such as: http://172.17.0.1:PORT"
        if seen.engine.is_desktop:
            hint = "name this host as containers see it: http://host.docker.internal:PORT"
        yield as_finding("proxy", problem("MLS554", message, hint, "warning"))
    elif seen.engine.has_proxy or not seen.engine.version:
        yield fine("proxy", f"{variables} is set on this host and for build steps")


def _engine_proxy_hint(seen: Observations) -> str:
    if seen.engine.is_desktop:
        return "set it in the settings of Docker Desktop: Resources, Proxies"
    # Docker 23 and newer read this key: docs.docker.com/engine/daemon/proxy
    file = "~/.config/docker/daemon.json" if seen.engine.has("rootless") else "/etc/docker/daemon.json"
    restart = "systemctl --user restart docker" if seen.engine.has("rootless") else "sudo systemctl restart docker"
    return f'add to {file}: {{"proxies": {{"http-proxy": "URL", "https-proxy": "URL"}}}}; then: {restart}'


def _is_loopback(url: str) -> bool:
    host = url.partition("://")[2] or url
    return host.startswith(("127.", "localhost", "[::1]"))


def _check_probe(answer: Probe) -> Finding:
    if answer.state == "fine":
        return fine(answer.place, f"{answer.host} answers")
    return as_finding(answer.place, _probe_problem(answer))


def _probe_problem(answer: Probe) -> Problem:
    where = f"the {answer.place} at {answer.host}"
    if answer.state == "proxy":
        hint = (
            "check that it is right and runs; for a host that needs no proxy: export "
            f"NO_PROXY={answer.host}\n{answer.words}"
        )
        return problem("MLS555", f"the proxy in HTTPS_PROXY does not reach {where}", hint, "warning")
    if answer.state == "untrusted":
        return problem("MLS556", f"the certificate of {where} cannot be verified", _certificate_hint(answer), "warning")
    if answer.state == "untold":
        message = f"this host trusts the certificate of {where}, but mlspec does not"
        return problem("MLS556", message, f"export SSL_CERT_FILE={answer.words}", "warning")
    if answer.state == "private":
        message = f"the certificate of {where} is signed by an authority that this host trusts but no image does"
        hint = (
            "for mlspec build: export MLSPEC_CERTIFICATES=/path/to/ca.pem\n"
            "for plain docker build, use a base image that trusts it, base: THAT_IMAGE, built from:\n"
            "FROM python:3.12-slim\n"
            "COPY ca.crt /usr/local/share/ca-certificates/\n"
            "RUN update-ca-certificates"
        )
        return problem("MLS557", message, hint, "warning")
    code = "MLS558" if answer.place == "package index" else "MLS559"
    variable = "MLSPEC_INDEX_URL" if answer.place == "package index" else "MLSPEC_REGISTRY_MIRROR"
    if answer.index:
        variable = f"MLSPEC_INDEX_MIRRORS, as {answer.index}=MIRROR"
    hint = f"check the network and HTTPS_PROXY, or name a mirror in {variable}; builds from a lock need neither"
    return problem(code, f"{where} does not answer", f"{hint}\n{answer.words}", "warning")


def _certificate_hint(answer: Probe) -> str:
    if "expired" in answer.words or "not yet valid" in answer.words:
        return f"check the clock of this host: date\n{answer.words}"
    return f"if a proxy inspects TLS, trust its certificate: export SSL_CERT_FILE=/path/to/ca.pem\n{answer.words}"


def _clocks(seen: Observations) -> Iterator[Finding]:
    skews = [answer.skew for answer in seen.answers if answer.skew is not None]
    # One server may have a wrong clock. If all servers disagree with this host, the clock of this host is wrong.
    skew = min(skews, key=abs, default=0.0)
    if abs(skew) > _MOST_SKEW:
        message = f"the clock of this host is {_describe_skew(skew)}, so certificates and package lists look invalid"
        yield as_finding("clock", problem("MLS560", message, _clock_hint(seen.host), "warning"))
    elif seen.engine.version and abs(seen.engine.skew) > _MOST_SKEW:
        message = (
            f"the engine's clock is {_describe_skew(-seen.engine.skew)}: build steps will refuse certificates and "
            "package lists"
        )
        hint = _clock_hint(seen.host)
        if seen.engine.is_desktop:
            hint = "its clock stopped while the computer slept; restart Docker Desktop: docker desktop restart"
        yield as_finding("clock", problem("MLS560", message, hint, "warning"))
    elif skews or seen.engine.version:
        yield fine("clock", "right" if skews else "the engine's clock agrees with this host's")


def _describe_skew(ahead: float) -> str:
    """Describe the error of a clock, if a right clock is ``ahead`` of it by this number of seconds."""
    minutes = round(abs(ahead) / 60)
    amount = f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"
    return f"{amount} {'behind' if ahead > 0 else 'ahead'}"


def _clock_hint(host: Host) -> str:
    hints = {
        "linux": "sudo timedatectl set-ntp true",
        "wsl": "sudo hwclock --hctosys, or in Windows: wsl --shutdown",
        "macos": "sudo sntp -sS time.apple.com",
        "windows": "w32tm /resync",
    }
    return hints[host.system]
