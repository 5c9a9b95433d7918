"""The names of Debian packages by release, from ``data/debian_packages.txt.xz``; only specs with ``apt`` need them."""

from __future__ import annotations

import lzma
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources

# Families of packages that no image for machine learning installs by name, and that would fill the table.
_FAMILY = re.compile(
    r"^(?:librust-|golang-|node-|libjs-|ruby-|puppet-|r-(?:cran|bioc|other)-|libghc-|haskell-|elpa-|php|cl-|lua-|coq|agda"
    r"|libcoq|erlang|octave-|gap-|openjdk|texlive|fonts-|xfonts-|hunspell-|aspell-|myspell-|hyphen-|mythes-|dict-"
    r"|ibus-|fcitx|apertium|libreoffice|kde|plasma-|gnome-|mate-|lxqt|cinnamon|xfce4|lomiri|libukui|qml|libkf[56]|gir1\.2-"
    r"|kodi-|wesnoth|game|freeciv|minetest|0ad|webext-|xul-ext|vim-|emacs-|tryton|asterisk|libapache2|fusiondirectory|gosa"
    r"|task-|firmware-|linux-|librte|libppx|gambas3|libtrilinos|libmrpt|android|postgresql-\d)"
    r"|-(?:doc|dbg|dbgsym|perl|java|ocaml|ocaml-dev|cil|cil-dev|clojure|l10n|i18n|games?|udeb)$"
    r"|-(?:l10n|doc|locale|cross)-|-cross$"
    r"|-(?:arm64|armhf|armel|i386|mips\w*|ppc64\w*|powerpc\w*|s390x|riscv64|alpha|hppa|m68k|sh4|sparc64|x32|loong64|ia64)"
)


def is_listed(name: str) -> bool:
    """Return whether the table would contain a package of this name if Debian had it."""
    return not _FAMILY.search(name)


@cache
def _rows() -> tuple[tuple[str, ...], Mapping[str, int]]:
    data = resources.files("mlspec.facts.data").joinpath("debian_packages.txt.xz").read_bytes()
    heading, *lines = lzma.decompress(data).decode("ascii").splitlines()
    rows = (line.split(" ") for line in lines)
    return tuple(heading.rpartition(": ")[2].split(" ")), {name: int(releases) for name, releases in rows}


@cache
def debian_package_names(codename: str) -> frozenset[str]:
    """Return the names of all packages that a Debian release has or provides; empty if the release is unknown."""
    releases, rows = _rows()
    bit = 1 << releases.index(codename) if codename in releases else 0
    return frozenset(name for name, known in rows.items() if known & bit)
