"""Tests of the short forms of values: accepted and refused texts, and no crash for any text."""

from __future__ import annotations

import string
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlspec.facts.accelerator import Accelerator
from mlspec.spec import values as syntax
from mlspec.spec.values import Refused

READERS: dict[str, Callable[[str], object]] = {
    name: getattr(syntax, name)
    for name in [
        *["one_line", "script", "python_version", "accelerator", "words", "size", "duration", "port", "port_range"],
        *["host_ip", "mount", "user", "environment_name", "label_name", "limit_name", "index_url", "health_path"],
        *[
            "debian_package",
            "image_name",
            "image_key",
            "absolute",
            "plain_absolute",
            "memory_folder",
            "working_dir",
            "include_path",
        ],
    ]
}
ACCEPTED: list[tuple[str, str, object]] = [
    ("one_line", "größe", "größe"),
    ("script", "a\n\tb", "a\n\tb"),
    ("python_version", "3.12", "3.12"),
    ("python_version", "3.12.4", "3.12.4"),
    ("python_version", "3.10", "3.10"),
    ("accelerator", "cuda", Accelerator("cuda")),
    ("accelerator", "cuda12.8", Accelerator("cuda", "12.8")),
    ("accelerator", "rocm6.3", Accelerator("rocm", "6.3")),
    ("words", "python train.py", ("python", "train.py")),
    ("words", "a 'b c' \"d e\" f\\ g", ("a", "b c", "d e", "f g")),
    ("words", "a ''", ("a", "")),
    ("words", "a'b'\"c\"d", ("abcd",)),
    ("words", "a '$HOME; b' \\; \"\\$x\"", ("a", "$HOME; b", ";", "$x")),
    ("words", "a=b #c *.py", ("a=b", "#c", "*.py")),
    ("words", "  a\n", ("a",)),
    ("words", 'bash -c "echo $HOME"', ("bash", "-c", "echo $HOME")),
    ("size", "8gb", "8gb"),
    ("size", "8 GiB", "8gb"),
    ("size", "0.5g", "0.5g"),
    ("size", "64", "64"),
    ("duration", "1m30s", "1m30s"),
    ("duration", "1.5s", "1.5s"),
    ("duration", "250ms", "250ms"),
    ("duration", "1h2m3s4ms", "1h2m3s4ms"),
    ("port", "80", {"target": "80"}),
    ("port", "8000-8001:80-81/udp", {"published": "8000-8001", "target": "80-81", "protocol": "udp"}),
    ("port", "127.0.0.1::80", {"host_ip": "127.0.0.1", "target": "80"}),
    ("port", "[::1]:1:80", {"host_ip": "[::1]", "published": "1", "target": "80"}),
    ("port_range", "65535", "65535"),
    ("port_range", "1-2", "1-2"),
    ("host_ip", "0.0.0.0", "0.0.0.0"),  # noqa: S104 - a text
    ("host_ip", "[::1]", "[::1]"),
    ("mount", "./a:/b", {"type": "bind", "source": "./a", "target": "/b"}),
    ("mount", "a:/b:ro", {"type": "volume", "source": "a", "target": "/b", "read_only": True}),
    ("mount", "~/a:/b:rw", {"type": "bind", "source": "~/a", "target": "/b", "read_only": False}),
    ("mount", "C:/a:/b", {"type": "bind", "source": "C:/a", "target": "/b"}),
    ("user", "1000", "1000:1000"),
    ("user", "1000:50", "1000:50"),
    ("user", "root", "0:0"),
    ("environment_name", "_A1", "_A1"),
    ("label_name", "org.example/a-b", "org.example/a-b"),
    ("limit_name", "memlock", "memlock"),
    ("index_url", "https://host/simple", "https://host/simple"),
    ("index_url", "file:///wheels", "file:///wheels"),
    ("health_path", "/a?b=c", "/a?b=c"),
    ("debian_package", "libstdc++6", "libstdc++6"),
    ("debian_package", "g++", "g++"),
    ("debian_package", "git:amd64=1:2.39~rc1-1+deb12u1", "git:amd64=1:2.39~rc1-1+deb12u1"),
    ("image_name", "registry.example:5000/me/my_app", "registry.example:5000/me/my_app"),
    ("image_key", "cuda-12.8", "cuda-12.8"),
    ("absolute", "/a//b/", "/a/b"),
    ("absolute", "/", "/"),
    ("absolute", "/größe und $x", "/größe und $x"),
    ("plain_absolute", "/a/b@1+c", "/a/b@1+c"),
    ("memory_folder", "/a b", "/a b"),
    ("working_dir", "/srv/app", "/srv/app"),
    ("include_path", "./src\\a", "./src/a"),
    ("include_path", "!**/*.ckpt", "!**/*.ckpt"),
    ("include_path", "..", ".."),
    ("include_path", "!../../libs", "!../../libs"),
]
REFUSED = {
    "one_line": ["a\nb", "a\rb", "\0", "\t", "\x85", "\u2028"],
    "script": ["", " \n", "a\0", "a\rb", "\x1b[0m"],
    "python_version": [
        "",
        "3",
        "3.1",
        "3.7",
        "2.7",
        "3.012",
        "3.12.4.1",
        "3.12-slim",
        ">=3.11",
        "٣.٤",
        "3.12\n",
        " 3.12",
    ],
    "accelerator": ["", "gpu", "CUDA", "cuda12", "rocm", "cuda12.8\n", "cuda٣.٢"],
    "words": [
        "",
        " ",
        "a;b",
        "a && b",
        "a|b",
        "a>b",
        "a $b",
        'a "$b"',
        "a `b`",
        "a ${b}",
        "a $(b)",
        "'a",
        'a"',
        "a\\",
        "a\nb",
        "(a)",
        "\"it's $HOME isn't\"",
    ],
    "size": ["", "big", "8 gigabytes", "-1", "8g b", "1e3", "٨gb", "9" * 400],
    "duration": ["", "30", "5 s", "1 minute", "1s1m", "-1s", "9" * 400 + "s", "٣s"],
    "port": ["", "http", "host:80:80", "80:80/sctp", "80:", ":", "٨٤", "80\n"],
    "port_range": ["", "0", "65536", "2-1", "8000-", "-80", "²", "٨٤", "9" * 5000],
    "host_ip": ["", "localhost", "999.1.1.1", "::1", "[::1", "1.2.3.4 --privileged"],
    "mount": ["", "/data", ":", "./a:", ":/b", "./a:/b:ro:z", "./a:/b:z", "a\n:/b"],
    "user": ["", "me", "root:root", "1000:", ":1000", "-1", "1.5", "٣٤٣٣", "1000\n"],
    "environment_name": ["", "1A", "A-B", "A B", "A=B", "Ä", "A\n"],
    "label_name": ["", "a=b", " a", "a\n"],
    "limit_name": ["", "no file", "NOFILE", "a\n"],
    "index_url": [
        "",
        "host/simple",
        "ftp://host",
        "https://",
        "https:///a",
        "https://a b",
        "https://me:pw@host/",
        "file://host",
    ],
    "health_path": ["", "healthz", "/a b", "/ä", "/a\n"],
    "debian_package": ["", "a", "Git", "a b", "-y", "git-", "git; b", "git\n", "git=1 2"],
    "image_name": ["", "Me", "a:tag", "a b", "/a", "a/", "-a", "a\n"],
    "image_key": ["", "A", "a b", "a/b", "..", "-a", "a\n"],
    "absolute": ["", "app", "./app", "/app/..", "/../a", "~/a", "/a\n"],
    "memory_folder": ["/a:size=1g", "a"],
    "plain_absolute": ["/a b", "/$x", "/ä", "/a'b", "/a\\b"],
    "working_dir": ["/", "//", "/.", "/./", "app"],
    "include_path": ["", "!", " ", "/etc", "a/../b", "~/a", "C:\\a", "../a/../b", "!a/..", "\\\\host\\a"],
}


