"""Check the values of an image and of its runs: Python, accelerator, GPUs, day, user, limits and signals."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mlspec.errors import quote_value
from mlspec.facts.accelerator import PATTERN, Accelerator, parse_accelerator
from mlspec.spec.values.refused import Refused
from mlspec.text import did_you_mean, slip

PYTHON = re.compile(r"(0|[1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})(?:\.(0|[1-9][0-9]{0,3}))?")
_NUMBERED_ACCELERATOR = re.compile(r"(cu|cuda|rocm)[^a-z0-9]*([0-9]{1,2})[^0-9]?([0-9])(?:[^0-9].*)?")
GPU_MODEL = re.compile(r"(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9]+(?:[ ._-][A-Za-z0-9]+)*")
DAY = re.compile(r"20[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])")
USER = re.compile(r"([0-9]{1,10})(?::([0-9]{1,10}))?")


def python_version(value: str) -> str:
    """Return ``value`` if it has the form of ``3.12`` or ``3.12.4``."""
    match = PYTHON.fullmatch(value)
    if not match:
        near = re.search(r"3\.[1-9][0-9]?(?![0-9])", value)
        hint = f"did you mean {near[0]}?" if near else "write the minor version, such as: python: 3.12"
        # Certain: python3.12, v3.12, 3.12.x. Not certain: >=3.12, which leaves a choice.
        named = re.fullmatch(r"(?:python|py|v|==?)?[ :-]?(3\.[0-9]+(?:\.[0-9]+)?)(?:\.[x*])?", value, re.IGNORECASE)
        meant = named[1] if named and PYTHON.fullmatch(named[1]) else ""
        raise Refused("MLS104", f"{quote_value(value)} is not a Python version", hint, value=value, meant=meant)
    if (int(match[1]), int(match[2])) < (3, 8):
        # Other tools write 3.10 as 3.1, because they read a YAML number.
        likely = "3.10" if value == "3.1" else "3.12"
        message, hint = f"Python {value} is too old for today's package tools", f"did you mean {likely}?"
        raise Refused("MLS104", message, hint, value=value, meant="3.10" if value == "3.1" else "")
    return value


def accelerator(value: str) -> Accelerator:
    """Return the accelerator that a text names: ``cpu``, ``cuda``, ``cuda12.8`` or ``rocm6.3``; raises Refused."""
    if not PATTERN.fullmatch(value):
        near = _NUMBERED_ACCELERATOR.fullmatch(value.lower())
        hint, meant = "write cpu, cuda, cuda12.8 or rocm6.3", slip(value, ("cpu", "cuda"))
        if near:
            meant = f"{near[1].replace('cuda', 'cu').replace('cu', 'cuda')}{near[2]}.{near[3]}"
            hint = f"did you mean {meant}?"
        elif value.lower() in {"gpu", "gpus", "nvidia"}:
            # The maker of a `gpu` is unknown; `nvidia` has only one meaning.
            hint, meant = "did you mean cuda?", "cuda" if value.lower() == "nvidia" else ""
        elif value.lower() == "mps":
            hint, meant = "did you mean cpu? containers on a Mac do not see its GPU", ""
        else:
            hint = did_you_mean(value, ("cpu", "cuda")) or hint
        raise Refused("MLS107", f"{quote_value(value)} is not an accelerator", hint, value=value, meant=meant)
    return parse_accelerator(value)


def gpu_model(value: str) -> str:
    """Return ``value`` if it has the form of a GPU name: words of letters and digits."""
    if not GPU_MODEL.fullmatch(value):
        message = f"{quote_value(value)} does not name a GPU"
        raise Refused("MLS132", message, "write a name, such as h100 or rtx5090, or an architecture, such as sm_120")
    return value


def gpu_request(value: object) -> object:
    """Return one request for GPUs, from ``all``, a count, or Compose's list of one mapping."""
    if isinstance(value, str):
        return {"count": value}
    if isinstance(value, list):
        if len(value) != 1 or not isinstance(value[0], Mapping):
            raise Refused(
                "MLS122", "only one request for GPUs is possible", "write gpus: all, a number, or a list of one mapping"
            )
        return value[0]
    return value


