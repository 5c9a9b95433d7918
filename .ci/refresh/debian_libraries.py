"""Write ``sonames.toml`` and ``debian_brings.txt.xz`` of ``mlspec/facts/data`` from Debian's indexes; ``make refresh``.

The first file lists the Debian package of each library that wheels load but do not contain. The second file lists the
packages that install such packages as dependencies. Each line is a set of library packages, as a hexadecimal sum of
powers of two in the order of the first line, and the packages that install this set. An image does not install
recommended packages, and it installs the first of alternatives.
"""

from __future__ import annotations

import gzip
import lzma
import os
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import requests

MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
RELEASES = ("bookworm", "trixie")
DATA = Path(__file__).parents[2] / "mlspec" / "facts" / "data"
# The libraries that manylinux policies leave to the system (PEP 600 and auditwheel's policies), and libraries that
# known wheels load against all policies: X and OpenGL, glib and GTK, sound, browsers' libraries, compilers' runtimes.
_SONAMES = """
    libEGL.so.1 libGL.so.1 libGLESv2.so.2 libGLU.so.1 libGLX.so.0 libGLdispatch.so.0 libICE.so.6 libOSMesa.so.8
    libOpenCL.so.1 libOpenGL.so.0 libSM.so.6 libX11-xcb.so.1 libX11.so.6 libXau.so.6 libXcomposite.so.1 libXcursor.so.1
    libXdamage.so.1 libXdmcp.so.6 libXext.so.6 libXfixes.so.3 libXft.so.2 libXi.so.6 libXinerama.so.1 libXmu.so.6
    libXpm.so.4 libXrandr.so.2 libXrender.so.1 libXss.so.1 libXt.so.6 libXtst.so.6 libXv.so.1 libXxf86vm.so.1
    libarchive.so.13 libasound.so.2 libatk-1.0.so.0 libatk-bridge-2.0.so.0 libatomic.so.1 libatspi.so.0
    libbluetooth.so.3 libcairo.so.2 libcups.so.2 libcurl-gnutls.so.4 libcurl.so.4 libdbus-1.so.3 libdrm.so.2
    libedit.so.2 libenchant-2.so.2 libespeak-ng.so.1 libev.so.4 libevent-2.1.so.7 libexslt.so.0 libfontconfig.so.1
    libfreetype.so.6 libgbm.so.1 libgdk-3.so.0 libgdk-x11-2.0.so.0 libgdk_pixbuf-2.0.so.0 libgeos_c.so.1
    libgfortran.so.5 libgio-2.0.so.0 libglfw.so.3 libglib-2.0.so.0 libglut.so.3.12 libgmodule-2.0.so.0
    libgobject-2.0.so.0 libgomp.so.1 libgthread-2.0.so.0 libgtk-3.so.0 libgtk-x11-2.0.so.0 libharfbuzz.so.0
    libibverbs.so.1 libjack.so.0 libjpeg.so.62 liblcms2.so.2 libltdl.so.7 libmagic.so.1 libmariadb.so.3 libmpi.so.40
    libncurses.so.6 libnspr4.so libnss3.so libnssutil3.so libnuma.so.1 libodbc.so.2 libopenjp2.so.7 libpango-1.0.so.0
    libpangocairo-1.0.so.0 libpangoft2-1.0.so.0 libpcap.so.0.8 libpng16.so.16 libportaudio.so.2 libpq.so.5
    libproj.so.25 libpulse-mainloop-glib.so.0 libpulse.so.0 libquadmath.so.0 librdmacm.so.1 libsecret-1.so.0
    libsmime3.so libsnappy.so.1 libsndfile.so.1 libsodium.so.23 libssh2.so.1 libtbb.so.12 libtcl8.6.so libtiff.so.6
    libtk8.6.so libusb-1.0.so.0 libv4l2.so.0 libvulkan.so.1 libwayland-client.so.0 libwayland-cursor.so.0
    libwayland-egl.so.1 libwebp.so.7 libxcb-cursor.so.0 libxcb-dri2.so.0 libxcb-dri3.so.0 libxcb-glx.so.0
    libxcb-icccm.so.4 libxcb-image.so.0 libxcb-keysyms.so.1 libxcb-randr.so.0 libxcb-render-util.so.0
    libxcb-render.so.0 libxcb-shape.so.0 libxcb-shm.so.0 libxcb-sync.so.1 libxcb-util.so.1 libxcb-xfixes.so.0
    libxcb-xkb.so.1 libxcb.so.1 libxkbcommon-x11.so.0 libxkbcommon.so.0 libxml2.so.2 libxslt.so.1 libyaml-0.so.2
    libzbar.so.0 libzmq.so.5
"""
SONAMES = tuple(_SONAMES.split())


