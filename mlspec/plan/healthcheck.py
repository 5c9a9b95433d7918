"""The health check of an image."""

from __future__ import annotations

from dataclasses import dataclass

from mlspec.spec.keys import Settings
from mlspec.spec.nested_keys import Healthcheck
from mlspec.spec.values import numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthcheckPlan:
    """The arguments of HEALTHCHECK: options as (flag, value), and a command in exec form.

    ``command`` is None if the health check is disabled. ``path`` and ``port`` are the target of a check over HTTP.
    """

    options: tuple[tuple[str, str], ...] = ()
    command: tuple[str, ...] | None = None
    path: str = ""
    port: int = 0


def plan_healthcheck(settings: Settings) -> HealthcheckPlan | None:
    """Return the health check of an image, or None if the spec has none, so that the base's health check applies."""
    check = settings.healthcheck
    if check is None:
        return None
    if check.disable or (isinstance(check.test, tuple) and check.test[0] == "NONE"):
        return HealthcheckPlan()
    options = _options(check)
    if check.path is None:
        return HealthcheckPlan(options=options, command=_tested_command(check.test))
    port = _first_tcp_port(settings)
    return HealthcheckPlan(options=options, command=_http_command(port, check.path), path=check.path, port=port)


def _options(check: Healthcheck) -> tuple[tuple[str, str], ...]:
    # A model may take minutes to load: failures in the first minutes do not make the container unhealthy.
    options = {
        "--interval": check.interval,
        "--timeout": check.timeout or "5s",
        "--start-period": check.start_period or "2m",
        "--start-interval": check.start_interval or "2s",
        "--retries": None if check.retries is None else str(check.retries),
    }
    return tuple((flag, value) for flag, value in options.items() if value is not None)


def _tested_command(test: str | tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the command of ``test`` in Compose's forms: text for a shell, or ``CMD`` or ``CMD-SHELL`` and words."""
    if isinstance(test, tuple):
        return test[1:] if test[0] == "CMD" else ("/bin/sh", "-c", *test[1:])
    return ("/bin/sh", "-c", test or "true")


def _http_command(port: int, path: str) -> tuple[str, ...]:
    # Slim images have no curl. The opener uses no proxies: the request must not leave the container.
    program = (
        "from urllib.request import ProxyHandler, build_opener; "
        f"build_opener(ProxyHandler({{}})).open({f'http://127.0.0.1:{port}{path}'!r})"
    )
    return ("python3", "-c", program)


def _first_tcp_port(settings: Settings) -> int:
    """Return the first TCP port of the container. Raises StopIteration if the container has no TCP port."""
    return numbers(next(port.target for port in settings.ports if port.protocol == "tcp"))[0]
