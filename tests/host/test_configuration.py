"""Tests of the user's configuration: valid values, and the places of problems."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import certifi
import pytest

from mlspec.advice.doctor.observations import UserConfiguration
from mlspec.build.configuration_text import VARIABLES, Configuration, parse, with_variables
from mlspec.errors import MlspecError, Span, SpecError
from mlspec.host.network import user_configuration
from tests.support import command

WHOLE = """\
index_url = "https://mirror.example/simple"
registry_mirror = ["mirror.example/hub"]
debian_mirror = "http://mirror.example"
certificates = "~/ca.pem"

[index_mirrors]
"https://wheels.example/whl" = "https://mirror.example/wheels"
"""


def refusal(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        parse(text, "config.toml")
    return str(caught.value)


def test_reads_every_key() -> None:
    assert parse(WHOLE, "config.toml") == Configuration(
        index_url="https://mirror.example/simple",
        index_mirrors=(("https://wheels.example/whl", "https://mirror.example/wheels"),),
        registry_mirror=("mirror.example/hub",),
        debian_mirror="http://mirror.example",
        certificates="~/ca.pem",
    )


def test_one_registry_needs_no_list() -> None:
    assert parse('registry_mirror = "https://mirror.example:5000"', "").registry_mirror == (
        "https://mirror.example:5000",
    )


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://a.example/whl/cpu", "https://m.example/w/cpu"),
        ("https://a.example/whl", "https://m.example/w"),
        ("https://a.example/whl/cu128/", "https://n.example/cu128/"),
        ("https://a.example/whl-other", "https://a.example/whl-other"),
        ("https://b.example/whl", "https://b.example/whl"),
    ],
)
def test_the_longest_beginning_of_an_address_decides_on_its_mirror(url: str, asked: str) -> None:
    mirrors = (
        ("https://a.example/whl", "https://m.example/w/"),
        ("https://a.example/whl/cu128", "https://n.example/cu128"),
    )

    assert Configuration(index_mirrors=mirrors).index(url) == asked


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            'index_url = "https://mirror.example\n',
            "config.toml:1:36: MLS350: illegal character '\\n'\n"
            '  1 | index_url = "https://mirror.example\n'
            "    |                                    ^\n"
            '  hint: the file is TOML, a line for each key: index_url = "https://HOST/simple"',
        ),
        (
            '# mirrors\nindex-url = "https://mirror.example"\n',
            'config.toml:2:1: MLS351: unknown key "index-url"\n'
            '  2 | index-url = "https://mirror.example"\n'
            "    | ^^^^^^^^^\n"
            "  hint: did you mean index_url?",
        ),
        (
            'debian_mirror = "mirror.example"\n',
            'config.toml:1:18: MLS352: "mirror.example" is not a URL\n'
            '  1 | debian_mirror = "mirror.example"\n'
            "    |                  ^^^^^^^^^^^^^^\n"
            "  hint: write the whole URL: https://HOST/PATH",
        ),
        (
            '[index_mirrors]\n"https://wheels.example" = "ftp://mirror.example"\n',
            'config.toml:2:29: MLS352: "ftp://mirror.example" is not a URL\n'
            '  2 | "https://wheels.example" = "ftp://mirror.example"\n'
            "    |                             ^^^^^^^^^^^^^^^^^^^^\n"
            "  hint: write the whole URL: https://HOST/PATH",
        ),
        (
            "certificates = true\n",
            "config.toml:1:1: MLS352: certificates is the path of a file in PEM form\n"
            "  1 | certificates = true\n"
            "    | ^^^^^^^^^^^^\n"
            '  hint: write: certificates = "/path/to/ca.pem"',
        ),
    ],
    ids=["no TOML", "an unknown key", "no address", "no address of a mirror", "no path"],
)
def test_a_mistake_is_shown_where_it_was_made(text: str, said: str) -> None:
    assert refusal(text) == said


def test_all_mistakes_are_shown_at_once() -> None:
    said = refusal('index = "https://mirror.example"\nregistry_mirror = "user:word@mirror.example"\n')

    assert [line.partition(": ")[0] for line in said.splitlines() if line.startswith("config")] == [
        "config.toml:1:1",
        "config.toml:2:20",
    ]


def test_a_login_stands_in_no_file_and_is_not_shown() -> None:
    said = refusal('index_url = "https://ann:s3cr3t@mirror.example/simple"\n')

    assert "MLS352: a login does not belong in a URL" in said
    assert "~/.netrc" in said
    assert "s3cr3t" not in said


def test_the_environment_wins_over_the_file() -> None:
    environment = {
        "MLSPEC_INDEX_URL": "https://ann:word@other.example/simple",
        "MLSPEC_INDEX_MIRRORS": "https://a.example=https://b.example https://c.example=https://d.example",
        "MLSPEC_REGISTRY_MIRROR": "one.example, two.example",
        "MLSPEC_DEBIAN_MIRROR": "",
    }

    found = with_variables(parse(WHOLE, ""), environment)

    assert found == Configuration(
        index_url="https://ann:word@other.example/simple",
        index_mirrors=(("https://a.example", "https://b.example"), ("https://c.example", "https://d.example")),
        registry_mirror=("one.example", "two.example"),
        debian_mirror="http://mirror.example",
        certificates="~/ca.pem",
    )


def test_every_key_has_a_variable() -> None:
    assert set(VARIABLES.values()) == set(Configuration.__dataclass_fields__)


def test_a_wrong_variable_is_named() -> None:
    with pytest.raises(SpecError) as caught:
        with_variables(Configuration(), {"MLSPEC_DEBIAN_MIRROR": "mirror.example"})

    assert str(caught.value).startswith('MLS352: MLSPEC_DEBIAN_MIRROR: "mirror.example" is not a URL')


# The file


def test_the_file_stands_in_the_folder_for_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLSPEC_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "mlspec"
    folder.mkdir()
    (folder / "config.toml").write_text('index_url = "https://mirror.example"\ncertificates = "ca.pem"\n')

    found = user_configuration.configuration()

    assert found == Configuration(index_url="https://mirror.example", certificates=str(folder / "ca.pem"))


def test_no_file_is_no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLSPEC_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    assert user_configuration.configuration() == Configuration()


def test_a_file_that_was_named_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLSPEC_CONFIG", str(tmp_path / "own.toml"))

    with pytest.raises(MlspecError, match=r"MLS353: there is no file .*own\.toml"):
        user_configuration.configuration()


@pytest.mark.parametrize("text", ["", "no certificate\n", None], ids=["empty", "something else", "not there"])
def test_certificates_that_are_none(text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)
    monkeypatch.setenv("MLSPEC_CERTIFICATES", str(path))

    with pytest.raises(SpecError, match=r"MLS353: the certificates in .*ca\.pem cannot be read"):
        user_configuration.certificate_file()


def test_a_mistake_is_told_by_a_command_that_needs_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config.toml"
    config.write_text('index_uri = "https://mirror.example"\n')
    monkeypatch.setenv("MLSPEC_CONFIG", str(config))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlspec.yaml").write_text("python: 3.12\nrequirements: [numpy]\n")

    done = command.run("lock")

    assert done.returncode == 1
    assert f'{config}:1:1: MLS351: unknown key "index_uri"' in done.stderr
    assert "did you mean index_url?" in done.stderr


# As the doctor shows it


@pytest.fixture
def own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of a configuration that does not exist yet."""
    monkeypatch.setenv("MLSPEC_CONFIG", str(tmp_path / "config.toml"))
    return tmp_path / "config.toml"