@pytest.mark.parametrize(("reader", "written", "meant"), ACCEPTED, ids=lambda value: str(value)[:30])
def test_accepts(reader: str, written: str, meant: object) -> None:
    assert READERS[reader](written) == meant


@pytest.mark.parametrize(("reader", "written"), [(name, text) for name, texts in REFUSED.items() for text in texts])
def test_refuses(reader: str, written: str) -> None:
    with pytest.raises(Refused):
        READERS[reader](written)


def test_every_reader_is_shown_what_to_refuse() -> None:
    assert set(REFUSED) == set(READERS) == {name for name, _, _ in ACCEPTED}


SIGNS = st.text(st.sampled_from("09az.-:/=$'\"\\ \n\0~!()[]{}²٣é"), max_size=20)


@pytest.mark.parametrize("reader", READERS)
@given(text=st.text(max_size=50) | SIGNS)
def test_no_text_makes_it_fall(reader: str, text: str) -> None:
    try:
        READERS[reader](text)
    except Refused as refused:
        assert refused.hint  # noqa: PT017 - either outcome is fine, another exception is not
        assert refused.code.startswith("MLS1")  # noqa: PT017


@pytest.mark.parametrize(
    "reader", ["python_version", "accelerator", "size", "duration", "user", "image_key", "image_name"]
)
@given(text=st.text(st.sampled_from("019.:abcdgmsu/-_ "), max_size=8))
def test_what_was_accepted_is_accepted_again(reader: str, text: str) -> None:
    try:
        once = READERS[reader](text)
    except Refused:
        return

    assert READERS[reader](str(once)) == once


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
@settings(max_examples=60)
@given(st.text(st.sampled_from([*string.ascii_letters[:4], *" \"'\\$`;|&<>()#=-é"]), min_size=1, max_size=20))
@example("a \"it's $HOME isn't\"")
@example('a "\\$x \\a" \\$y')
@example("$-")
def test_words_are_those_of_a_shell(text: str) -> None:
    try:
        found = syntax.words(f"x {text}")
    except Refused:
        return
    if any(word.startswith("#") for word in found):
        return  # a comment for a shell, but an argument here, because no shell reads the command

    said = subprocess.run(["/bin/sh", "-c", f"printf '%s\\0' x {text}"], capture_output=True, check=True)

    assert said.stdout.decode().split("\0")[:-1] == list(found)