def fetched(path: str) -> bytes:
    """Download a file from the mirror. Raises requests.HTTPError if the mirror refuses."""
    answer = requests.get(f"{MIRROR}/dists/{path}", timeout=300)
    answer.raise_for_status()
    return answer.content


def owners(contents: str) -> dict[str, str]:
    """Return the package of each library in the list of a release's files."""
    found: dict[str, str] = {}
    for match in re.finditer(r"^(?:usr/)?lib/x86_64-linux-gnu/(\S+)\s+(\S+)$", contents, re.MULTILINE):
        if match[1] in SONAMES:
            found.setdefault(match[1], match[2].partition(",")[0].rpartition("/")[2])
    return found


def dependencies(packages: str) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """Return the dependencies of each package of an index, and a package for each name that packages provide."""
    graph: dict[str, tuple[str, ...]] = {}
    provided: dict[str, str] = {}
    for stanza in packages.split("\n\n"):
        fields = dict(line.partition(": ")[::2] for line in stanza.split("\n") if not line.startswith(" "))
        wanted = ", ".join(filter(None, (fields.get("Pre-Depends", ""), fields.get("Depends", ""))))
        graph[fields.get("Package", "")] = tuple(map(_name, filter(None, wanted.split(","))))
        for name in filter(None, fields.get("Provides", "").split(",")):
            provided.setdefault(_name(name), fields["Package"])
    return graph, provided


def _name(text: str) -> str:
    return re.split(r"[ (:|]", text.strip())[0]


def brought(
    graph: Mapping[str, tuple[str, ...]], provided: Mapping[str, str], bits: Mapping[str, int]
) -> dict[str, int]:
    """Return the bits of the library packages that each package installs, including itself, without zero sums."""
    sums = {name: bits.get(name, 0) for name in graph}
    edges = {name: [dep if dep in graph else provided.get(dep, "") for dep in deps] for name, deps in graph.items()}
    # Debian's packages have circular dependencies, so repeat until nothing changes.
    changed = True
    while changed:
        changed = False
        for name, deps in edges.items():
            total = sums[name]
            for dep in deps:
                total |= sums.get(dep, 0)
            changed |= total != sums[name]
            sums[name] = total
    return {name: total for name, total in sums.items() if total}


def main() -> None:
    """Write both tables, and print their sizes."""
    packages = {release: owners(_contents(release)) for release in RELEASES}
    known = sorted({name for found in packages.values() for name in found.values()})
    checked = datetime.now(UTC).date()
    (DATA / "sonames.toml").write_text("".join(_toml(packages, str(checked))), encoding="utf-8")
    bits = {name: 1 << number for number, name in enumerate(known)}
    lines = [f"main of the package indexes of Debian, checked {checked}: {' '.join(known)}"]
    for release in RELEASES:
        index = lzma.decompress(fetched(f"{release}/main/binary-amd64/Packages.xz")).decode()
        lines += _lines(release, brought(*dependencies(index), bits))
    place = DATA / "debian_brings.txt.xz"
    place.write_bytes(lzma.compress("\n".join((*lines, "")).encode("ascii"), preset=9 | lzma.PRESET_EXTREME))
    sys.stdout.write(f"{len(known)} packages, {place.stat().st_size:,} bytes\n")


def _contents(release: str) -> str:
    return gzip.decompress(fetched(f"{release}/main/Contents-amd64.gz")).decode("utf-8", "replace")


def _lines(release: str, sums: Mapping[str, int]) -> Iterator[str]:
    yield f"release {release}"
    sets: dict[int, list[str]] = {}
    for name, total in sums.items():
        sets.setdefault(total, []).append(name)
    yield from (f"{total:x} {' '.join(sorted(names))}" for total, names in sorted(sets.items()))


def _toml(packages: Mapping[str, Mapping[str, str]], checked: str) -> Iterator[str]:
    yield "# The Debian packages of libraries that wheels load but do not contain.\n"
    yield f'source = "Contents-amd64.gz of main of each release, {MIRROR}"\nchecked = {checked}\n'
    for soname in SONAMES:
        yield f'\n[[library]]\nsoname = "{soname}"\n'
        yield from (f'{release} = "{found[soname]}"\n' for release, found in packages.items() if soname in found)


if __name__ == "__main__":
    main()
