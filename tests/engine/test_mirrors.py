"""Tests of a company's mirrors with its own authority: locks and builds use them, files and images do not name them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mlspec import api
from mlspec.host.engine import mirrors
from mlspec.lock.state import LockOptions
from mlspec.targets import run_script
from mlspec.targets.build_options import BuildOptions
from tests.engine.conftest import PREFIX
from tests.engine.test_indexes import installer, saved
from tests.support import servers
from tests.support.index import serving, wheel

pytestmark = pytest.mark.engine

PASSWORD = "w0rd-of-the-mirror"
# No server answers at the address of this index, only at its mirror.
SPEC = """\
python: 3.12
base: slim-bookworm
name: {name}
apt: [tree]
requirements: [fruit, lab-fruit]
indexes: [{{url: "https://wheels.invalid/whl/lab", packages: [lab-*], secret: lab}}]
secrets: {{lab: {{environment: LAB_NETRC}}}}
entrypoint: sh -c "python -c 'import fruit, lab_fruit' && tree --version && env"
"""
CONFIG = """\
index_url = "{index}"
debian_mirror = "{debian}"
certificates = "ca.pem"

[index_mirrors]
"https://wheels.invalid/whl" = "{lab}"
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the certificate of an authority, ``ca.pem``, and with a key and a certificate that it signed."""
    if not shutil.which("openssl"):
        pytest.skip("openssl, which makes certificates, is not here")
    folder = tmp_path_factory.mktemp("authority")
    words = ["openssl", "req", "-x509", "-days", "2", "-nodes", "-newkey", "ec"]
    words += ["-pkeyopt", "ec_paramgen_curve:prime256v1"]
    own = ("-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=mlspec test authority")
    names = ["-subj", "/CN=mirror", "-addext", "subjectAltName=IP:127.0.0.1,IP:127.0.0.2"]
    names += ["-addext", "basicConstraints=critical,CA:FALSE", "-CA", "ca.pem", "-CAkey", "ca.key"]
    for more in (own, ("-keyout", "key.pem", "-out", "certificate.pem", *names)):
        subprocess.run([*words, *more], cwd=folder, check=True, capture_output=True)
    both = (folder / "key.pem").read_text() + (folder / "certificate.pem").read_text()
    (folder / "server.pem").write_text(both)
    return folder


@pytest.fixture
def debian() -> Iterator[tuple[str, list[str]]]:
    """A mirror of Debian that redirects all requests to Debian's own server, and the list of requested paths."""
    asked: list[str] = []

    class Mirror(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(302)
            self.send_header("Location", f"http://deb.debian.org{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    servers.start(server)
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def test_mirrors_and_an_authority_are_used_everywhere_and_stay_out_of_files_and_image(
    registry: str,
    authority: Path,
    debian: tuple[str, list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = authority / "server.pem"
    default = serving(wheel("fruit", "1.0"), *installer(tmp_path), certificate=server)
    # This mirror needs a login, which is in the user's netrc file.
    other = serving(wheel("lab-fruit", "1.0"), certificate=server, host="127.0.0.2", login=f"ann:{PASSWORD}")
    (tmp_path / "netrc").write_text(f"machine 127.0.0.2 login ann password {PASSWORD}\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("LAB_NETRC", "machine wheels.invalid login bob password of-no-use")
    name = f"{PREFIX}-mirrors"
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "mlspec.yaml").write_text(SPEC.format(name=name))
    with default as index, other as lab:
        config = authority / "config.toml"
        lab_mirror = lab.url.replace("/simple/", "")
        config.write_text(CONFIG.format(index=index.url, debian=debian[0], lab=lab_mirror))
        monkeypatch.setenv("MLSPEC_CONFIG", str(config))

        rendered = api.render(folder / "mlspec.yaml", LockOptions())
        api.write(rendered)
        plan = rendered.plans[0]
        # The mirrors listen only on this host, and the build uses the host's network.
        monkeypatch.setattr(mirrors, "in_reach", lambda configured: configured)
        with mirrors.apply_mirrors(plan, BuildOptions(progress="plain"), rendered.codename(plan)) as options:
            command = [*run_script.build_command(plan, options), "--network=host", "--no-cache"]
            built = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert built.returncode == 0, built.stderr

    ran = subprocess.run([folder / "run.sh"], capture_output=True, text=True, check=True)
    image = saved(name, tmp_path)
    written = "".join(path.read_text() for path in folder.iterdir())
    assert [
        {name for name in mirror.downloads if name.endswith(".whl") and "fruit" in name} for mirror in (index, lab)
    ] == [
        {"fruit-1.0-py3-none-any.whl"},
        {"lab_fruit-1.0-py3-none-any.whl"},
    ]
    # The package itself may come from apt's cache mount.
    assert {"/debian/dists/bookworm/InRelease", "/debian-security/dists/bookworm-security/InRelease"} <= {*debian[1]}
    assert "tree v" in ran.stdout
    assert "/dev/mlspec" not in ran.stdout
    hosts = [urlsplit(url).netloc for url in (index.url, lab.url, debian[0])]
    for trace in (PASSWORD, "of-no-use", "mlspec test authority", "/dev/mlspec", *hosts):
        assert trace.encode() not in image
        assert trace not in written
    assert PASSWORD not in f"{' '.join(command)}{built.stderr}"
    monkeypatch.setenv("MLSPEC_CONFIG", "off")
    assert api.stale(api.render(folder / "mlspec.yaml", LockOptions(locked=True))) == ()