@pytest.mark.parametrize(
    ("written", "meant"), [("1s", 1), ("1.00005s", 2), ("1ms", 1), ("0s", 1), ("1m30s", 90), ("2h", 7200), ("1.5s", 2)]
)
def test_seconds_are_rounded_up(written: str, meant: int) -> None:
    assert syntax.seconds(written) == meant


@pytest.mark.parametrize(
    "name", ["HF_TOKEN", "token", "WANDB_API_KEY", "AWS_SECRET_ACCESS_KEY", "DB_PASSWORD", "APIKEY"]
)
def test_names_of_secrets_are_known(name: str) -> None:
    assert syntax.looks_secret(name, "x")


@pytest.mark.parametrize("name", ["MAX_TOKENS", "TOKENIZERS_PARALLELISM", "KEY", "PUBLIC_KEY", "MONKEY", "SECRETARY"])
def test_names_of_other_things_are_not(name: str) -> None:
    assert not syntax.looks_secret(name, "x")


def test_a_secret_without_a_value_shows_none() -> None:
    assert not syntax.looks_secret("HF_TOKEN", None)


@given(st.text(max_size=30))
def test_a_slug_names_an_image(text: str) -> None:
    assert syntax.image_name(syntax.slug(text)) == syntax.image_key(syntax.slug(text))


def test_a_request_for_gpus_has_one_form() -> None:
    assert syntax.gpu_request("all") == syntax.gpu_request([{"count": "all"}]) == {"count": "all"}


def test_several_requests_for_gpus_are_refused() -> None:
    with pytest.raises(Refused, match="one request"):
        syntax.gpu_request([{"count": "1"}, {"count": "2"}])
