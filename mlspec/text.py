"""Format text for people: sizes, suggestions for typos, escapes for hidden characters, removal of logins.

mlspec prints text from others: lines of files, names, addresses, the output of libraries and of steps. A terminal obeys
control characters, and a reader cannot see characters that reorder or hide text (CVE-2021-42574).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

_UNITS = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))


def format_size(size: int) -> str:
    """Return a number of bytes for people: ``16.6 MB``."""
    # 999,950 bytes and more would round to "1000.0 kB".
    unit, factor = next((u for u in _UNITS if size >= u[1] * 0.99995), ("B", 1))
    return f"{size / factor:.1f} {unit}" if factor > 1 else f"{size} B"


def parse_size(text: str) -> int | None:
    """Return the number of bytes in a text from :func:`format_size`; None for any other text."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?) (GB|MB|kB|B)", text)
    return round(float(match[1]) * dict((*_UNITS, ("B", 1)))[match[2]]) if match else None


def nearest(word: str, known: Iterable[str], *, most: int = 1, cutoff: float = 0.6) -> tuple[str, ...]:
    """Return the known words nearest to ``word``, best first, ignoring case; empty if none is near.

    ``cutoff`` is the least similarity, from 0 to 1, by the measure of difflib.
    """
    # Import difflib only for a wrong word: the import takes as long as that of the rest of this module.
    import difflib

    names = {name.lower(): name for name in known}
    return tuple(names[near] for near in difflib.get_close_matches(word.lower(), names, n=most, cutoff=cutoff))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint with the known word nearest to ``word``; empty if none is near."""
    near = nearest(word, known)
    return f"did you mean {near[0]}?" if near else ""


def slip(word: str, known: Iterable[str]) -> str:
    """Return the only known word from which ``word`` differs by a typo; empty if no word or several words match.

    A typo is a difference in case, in hyphens, in one letter, or in the order of two neighbours. A different digit is
    no typo, nor is another letter in a word of at most two letters.
    """
    names, plain = {name: _plain(name) for name in known}, _plain(word)
    near = {name for name, other in names.items() if other == plain} or {
        name for name, other in names.items() if len(plain) > 2 and _is_one_slip(plain, other)
    }
    return near.pop() if len(near) == 1 else ""


def _plain(word: str) -> str:
    return word.lower().replace("-", "_")


def _is_one_slip(word: str, other: str) -> bool:
    if abs(len(word) - len(other)) > 1 or _digits(word) != _digits(other):
        return False
    short, long = sorted((word, other), key=len)
    if len(short) < len(long):
        return short in _drop_each_letter(long)
    return sum(a != b for a, b in zip(word, other, strict=True)) == 1 or long in _swap_neighbours(short)


def _digits(word: str) -> list[str]:
    return sorted(filter(str.isdigit, word))


def _drop_each_letter(word: str) -> Iterator[str]:
    yield from (word[:place] + word[place + 1 :] for place in range(len(word)))


def _swap_neighbours(word: str) -> Iterator[str]:
    yield from (word[:n] + word[n + 1] + word[n] + word[n + 2 :] for n in range(len(word) - 1))


# Hidden characters

# Letters and marks that show nothing, but that Unicode counts as printable: Default_Ignorable_Code_Point of
# https://www.unicode.org/Public/16.0.0/ucd/DerivedCoreProperties.txt and the blank of braille. U+FE0F is not in this
# list: it belongs to ordinary emoji.
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0e\uffa0\U000e0100-\U000e01ef]")


def is_hidden(character: str) -> bool:
    """Return whether a character moves, reorders or hides text, or looks like a blank; a space does not count."""
    return not character.isprintable() or bool(_BLANK.match(character))


def visible(text: str) -> str:
    """Return a text with each hidden character as its escape, such as ``\\x1b``; line breaks and tabs stay."""
    if text.isprintable() and not _BLANK.search(text):
        return text
    return "".join(character if character in "\n\t" else visible_character(character) for character in text)


def visible_character(character: str) -> str:
    """Return a character, or its escape if it is hidden."""
    return _escape(character) if is_hidden(character) else character


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


def same_length(text: str) -> str:
    """Return a line with a visible character in place of each hidden one, so that all columns stay the same."""
    return "".join(
        _stand_in(character) if is_hidden(character) and character != "\t" else character for character in text
    )


def _stand_in(character: str) -> str:
    if character == "\t":
        return character
    # The pictures of control characters, U+2400 to U+2421, have the same order as the characters.
    number = ord(character)
    return chr(0x2400 + number) if number < 32 else "\u2421" if number == 127 else "\ufffd"


def width(text: str) -> int:
    """Return the number of terminal columns of a visible text: two for wide letters, none for combining marks."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


# Logins


def login_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each login in addresses: from after ``://`` to the last ``@`` before the host.

    A bare ``git@`` is no login: ssh uses it for every forge. A password may contain ``@``. A pasted password may also
    contain ``/``, which is wrong in an address: then the login ends at the last ``@`` of the word.
    """
    for word in re.finditer(r"\S+", text):
        if "@" in word[0]:
            spans = sorted((*_spans_in(word[0]), *_mistyped_spans(word[0])))
            yield from ((word.start() + start, word.start() + end) for start, end in spans)


# A typo before a login, as in https:/me:password@host, must not reveal the login.
_MISTYPED = re.compile(r"https?(?::/(?!/)|//)[^\w\s]?(?=[^\s/:@]{1,200}:[^\s@]{0,300}@)", re.IGNORECASE)


def _mistyped_spans(word: str) -> Iterator[tuple[int, int]]:
    return ((found.end(), word.index("@", found.end())) for found in _MISTYPED.finditer(word))


def _spans_in(word: str) -> Iterator[tuple[int, int]]:
    last, place = word.rfind("@"), word.find("://")
    while -1 < place < last:
        start = place + 3
        slash = word.find("/", start)
        authority = word[start:] if slash < 0 else word[start:slash]
        end = _login_end(authority, start, last)
        if end > start and word[start : end + 1] != "git@":
            yield start, end
        place = word.find("://", max(start, end))


def _login_end(authority: str, start: int, last: int) -> int:
    """Return the end of the login at ``start``; ``start`` if there is no login."""
    login, at, host = authority.rpartition("@")
    if at:
        # In `me:p@ss/word@host`, the part between the first `@` and the slash cannot be a host.
        is_host = not host or "." in host or ":" in host or host == "localhost"
        return start + len(login) if is_host or login == "git" else last
    name, colon, port = authority.partition(":")
    is_login = colon and name and not re.fullmatch(r"\d*", port) and not authority.startswith("[")
    return last if is_login else start


def has_login(text: str) -> bool:
    """Return whether an address in a text contains a login."""
    return any(True for _ in login_spans(text))


def without_login(text: str, instead: str = "") -> str:
    """Return a text without the logins before the hosts of its addresses."""
    if "@" not in text:
        return text
    kept, place = [], 0
    for start, end in login_spans(text):
        kept += [text[place:start], instead]
        place = end + 1
    return "".join([*kept, text[place:]])


# Query parameters that sign a download, or that some indexes use as a login.
_SIGNATURE = re.compile(
    r"(?<=[?&])((?:[\w-]*(?:token|secret|passw(?:or)?d|signature|credential|api_?key)|sig)=)[^&\s\"']+", re.I
)


def printable(text: str) -> str:
    """Return a text that is safe to show: hidden characters as escapes, no logins and no signatures in addresses."""
    return visible(_SIGNATURE.sub(r"\1***", without_login(text)))
