"""The import of volumes in Compose's short form: a spec has its own notation for the caller's folders."""

from __future__ import annotations

import re

from mlspec.advice.imports.verdicts import ImportSource, LineVerdict
from mlspec.spec import values

_HERE = re.compile(r"^(?:\$\(pwd\)|`pwd`|\$\{?PWD\}?|%cd%|\$\{localWorkspaceFolder\})", re.IGNORECASE)
_HOME = re.compile(r"^(?:\$\{?HOME\}?|\$\{localEnv:HOME\}|/home/\$\{?USER\}?)")


def read_volume(source: ImportSource, number: int, text: str, value: str) -> LineVerdict:
    """Return the verdict on a volume: SOURCE:TARGET[:ro], or a target without a source; SOURCE may have variables."""
    written = value.strip("\"'")
    mount = _HOME.sub("~", _HERE.sub(".", written))
    host, _, rest = mount.partition(":")
    if not rest:
        name = f"{values.slug(host)}:{host}"
        return source.guess(number, text, "mounts", name, "a volume of that name; a folder of the host would be ./NAME")
    if re.search(r"\.X11-unix|docker\.sock", host):
        return source.lose(number, text, "a spec gives no rights on the host")
    target, _, flags = rest.partition(":")
    if "$" in mount:
        return source.doubt(number, text, "mounts", "it contains a variable, and a spec has the same values everywhere")
    is_folder = host.startswith((".", "~", "/"))
    if not is_folder and "/" in host:
        host = f"./{host}"
    read_only = ":ro" if "ro" in flags.split(",") else ""
    found = f"{host}:{target}{read_only}"
    if target.startswith("/root/"):
        why = "the program of a spec does not run as root: mount to the folder that it reads"
        return source.guess(number, text, "mounts", found, why)
    if found == written:
        return source.carry(number, text, "mounts", found)
    return source.change(number, text, "mounts", found, "relative to the spec")
