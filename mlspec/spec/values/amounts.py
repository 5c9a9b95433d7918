"""Sizes and durations, in Docker's syntax."""

from __future__ import annotations

import math
import re
from fractions import Fraction

from mlspec.errors import quote_value
from mlspec.spec.values.refused import Refused

SIZE = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?) ?([bkmgtBKMGT]|[kmgtKMGT][iI]?[bB])?")
DURATION = re.compile(
    r"(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m(?!s))?(?:([0-9]{1,9}(?:\.[0-9]{1,9})?)s)?(?:([0-9]{1,9})ms)?"
)


def size(value: str) -> str:
    """Return a size in Docker's syntax, such as ``8gb``."""
    match = SIZE.fullmatch(value.strip())
    if not match:
        raise Refused("MLS115", f"{quote_value(value)} is not a size", "write a number and a unit, such as: 8gb")
    return f"{match[1]}{(match[2] or '').lower().replace('ib', 'b')}"


CPUS = re.compile(r"(?=.*[1-9])[0-9]{1,5}(?:\.[0-9]{1,3})?")


def cpus(value: str) -> str:
    """Return a number of processors, ``4`` or ``0.5``: engines and clusters divide a processor into thousandths."""
    if not CPUS.fullmatch(value):
        raise Refused("MLS115", f"{quote_value(value)} is not a number of processors", "write a number, such as: 4")
    return value


_UNITS = "bkmgt"


def quantity(value: str) -> str:
    """Return a size that :func:`size` accepts in Kubernetes' syntax, ``8Gi``: Docker's units are powers of 1024."""
    match = SIZE.fullmatch(size(value))
    assert match is not None  # noqa: S101 - it was accepted
    number, unit = Fraction(match[1]), _UNITS.index((match[2] or "b")[0])
    while number.denominator > 1 and unit > 0:
        number, unit = number * 1024, unit - 1
    return f"{math.ceil(number)}{['', 'Ki', 'Mi', 'Gi', 'Ti'][unit]}"


# Common spellings of durations: 3min, 5 minutes, 30sec, 2hrs.
_WORDY_DURATION = re.compile(r"([0-9]{1,9}) ?(h(?:ou)?rs?|m(?:in(?:ute)?s?)?|s(?:ec(?:ond)?s?)?|h)", re.IGNORECASE)


def duration(value: str) -> str:
    """Return a duration in Docker's syntax, such as ``1m30s``."""
    match = DURATION.fullmatch(value)
    if not value or not match:
        hint, meant = "write numbers with units, such as: 1m30s", ""
        if re.fullmatch("[0-9]{1,9}", value):
            hint = f"did you mean {value}s?"
        elif wordy := _WORDY_DURATION.fullmatch(value):
            meant = f"{wordy[1]}{wordy[2][0].lower()}"
            hint = f"did you mean {meant}?"
        raise Refused("MLS115", f"{quote_value(value)} is not a duration", hint, value=value, meant=meant)
    return value


AGE = re.compile(r"([0-9]{1,4}) ?(days?|d|weeks?|w)", re.IGNORECASE)


def age(value: str) -> str:
    """Return a number of days, such as ``7 days``, from days or weeks; raises Refused."""
    match = AGE.fullmatch(value.strip())
    if not match:
        meant = f"{value} days" if re.fullmatch("[0-9]{1,4}", value) else ""
        hint = f"did you mean {meant}?" if meant else "write a number of days, such as: 7 days"
        raise Refused("MLS115", f"{quote_value(value)} is not a number of days", hint, value=value, meant=meant)
    count = int(match[1]) * (7 if match[2][0] in "wW" else 1)
    return f"{count} day{'' if count == 1 else 's'}"


def seconds(value: str) -> int:
    """Return the whole seconds of a duration that :func:`duration` accepts, rounded up to at least 1."""
    match = DURATION.fullmatch(value)
    hours, minutes, whole, milli = (float(part or 0) for part in match.groups()) if match else (0.0, 0.0, 0.0, 0.0)
    return max(1, math.ceil(hours * 3600 + minutes * 60 + whole + milli / 1000))