def test_what_is_set_is_shown_by_value_with_the_variable_that_won(
    own_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_file.write_text(WHOLE.replace("~/ca.pem", str(Path(certifi.where()))))
    monkeypatch.setenv("MLSPEC_REGISTRY_MIRROR", "one.example, localhost:5000")

    own = user_configuration.examine_configuration()

    assert (own.file, own.is_there, own.problems) == (str(own_file), True, ())
    assert own.certificates > 50
    assert [(row.key, row.value, row.variable, row.is_here) for row in own.settings] == [
        ("index_url", "https://mirror.example/simple", "", False),
        ("index_mirrors", "https://mirror.example/wheels, for https://wheels.example/whl", "", False),
        ("registry_mirror", "one.example", "MLSPEC_REGISTRY_MIRROR", False),
        ("registry_mirror", "localhost:5000", "MLSPEC_REGISTRY_MIRROR", True),
        ("debian_mirror", "http://mirror.example", "", False),
        ("certificates", certifi.where(), "", False),
    ]


@pytest.mark.parametrize(
    "url",
    [
        "https://ann:s3cr3t@mirror.example/simple",
        "https://ann:s3@cr3t@mirror.example/simple",
        "https://s3cr3t@mirror.example/simple",
        "https://mirror.example/simple?token=s3cr3t",
    ],
)
def test_no_login_and_no_token_is_shown(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLSPEC_INDEX_URL", url)

    assert [row.value for row in user_configuration.examine_configuration().settings] == [
        "https://mirror.example/simple"
    ]


def test_a_file_that_is_not_there_is_told_with_where_it_would_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLSPEC_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    assert user_configuration.examine_configuration() == UserConfiguration(
        file=str(tmp_path / "mlspec" / "config.toml")
    )


def test_all_mistakes_are_kept_for_the_doctor(own_file: Path) -> None:
    own_file.write_text('index = "x"\ndebian_mirror = "y"\n')

    assert [problem.code for problem in user_configuration.examine_configuration().problems] == ["MLS351", "MLS352"]


def test_certificates_that_are_none_leave_the_other_values_shown(own_file: Path) -> None:
    own_file.write_text(WHOLE.replace("~/ca.pem", "config.toml"))

    own = user_configuration.examine_configuration()

    assert [problem.code for problem in own.problems] == ["MLS353"]
    assert [row.key for row in own.settings][-1] == "certificates"


# The certificate of an authority that was valid in January 2020.
OUTDATED = """\
-----BEGIN CERTIFICATE-----
MIIBXTCCAQOgAwIBAgIBATAKBggqhkjOPQQDAjAeMQswCQYDVQQKDAJXZTEPMA0G
A1UEAwwGT2xkIENBMB4XDTIwMDEwMTAwMDAwMFoXDTIwMDIwMTAwMDAwMFowHjEL
MAkGA1UECgwCV2UxDzANBgNVBAMMBk9sZCBDQTBZMBMGByqGSM49AgEGCCqGSM49
AwEHA0IABCVbjl7CJwusc7EM8paODQAd7s4ovY32aESxHNaMsJg40uNG/Ie7Hibo
8XH9vUBLkpOVuuscGtwB4P8ZeYM53syjMjAwMA8GA1UdEwEB/wQFMAMBAf8wHQYD
VR0OBBYEFNQPUCmlzu0HpkNPf3B8CA40xkrkMAoGCCqGSM49BAMCA0gAMEUCIQDE
c7gmuKEJAtUHkg7998y/TjAW9816qdYOw7pGi6PMgAIgXwuhgTWiPZnK8lGarq5v
n8m+8IWGJAeblYgjWFFontM=
-----END CERTIFICATE-----
"""


def test_an_authority_whose_time_is_over_is_named(own_file: Path) -> None:
    own_file.write_text('certificates = "ca.pem"\n')
    own_file.with_name("ca.pem").write_text(OUTDATED)

    own = user_configuration.examine_configuration()

    assert (own.certificates, own.outdated) == (1, ("Old CA",))


def test_the_doctor_tells_a_mistake_among_all_else_and_asks_nothing_on_the_network(
    own_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_file.write_text('index_uri = "https://mirror.example"\n')
    monkeypatch.chdir(own_file.parent)

    done = subprocess.run(
        [sys.executable, "-m", "mlspec", "doctor", "--format", "json"], capture_output=True, text=True
    )
    found = {row["topic"]: row for row in json.loads(done.stdout)["findings"]}

    assert done.returncode == 3
    assert found["configuration"] == {
        "topic": "configuration",
        "state": "error",
        "message": f'{own_file}:1:1: unknown key "index_uri"',
        "code": "MLS351",
        "hint": "did you mean index_url?",
    }
    assert "disk" in found
    assert "package index" not in found


def test_a_key_with_a_login_is_refused_without_showing_it() -> None:
    said = refusal('"https://me:hunter2@h/simple" = "x"\n')

    assert "hunter2" not in said
    assert 'unknown key "https://h/simple"' in said


def test_a_key_with_escapes_is_found_on_its_line() -> None:
    with pytest.raises(SpecError) as raised:
        parse('index_url = "https://h/simple"\n"\\u0061b" = 1\n', "config.toml")

    assert raised.value.problems[0].span == Span(2, 1, 2, 14)