def day(value: str) -> str:
    """Return ``value`` if it is a day in the form of ISO 8601: ``2026-11-01``."""
    if not DAY.fullmatch(value):
        found = re.fullmatch(r"(20\d\d)[-/.]?(\d{1,2})[-/.]?(\d{1,2})(?:T.*)?", value)
        near = f"{found[1]}-{found[2]:0>2}-{found[3]:0>2}" if found else ""
        near = near if DAY.fullmatch(near) else ""
        hint = f"did you mean {near}?" if near else "write year, month and day, such as: 2026-11-01"
        raise Refused("MLS128", f"{quote_value(value)} is not a day", hint, value=value, meant=near)
    return value


def user(value: str) -> str:
    """Return ``UID:GID``; a single id is both."""
    match = USER.fullmatch("0" if value == "root" else value)
    if not match:
        hint = (
            "write numbers, such as: user: 1000:1000; names may not exist in the image, and a cluster cannot check them"
        )
        raise Refused("MLS116", f"{quote_value(value)} is not a numeric user", hint)
    return f"{match[1]}:{match[2] or match[1]}"


# The limits in Docker: ulimitNameMapping in github.com/docker/go-units/ulimit.go.
_LIMITS = (
    *("core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss"),
    *("rtprio", "rttime", "sigpending", "stack"),
)


def limit_name(value: str) -> str:
    """Return ``value`` if it can name a limit of the kernel."""
    if value not in _LIMITS:
        hint = did_you_mean(value, _LIMITS) or "write one such as: memlock, nofile or stack"
        raise Refused("MLS118", f"{quote_value(value)} is not a limit", hint, value=value, meant=slip(value, _LIMITS))
    return value


def ulimit(value: object) -> object:
    """Return ``{soft, hard}`` from a single number; any other value comes back unchanged."""
    return {"soft": value, "hard": value} if isinstance(value, str) else value


# The signals of Linux as Docker reads them: SignalMap in github.com/moby/sys/signal/signal_linux.go. BuildKit refuses
# any other name in STOPSIGNAL.
_SIGNALS = (
    *("TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "WINCH", "KILL", "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT"),
    *("FPE", "ILL", "IO", "IOT", "PIPE", "POLL", "PROF", "PWR", "SEGV", "STKFLT", "STOP", "SYS", "TRAP", "TSTP"),
    *("TTIN", "TTOU", "URG", "VTALRM", "XCPU", "XFSZ", "RTMIN", "RTMAX"),
    *(f"RTMIN+{number}" for number in range(1, 16)),
    *(f"RTMAX-{number}" for number in range(1, 15)),
)
_SIGNAL_NUMBER = re.compile(r"[1-9]|[1-5][0-9]|6[0-4]")
SIGNAL_FORM = rf"^(?:[A-Za-z][A-Za-z0-9]*(?:[+-][0-9]+)?|{_SIGNAL_NUMBER.pattern})$"


def name_signal(value: str) -> str:
    """Return a signal in the syntax of a Dockerfile: ``SIGINT`` from ``int``, ``SIGRTMIN+3``, or a number."""
    name = value.upper().removeprefix("SIG")
    if name in _SIGNALS:
        return f"SIG{name}"
    if not _SIGNAL_NUMBER.fullmatch(value):
        # Suggest only signals that end programs: users rarely mean others, even if the spelling is as near.
        known = [f"SIG{name}" for name in _SIGNALS[:7]]
        hint = did_you_mean(value.upper(), known) or "write a name, such as SIGINT, or a number from 1 to 64"
        meant = slip(value.upper(), known)
        raise Refused("MLS118", f"{quote_value(value)} is not a signal", hint, value=value, meant=meant)
    return value
