"""Hostile texts: rare input, and text that breaks a terminal, a shell, YAML or a report."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

_T = TypeVar("_T")

# fmt: off
TEXTS: tuple[str, ...] = (
    "", " ", "  ", "\t", "\n", "a\nb", "a\r\nb", "a\rb", "a\x85b", "a\u2028b", "a\u2029b", "a\x00b", "\x1b[2J",
    "\x1b]0;x\x07", "\x7f", "\x08\x08", "'", '"', "''", '""', "it's", 'say "hi"', "`id`", "$(touch /tmp/hostile_pwned)",
    "${HOME}", "$HOME", "$$", "$", "${HOME:-x}", "${X:?no}", "$((1+1))", "\\", "\\\\", "a\\", "a \\", "\\n", "\\$x",
    '\\"', "a#b", "# c", "a # c", "!x", "!!", "!python/object", "%", "100%", "%s%n", "&x", "*x", "@x", "|", ">", "-",
    "--", "-x", "--help", "--rm", "-v/:/host", "--privileged", "---", "...", "? x", "a: b", "a:b", "[", "]", "{", "}",
    "{{ x }}", "{% raw %}", "{#", "<<EOF", "<<'EOF'", "EOF", "<<-EOF\nx\nEOF", "a;b", "a&&b", "a||b", "a|b", "a>b",
    "a<b", "a&", "~", "~root/x", "../..", "../../etc/passwd", "/etc/passwd", "/", "//", ".", "./.", "a,b", "a,b=c",
    "a=b", "=", "=a", "\u202eabc", "a\u202eb", "\u200b", "\ufeff", "\u2066x\u2069", "\xa0", "\u3000", "e\u0301",
    "\U0001f331", "gr\xfcn", "\ud800", "\udfff\ud800", "\ufffe", "\U000e0001", "\u0130", "\xdf", "\ufb01", "yes", "no",
    "on", "off", "y", "n", "true", "True", "null", "~", "Null", "NaN", ".nan", ".inf", "-.inf", "0o17", "017", "0x1f",
    "1e3", "1_000", "22:22", "1:2:3", "2026-11-30", "2026-11-30T00:00:00Z", "0", "-1", "1", "3.10",
    "999999999999999999999999999", "1e999", "\u0661\u0662", "\xb2", "0b1", "=", "<<", "x-", "PATH", "LD_PRELOAD",
    "HOME", "a" * 300, "a" * 70000, " a", "a ", "a  b", "con", "nul", "a/b", "a\\b", "C:\\x", "C:/x", "http://x",
    "https://u:p@h/x", "file:///etc/passwd", "git+https://h/x@y", "ssh://-oProxyCommand=x/y", "ON", "0777",
    "${{ secrets.X }}", "::error::x", "::set-output name=x::y", "</script><script>alert(1)</script>", "<b>", "&amp;",
    "]]>", "*", "**", "?", "[a-z]", "!a", "a/**/b", "a/../b", "\x85", "\x9b31m",
)
RAWS: tuple[str, ...] = (
    "yes", "no", "on", "off", "true", "false", "null", "~", "", "3.10", "1e3", "0o17", "017", "0x1F", ".nan", ".inf",
    "-.inf", "22:22", "2026-11-30", "!!str 3", "!!int 3", "!!float 3", "!!binary aGk=", "!!python/object:os.system x",
    "!x y", "!!set {a}", "!!omap [a: b]", "&a b", "*a", "*missing", "&a [*a]", "{}", "[]", "[[]]", "{a: {b: c}}",
    "[1, 2]", "{1: 2}", "{? a}", "[a: b]", "[{}]", "? x", "- a", "| x", ">-", "'unclosed", '"unclosed', "[unclosed",
    "{unclosed", "@x", "`x`", "%x", "1 2", "a: b: c", "a # c", '"\\ud800"', '"\\U00110000"', '"\\x00"', '"\\e"', "...",
    "---", "<<: *a", "999999999999999999999999999999", "-0", "1_0", "0b11", "+1", "--1", "'a''b'", "\t", "{<<: {a: b}}",
    "!", "!<tag:yaml.org,2002:str> x", "!<x", "&", "*", "\x85",
)
BYTES: tuple[bytes, ...] = (
    b"\xff", b"\xfe\xff", b"\xff\xfe", b"\xef\xbb\xbf", b"\x00", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
    b"\r\n", b"\r", b"\x0b", b"\x0c", b"\x1b[31m", b"\n---\n", b"\n...\n", b"<<<<<<< HEAD\n", b"=======\n",
    b">>>>>>> theirs\n", b"||||||| base\n", b"\t", b"%YAML 9.9\n---\n", b"%TAG ! tag:x,2000:\n---\n", b"&a ", b"*a",
    b"!!x ", b": ", b"- ", b"? ", b"#", b'"', b"'", b"[", b"]", b"{", b"}", b",", b"|\n", b">\n", b"<<: ",
    b"\xe2\x80\xae", b"\xc2\x85", b"\xe2\x80\xa8", b"# mlspec: ignore=MLS601 x\n", b"# mlspec: ignore\n",
    b"#mlspec:ignore=,", b"images: {a: {}}\n", b"x-a: ", b"\xf0\x9f\x98\x80", b" " * 50, b"[" * 60,
)
PIECES = (
    "a", " ", "'", '"', "$", "`id`", "$(id)", "${X}", "\\", "#", "!", "%", "&", "*", ";", "|", "<", ">", "(", ")",
    "[", "]",
    "{", "}", "?", "~", "=", ",", ":", "-", "--", "\u202e", "\xfc", "\U0001f331", "\xa0", "<<EOF", "EOF", "\\n",
    "{{x}}",
    "{%x%}", "$$", "@", "^", "/", ".", "\u200b", "\ufeff", "e\u0301",
)
INNER_KEYS = (
    "a", "A_B", "source", "target", "type", "path", "command", "at", "test", "url", "packages", "count", "soft",
    "environment", "file", "<<",
)
# fmt: on


class Raw(str):
    """A YAML scalar that is dumped without quotes."""

    __slots__ = ()


class Values:
    """A generator of random values from one seed."""

    def __init__(self, seed: int) -> None:
        self.r = random.Random(seed)  # noqa: S311 - the same cases for the same seed

    def chance(self, share: float) -> bool:
        return self.r.random() < share

    def one(self, *values: _T) -> _T:
        return self.r.choice(values)

    def few(self, make: Callable[[], _T], most: int) -> list[_T]:
        return [make() for _ in range(self.r.randint(1, most))]

    def some(self, make: Callable[[], object], most: int) -> object:
        """Return a list, or sometimes the only element of a list alone, which many keys accept too."""
        found = self.few(make, most)
        return found[0] if len(found) == 1 and self.chance(0.3) else found

    def text(self) -> str:
        if self.chance(0.6):
            return self.r.choice(TEXTS)
        return "".join(self.part() for _ in range(self.r.randint(1, 5)))

    def part(self) -> str:
        return self.r.choice(TEXTS)[:40] if self.chance(0.5) else self.r.choice("ab/.:-_ 1=")

    def line(self) -> str:
        """Return a text of one line that many keys accept and that generated files must quote."""
        return "".join(self.r.choice(PIECES) for _ in range(self.r.randint(1, 7)))

    def any(self, depth: int = 0) -> object:
        kind = self.r.random()
        if kind < 0.45 or depth > 3:
            return self.text()
        if kind < 0.7:
            return Raw(self.r.choice(RAWS))
        if kind < 0.85:
            return [self.any(depth + 1) for _ in range(self.r.randint(0, 3))]
        return {self.key(): self.any(depth + 1) for _ in range(self.r.randint(0, 3))}

    def key(self) -> str:
        return self.one(*INNER_KEYS, self.text())

    # Damage

    def damaged(self, data: bytes, times: int = 0) -> bytes:
        for _ in range(times or self.r.randint(1, 5)):
            data = self.r.choices(self.damages(), weights=(1, 3, 1, 1, 1, 1, 1, 1))[0](data)
        return data[:300_000]

    def damages(self) -> Sequence[Callable[[bytes], bytes]]:
        return (
            self.byte,
            self.insert,
            self.cut,
            self.repeat_line,
            self.insert_text,
            self.end,
            self.put_value,
            self.encode,
        )

    def byte(self, data: bytes) -> bytes:
        at = self.r.randint(0, len(data))
        return data[:at] + bytes([self.r.randint(0, 255)]) + data[at + 1 :]

    def insert(self, data: bytes) -> bytes:
        at = self.r.randint(0, len(data))
        return data[:at] + self.r.choice(BYTES) + data[at:]

    def cut(self, data: bytes) -> bytes:
        at = self.r.randint(0, len(data))
        return data[:at] + data[at + self.r.randint(1, 30) :]

    def repeat_line(self, data: bytes) -> bytes:
        lines = data.split(b"\n")
        lines.insert(self.r.randint(0, len(lines)), self.r.choice(lines))
        return b"\n".join(lines)

    def insert_text(self, data: bytes) -> bytes:
        at = self.r.randint(0, len(data))
        return data[:at] + self.text()[:5000].encode("utf-8", "surrogatepass") + data[at:]

    def end(self, data: bytes) -> bytes:
        return data[: self.r.randint(0, len(data))]

    def put_value(self, data: bytes) -> bytes:
        """Replace the value of a key."""
        lines = data.split(b"\n")
        at = self.r.randrange(len(lines))
        head, colon, _ = lines[at].partition(b":")
        lines[at] = head + colon + b" " + self.r.choice(RAWS).encode() if colon else head
        return b"\n".join(lines)

    def encode(self, data: bytes) -> bytes:
        """Change the line endings or the encoding of the data, or repeat the data."""
        text = data.decode("utf-8", "ignore")
        return self.one(
            data.replace(b"\n", b"\r\n"),
            data.replace(b"\n", b"\r"),
            b"\xef\xbb\xbf" + data,
            data + data,
            text.encode("utf-16"),
            text.encode("utf-32"),
            text.encode("utf-16-le"),
        )
