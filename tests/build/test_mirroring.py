"""Tests of the variant of a Dockerfile for one user's mirrors and certificates."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from mlspec.build.build_variant import BuildVariant, Extras, make_variant
from mlspec.build.configuration_text import Configuration
from mlspec.build.dockerfile import instructions
from mlspec.host.engine import mirrors
from mlspec.lock.image_facts import ImageFacts
from mlspec.plan import plan as plans
from mlspec.plan.plan import Plan
from mlspec.spec.document import parse
from mlspec.spec.spec import validate
from mlspec.targets.build_options import BuildOptions
from mlspec.targets.registry import emit
from mlspec.targets.run_script import build_command

SPEC = """\
python: 3.12
name: mirrored
apt: [tree]
requirements: [numpy, lab-fruit]
indexes: [{url: "https://wheels.example/whl/lab", packages: [lab-*], secret: lab}]
secrets: {lab: {environment: LAB_NETRC}, TOKEN: {environment: TOKEN}}
run:
- command: |
    cat > /note <<'TXT'
    RUN away
    TXT
  secrets: [TOKEN]
entrypoint: tool
"""
RESOLVED = ImageFacts(
    project="mirrored",
    base="python:3.12-slim-bookworm@sha256:" + "ab" * 32,
    is_official=True,
    codename="bookworm",
    layers=("numpy", "tiny_wheels.lab"),
    layer_indexes=(("tiny_wheels.lab", "https://wheels.example/whl/lab"),),
    index_urls=("https://wheels.example/whl/lab",),
)
PLAN = plans.resolve("mlspec.yaml", validate(parse(SPEC, "mlspec.yaml")).images[0], RESOLVED)
MIRROR = (("https://wheels.example/whl", "https://mirror.example/wheels"),)


def dockerfile_of(plan: Plan) -> str:
    (drawn,) = emit(plan, ["dockerfile"])
    return drawn.text


def varied(configuration: Configuration | None = None, plan: Plan = PLAN, **extras: str) -> BuildVariant:
    made = make_variant(plan, configuration or Configuration(), Extras(**{"codename": "bookworm", **extras}))
    assert made
    return made


@pytest.mark.parametrize("configuration", [Configuration(), Configuration(index_url="https://mirror.example/simple")])
def test_the_committed_dockerfile_does_where_no_more_is_configured(configuration: Configuration) -> None:
    assert make_variant(PLAN, configuration, Extras(codename="bookworm")) is None


def test_a_variant_has_the_same_steps_on_the_same_lines() -> None:
    made = varied(Configuration(debian_mirror="http://mirror.example"), certificates="PEM", logins="machine")

    same = [(i.stage, i.number, i.keyword, i.line, i.body) for i in instructions(dockerfile_of(PLAN))]
    assert [(i.stage, i.number, i.keyword, i.line, i.body) for i in instructions(made.dockerfile)] == same


def test_every_step_with_a_network_sees_certificates_and_no_here_document_is_touched() -> None:
    made = varied(certificates="PEM")

    steps = [i for i in instructions(made.dockerfile) if i.keyword == "RUN" and "--network=none" not in i.text]
    assert all("--mount=type=secret,id=mlspec-certificates,target=/dev/mlspec/certificates" in i.text for i in steps)
    assert all("id=mlspec-certificates-path,env=SSL_CERT_FILE" in i.text for i in steps)
    assert "\nRUN away\n" in made.dockerfile
    assert made.secrets["mlspec-certificates"] == "PEM"
    assert made.secrets["mlspec-certificates-path"] == "/dev/mlspec/certificates"


def test_a_step_without_a_network_is_the_one_that_is_committed() -> None:
    made = varied(Configuration(debian_mirror="http://mirror.example"), certificates="PEM", logins="machine")

    alone = [i for i in instructions(dockerfile_of(PLAN)) if i.text.startswith("--network=none")]
    assert {i.stage for i in alone} == {"lock", "bytecode", "folders", "code"}
    assert set(alone) <= set(instructions(made.dockerfile))


def test_a_variable_in_the_image_is_never_set() -> None:
    made = varied(Configuration(debian_mirror="http://mirror.example"), certificates="PEM", logins="machine")

    lines = [i.text for i in instructions(made.dockerfile) if i.keyword in {"ENV", "ARG", "LABEL"}]
    assert lines == [i.text for i in instructions(dockerfile_of(PLAN)) if i.keyword in {"ENV", "ARG", "LABEL"}]


def test_a_mirror_stands_in_the_place_of_an_index_and_gets_none_of_its_login() -> None:
    made = varied(Configuration(index_mirrors=MIRROR))

    assert "UV_DEFAULT_INDEX=https://mirror.example/wheels/lab sh -e /uv/install.sh" in made.dockerfile
    assert "wheels.example" not in made.dockerfile
    assert "id=lab" not in made.dockerfile
    assert made.unused == {"lab"}


def test_the_login_of_an_index_is_all_that_its_layer_sees() -> None:
    made = varied(logins="machine mirror.example login ann password word\n")

    (layer,) = (i for i in instructions(made.dockerfile) if i.keyword == "RUN" and "lab" in i.stage)
    (other,) = (i for i in instructions(made.dockerfile) if i.keyword == "RUN" and i.stage == "layer-numpy")
    assert ("id=lab,target=/root/.netrc" in layer.text, "mlspec-netrc" in layer.text) == (True, False)
    assert "env=NETRC" in other.text


def test_images_of_docker_hub_are_pulled_from_its_mirror_by_the_same_digest() -> None:
    made = varied(Configuration(registry_mirror=("https://mirror.example/hub", "other.example")))

    assert f"FROM mirror.example/hub/library/{PLAN.base.reference} AS python\n" in made.dockerfile


def test_images_of_other_registries_are_pulled_from_there() -> None:
    own = replace(PLAN, base=replace(PLAN.base, reference="registry.example/team/base:1@sha256:" + "ab" * 32))

    assert make_variant(own, Configuration(registry_mirror=("mirror.example",)), Extras()) is None


def test_debian_comes_from_its_mirror() -> None:
    made = varied(Configuration(debian_mirror="https://mirror.example/"))

    assert made.secrets["mlspec-debian.sources"] == (
        "Types: deb\nURIs: https://mirror.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\n\n"
        "Types: deb\nURIs: https://mirror.example/debian-security\nSuites: bookworm-security\nComponents: main\n"
    )
    assert 'Dir::Etc::sourceparts "-";' in made.secrets["mlspec-apt"]


def test_a_snapshot_of_debian_is_in_no_mirror() -> None:
    snapshot = replace(PLAN, system=replace(PLAN.system, apt_sources=("Types: deb",)))

    assert (
        make_variant(snapshot, Configuration(debian_mirror="https://mirror.example"), Extras(codename="bookworm"))
        is None
    )


# The use of the variant


def test_nothing_of_it_is_in_the_words_of_the_command(tmp_path: Path) -> None:
    made = varied(Configuration(index_mirrors=MIRROR), certificates="PEM", logins="machine m login ann password w0rd\n")

    options = mirrors.write_variant(made, PLAN, BuildOptions(), tmp_path)
    words = build_command(PLAN, options)

    assert not {word for word in words if "w0rd" in word or "PEM" in word or "mirror.example" in word}
    assert "id=mlspec-netrc,env=_MLSPEC_NETRC" in words
    assert not any(word.startswith("id=lab") for word in words)
    assert str(tmp_path / "Dockerfile") in words
    (ignore,) = emit(PLAN, ["ignore"])
    assert (tmp_path / "Dockerfile.dockerignore").read_text() == ignore.text


@pytest.mark.skipif("sys.platform == 'win32'", reason="Windows has no modes")
def test_secrets_are_readable_by_their_user_alone(tmp_path: Path) -> None:
    logins = "machine m login ann password w0rd\n"
    mirrors.write_variant(varied(logins=logins, certificates="PEM"), PLAN, BuildOptions(), tmp_path)

    assert not [path for path in tmp_path.iterdir() if "w0rd" in path.read_text()]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("mlspec-*")} == {0o600}


def test_a_mirror_on_this_host_is_out_of_reach_for_builds() -> None:
    here = Configuration(
        index_url="http://ann:word@127.0.0.1:3141/simple",
        index_mirrors=(("https://a.example", "http://localhost:1"), ("https://b.example", "https://mirror.example")),
        debian_mirror="http://[::1]:80",
    )

    assert mirrors.in_reach(here) == Configuration(index_mirrors=(("https://b.example", "https://mirror.example"),))


def test_a_login_in_the_address_reaches_a_build_as_a_secret_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLSPEC_INDEX_URL", "https://ann:w%40rd@mirror.example/simple")

    with mirrors.apply_mirrors(PLAN, BuildOptions(), "bookworm") as options:
        (source,) = (source for name, source in options.secrets if name == "mlspec-netrc")
        variable = source.removeprefix("env=")
        assert os.environ[variable].split() == ["machine", "mirror.example", "login", "ann", "password", "w@rd"]
        words = build_command(PLAN, options)

    assert f"id=mlspec-netrc,env={variable}" in words
    assert "PIP_INDEX_URL=https://mirror.example/simple" in words
    assert variable not in os.environ


def test_of_a_netrc_only_the_login_of_a_mirror_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text(
        "machine mirror.example login ann password one\nmachine other.example login bob password two\n"
    )
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    found = mirrors.logins(Configuration(index_mirrors=MIRROR))

    assert found == "machine mirror.example login ann password one\n"
