"""Tests of the labels with the origin of an image."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlspec.facts import image_reference
from mlspec.host.files import checkout
from mlspec.lock.image_facts import ImageFacts
from mlspec.plan import plan
from mlspec.plan.plan import Plan
from mlspec.spec.keys import Settings
from mlspec.spec.spec import Image
from mlspec.targets.build_options import BuildOptions
from mlspec.targets.labels import Checkout, Provenance, labels, source_of
from mlspec.targets.run_script import build_command

DIGEST = f"sha256:{'a' * 64}"
ORIGIN = Provenance(
    spec="python: 3.12\n", lock="version = 1\n", version="0.1.0", checkout=Checkout("https://x/y", "b" * 40)
)


def planned(**settings: object) -> Plan:
    image = Image("", Settings.model_validate({"python": "3.12", **settings}))
    return plan.resolve(
        "mlspec.yaml", image, ImageFacts(project="p", base=f"python:3.12-slim@{DIGEST}", is_official=True)
    )


def test_an_image_says_where_it_comes_from() -> None:
    assert dict(labels(planned(), ORIGIN)) == {
        "org.opencontainers.image.source": "https://x/y",
        "org.opencontainers.image.revision": "b" * 40,
        "org.opencontainers.image.base.name": "docker.io/library/python:3.12-slim",
        "org.opencontainers.image.base.digest": DIGEST,
        "mlspec.version": "0.1.0",
        # The same digest as that of `sha256sum` for the file.
        "mlspec.spec.digest": "sha256:e9ce4676691a5f4588caaac1e2383ab4a705f66b785e3c2d14985dd94fdd8f43",
        "mlspec.lock.digest": "sha256:dbab12665d98aef021ba64953c61b0ed8a908cfb56a1c01e2fcb4b052b71a2a1",
    }


def test_labels_of_the_spec_win() -> None:
    made = planned(labels={"org.opencontainers.image.source": "https://mine"})

    assert "org.opencontainers.image.source" not in dict(labels(made, ORIGIN))


def test_what_is_not_known_is_left_out() -> None:
    origin = Provenance(spec="", lock="", version="0.1.0", checkout=Checkout())
    names = set(dict(labels(planned(), origin)))

    assert (
        names & {"org.opencontainers.image.source", "org.opencontainers.image.revision", "mlspec.lock.digest"} == set()
    )


@pytest.mark.parametrize(
    ("remote", "source"),
    [
        ("https://code.example/team/app.git", "https://code.example/team/app"),
        ("https://me:s3cret@code.example/team/app.git\n", "https://code.example/team/app"),
        ("https://me:s3@cret@code.example/team/app", "https://code.example/team/app"),
        ("https://code.example:8443/team/app?token=s3cret#x", "https://code.example:8443/team/app"),
        ("git@code.example:team/app.git", "https://code.example/team/app"),
        ("ssh://git@code.example:2222/team/app.git", "https://code.example/team/app"),
        ("https://me:s3/cret@code.example/team/app.git", ""),
        ("https://me:1/s3cret@code.example/team/app.git", ""),
        ("work:team/app.git", ""),
        ("C:\\code\\app", ""),
        ("/srv/git/app.git", ""),
        ("file:///srv/git/app.git", ""),
        ("../app", ""),
        ("", ""),
    ],
)
def test_a_remote_is_named_as_everybody_may_know_it(remote: str, source: str) -> None:
    assert source_of(remote) == source


@given(
    login=st.text(st.characters(codec="ascii", exclude_characters="\n"), min_size=1).map(lambda text: f"s3cret{text}")
)
def test_no_login_of_a_remote_gets_into_a_label(login: str) -> None:
    assert "s3cret" not in source_of(f"https://me:{login}@code.example/team/app.git")


# The checkout


def git(folder: Path, *words: str) -> str:
    own = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *own, *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "remote", "add", "origin", "https://me:s3cret@code.example/team/app.git")
    (tmp_path / "train.py").write_text("")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "A first training")
    return tmp_path


def test_a_clean_checkout_is_its_commit(folder: Path) -> None:
    assert checkout.examine_checkout(folder) == Checkout(
        "https://code.example/team/app", git(folder, "rev-parse", "HEAD")
    )


@pytest.mark.parametrize("name", ["train.py", "new.py"])
def test_a_checkout_with_changes_is_no_commit(folder: Path, name: str) -> None:
    (folder / name).write_text("print(1)")

    assert checkout.examine_checkout(folder) == Checkout("https://code.example/team/app", "")


def test_changes_beside_the_folder_are_not_in_its_image(folder: Path) -> None:
    (folder / "app").mkdir()
    (folder / "app" / "train.py").write_text("")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "A folder")
    (folder / "train.py").write_text("print(1)")

    assert checkout.examine_checkout(folder / "app").revision == git(folder, "rev-parse", "HEAD")


def test_changes_of_a_shared_folder_are_in_the_image(folder: Path) -> None:
    for name in ("services/api/main.py", "libs/common/common.py"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text("")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "A monorepo")
    commit, service = git(folder, "rev-parse", "HEAD"), folder / "services" / "api"
    (folder / "libs/common/common.py").write_text("print(1)")

    assert checkout.examine_checkout(service).revision == commit
    assert checkout.examine_checkout(service, (".", "../../libs/common")).revision == ""


def test_without_a_repository_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    assert checkout.examine_checkout(tmp_path) == Checkout()


def test_outside_of_a_repository_git_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(checkout, "read_output", lambda *words, patience: asked.append(words))

    checkout.examine_checkout(tmp_path)
    assert asked == []

    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    checkout.examine_checkout(tmp_path)
    assert len(asked) == 2


def test_what_the_user_has_git_show_beside_is_no_change(folder: Path) -> None:
    (folder / "train.py").write_text("print(1)")
    git(folder, "stash", "--quiet")
    git(folder, "config", "status.showStash", "true")

    assert checkout.examine_checkout(folder).revision == git(folder, "rev-parse", "HEAD")


def test_a_checkout_without_a_commit_has_none(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")

    assert checkout.examine_checkout(tmp_path) == Checkout()


def test_without_git_nothing_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    assert checkout.examine_checkout(folder) == Checkout()


# The build


def test_labels_are_words_of_the_build_command() -> None:
    words = build_command(planned(), BuildOptions(labels=(("a.b", "c d"),), metadata_file="m.json"))

    assert words[words.index("--label") + 1] == "a.b=c d"
    assert words[words.index("--metadata-file") + 1] == "m.json"


def test_what_was_pushed_is_named_by_its_digest() -> None:
    tags = ("host:5000/app:1", "host:5000/app:latest", "host:5000/app", "app")

    assert image_reference.names_by_digest(tags, DIGEST) == (f"host:5000/app@{DIGEST}", f"app@{DIGEST}")
