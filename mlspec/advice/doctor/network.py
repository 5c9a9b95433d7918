"""Proxies, certificates, clocks, and the places on the network that a lock and a build ask."""

from __future__ import annotations

from collections.abc import Iterator

from mlspec.advice.doctor.facts import Facts, Host, Probe
from mlspec.advice.doctor.findings import Finding, as_finding, fine, join_names, problem
from mlspec.errors import Problem

# Seconds. Debian's package lists are refused by a clock that is behind them; certificates by one that is days off.
_MOST_SKEW = 300


def findings(facts: Facts) -> Iterator[Finding]:
    """Check proxies, package indexes, registries and clocks."""
    yield from _proxies(facts)
    # Several bases come from one registry.
    yield from dict.fromkeys(map(_check_probe, facts.answers))
    yield from _clocks(facts)


def _proxies(facts: Facts) -> Iterator[Finding]:
    variables = join_names(facts.host.proxies)
    if not facts.host.proxies:
        return
    if facts.engine.version and not facts.engine.has_proxy:
        message = f"{variables} is set here and the engine knows no proxy: it will pull nothing through it"
        yield as_finding("proxy", problem("MLS552", message, _engine_proxy_hint(facts), "warning"))
    if not facts.host.build_proxy:
        message = f"{variables} is set here and build steps will not see it: docker hands on what its config names"
        hint = (
            'add to ~/.docker/config.json: {"proxies": {"default": {"httpProxy": "URL", "httpsProxy": "URL", '
            '"noProxy": "localhost"}}}'
        )
        yield as_finding("proxy", problem("MLS553", message, hint, "warning"))
    elif _is_loopback(facts.host.build_proxy):
        message = f"the proxy for build steps is {facts.host.build_proxy}, which in a container is the container itself"
        hint = "name the address at which containers see this host, such as: http://172.17.0.1:PORT"
        if facts.engine.is_desktop:
            hint = "name this host as containers see it: http://host.docker.internal:PORT"
        yield as_finding("proxy", problem("MLS554", message, hint, "warning"))
    elif facts.engine.has_proxy or not facts.engine.version:
        yield fine("proxy", f"{variables} is set here, and for build steps")


def _engine_proxy_hint(facts: Facts) -> str:
    if facts.engine.is_desktop:
        return "name it in the settings of Docker Desktop: Resources, Proxies"
    # docs.docker.com/engine/daemon/proxy: read by Docker 23 and newer.
    file = "~/.config/docker/daemon.json" if facts.engine.has("rootless") else "/etc/docker/daemon.json"
    restart = "systemctl --user restart docker" if facts.engine.has("rootless") else "sudo systemctl restart docker"
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
        hint = f"is it right, and running? for a host that needs none: export NO_PROXY={answer.host}\n{answer.words}"
        return problem("MLS555", f"the proxy in HTTPS_PROXY does not reach {where}", hint, "warning")
    if answer.state == "untrusted":
        return problem("MLS556", f"the certificate of {where} cannot be verified", _certificate_hint(answer), "warning")
    if answer.state == "untold":
        message = f"the certificate of {where} is known to this host, and not to mlspec"
        return problem("MLS556", message, f"export SSL_CERT_FILE={answer.words}", "warning")
    if answer.state == "private":
        message = f"the certificate of {where} is signed by an authority that this host knows and no image does"
        hint = (
            "name it for mlspec build: export MLSPEC_CERTIFICATES=/path/to/ca.pem\n"
            "for plain docker build, build on an image that knows it, base: THAT_IMAGE, made from:\n"
            "FROM python:3.12-slim\n"
            "COPY ca.crt /usr/local/share/ca-certificates/\n"
            "RUN update-ca-certificates"
        )
        return problem("MLS557", message, hint, "warning")
    code = "MLS558" if answer.place == "package index" else "MLS559"
    variable = "MLSPEC_INDEX_URL" if answer.place == "package index" else "MLSPEC_REGISTRY_MIRROR"
    if answer.index:
        variable = f"MLSPEC_INDEX_MIRRORS, as {answer.index}=MIRROR"
    hint = f"check the network and HTTPS_PROXY, or name a mirror in {variable}; what is locked and built needs neither"
    return problem(code, f"{where} does not answer", f"{hint}\n{answer.words}", "warning")


def _certificate_hint(answer: Probe) -> str:
    if "expired" in answer.words or "not yet valid" in answer.words:
        return f"is the clock of this host right? date\n{answer.words}"
    return f"behind a proxy that opens TLS, name its certificate: export SSL_CERT_FILE=/path/to/ca.pem\n{answer.words}"


def _clocks(facts: Facts) -> Iterator[Finding]:
    skews = [answer.skew for answer in facts.answers if answer.skew is not None]
    # One server may be wrong; this clock is, where all say so.
    skew = min(skews, key=abs, default=0.0)
    if abs(skew) > _MOST_SKEW:
        message = (
            f"the clock of this host is {_describe_skew(skew)}, by which certificates and package lists turn invalid"
        )
        yield as_finding("clock", problem("MLS560", message, _clock_hint(facts.host), "warning"))
    elif facts.engine.version and abs(facts.engine.skew) > _MOST_SKEW:
        message = (
            f"the engine's clock is {_describe_skew(-facts.engine.skew)}: its steps will refuse certificates and lists"
        )
        hint = _clock_hint(facts.host)
        if facts.engine.is_desktop:
            hint = "its clock stood still while the computer slept; start Docker Desktop anew: docker desktop restart"
        yield as_finding("clock", problem("MLS560", message, hint, "warning"))
    elif skews or facts.engine.version:
        yield fine("clock", "right" if skews else "the engine's is this host's")


def _describe_skew(ahead: float) -> str:
    """Return how far a clock is off, where another one is ``ahead`` of it by so many seconds."""
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
