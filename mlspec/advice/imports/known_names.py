"""Names in lists of requirements under which the package index has another package, or none."""

from __future__ import annotations

import re

# Names of modules and of conda's packages, under which the index has something else.
_MEANT = {"sklearn": "scikit-learn", "pytorch": "torch", "skimage": "scikit-image", "cv2": "opencv-python-headless",
          "pil": "pillow", "opencv": "opencv-python-headless"}  # fmt: skip
# Parts of Ubuntu, which its own Python has, and `pip freeze` lists; no index has them.
_UBUNTU = re.compile(
    r"(?i)(?:python-apt|ubuntu-(?:advantage-tools|drivers-common|pro-client)|ufw|unattended-upgrades|command-not-found"
    r"|language-selector|dbus-python|systemd-python|cloud-init|ssh-import-id|screen-resolution-extra|xkit|usb-creator"
    r"|cupshelpers|brlapi|louis|apturl|distro-info|python-debian|sos|pygobject)\s*(?:[<>=!~].*)?|[^;@]*\+ubuntu[\d.]*"
)
# Packages that have wheels for Windows or macOS only; `pip freeze` of these systems lists them.
_ELSEWHERE = re.compile(
    r"(?i)(?:pywin32|pypiwin32|pywinpty|windows-curses|comtypes|wmi|wincertstore|pyobjc(?:-[\w-]+)?|tensorflow-(?:intel|macos"
    r"|metal)|torch-directml|triton-windows)\s*(?:[<>=!~;].*)?"
)
# A model of spaCy, which `pip freeze` lists by name and version.
_SPACY = re.compile(r"([a-z]{2}[_-](?:core|dep|ent)[_-](?:web|news|wiki)[_-](?:sm|md|lg|trf))\s*==\s*(\d+\.\d+\.\d+)")
# Packages that their authors publish as a repository only, with the tag of a release; the index has no such package on
# 2026-12-01, except another one named apex.
_REPOSITORIES = {
    "detectron2": ("https://github.com/facebookresearch/detectron2.git", "v{}"),
    "pytorch3d": ("https://github.com/facebookresearch/pytorch3d.git", "V{}"),
    "apex": ("https://github.com/NVIDIA/apex.git", ""),
}


def find_skipped(word: str) -> str:
    """Return the reason why a Linux image does not need a requirement; empty if it does."""
    if _ELSEWHERE.fullmatch(word) and ";" not in word:
        return "for Windows or macOS only"
    return "a part of Ubuntu, which no package index has" if _UBUNTU.fullmatch(word) else ""


def find_meant(word: str) -> tuple[str, str]:
    """Return the requirement that is meant by a word, and the reason; two empty texts if it is the word itself."""
    if model := _SPACY.fullmatch(word):
        name = model[1].replace("-", "_")
        place = f"https://github.com/explosion/spacy-models/releases/download/{name}-{model[2]}"
        return f"{model[1]} @ {place}/{name}-{model[2]}-py3-none-any.whl", "the index does not have the models of spaCy"
    found = re.fullmatch(r"([\w.-]+)(.*)", word)
    name = found[1].lower() if found else ""
    if found and name == "sklearn" and re.match(r"\s*==\s*0\.0", found[2]):
        return "scikit-learn", "sklearn on the package index is an empty package, with versions of its own"
    if found and name in _MEANT:
        return _MEANT[name] + found[2], f"{found[1]} on the package index is another package, or an empty one"
    return find_repository(name, found[2] if found else "")


def find_archive(word: str) -> str:
    """Return the requirement for the address of an archive, with the name from the address; empty for another word."""
    source = re.fullmatch(r"(https?://\S+/([A-Za-z][\w.]*?(?:-[A-Za-z]\w*)*)-\d[\w.]*\.(?:tar\.gz|zip)(?:#\S*)?)", word)
    archive = re.fullmatch(r"(https?://git(?:hub|lab)\.com/[^/]+/([\w.-]+)/(?:-/)?archive/\S+)", word)
    found = archive or source
    return f"{found[2]} @ {found[1]}" if found else ""


def find_repository(name: str, rest: str) -> tuple[str, str]:
    """Return the requirement for a package that only a repository has, and the reason; ``rest`` is its version."""
    version = re.fullmatch(r"\s*(?:==\s*(\d[\d.]*\d|\d)(?:\.\*)?)?\s*", rest)
    if name not in _REPOSITORIES or not version:
        return "", ""
    url, tag = _REPOSITORIES[name]
    at = f"@{tag.format(version[1])}" if version[1] and tag else ""
    return f"{name} @ git+{url}{at}", "only the repository of its authors has it"
