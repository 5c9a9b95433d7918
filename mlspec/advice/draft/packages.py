"""The requirements of a project: from a file that lists them, from another tool's list, or from what is imported."""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Iterable, Iterator

from packaging.utils import canonicalize_name

from mlspec.advice.draft.entry import Entry
from mlspec.advice.draft.folder import REQUIREMENT_FILES, Choice, Folder, Wanted, pyproject, table
from mlspec.advice.draft.other_tools import Others
from mlspec.advice.draft.scripts import Script, is_tool


def find_requirements(
    folder: Folder, scripts: Iterable[Script], entry: Entry, others: Iterable[Others], wanted: Wanted
) -> Iterator[Choice]:
    """Yield the requirements, from the surest place that names them, and notes on what was left out."""
    if wanted.requirements:
        yield Choice("requirements", wanted.requirements, "as asked")
        return
    for name in (*REQUIREMENT_FILES, "pyproject.toml"):
        if name in folder.texts and (name != "pyproject.toml" or _lists_dependencies(folder)):
            yield _from_file(name, folder.texts[name], entry)
            yield from _extras(folder) if name == "pyproject.toml" else ()
            return
    for other in others:
        if other.requirements:
            more = () if not entry.needs or _brings(entry, "\n".join(other.requirements)) else (entry.needs,)
            yield Choice("requirements", (*other.requirements, *more), f"what {other.file} lists for pip")
            return
    yield from _from_imports(folder, scripts, entry)


def _extras(folder: Folder) -> Iterator[Choice]:
    project = table(pyproject(folder), "project")
    if extras := list(table(project, "optional-dependencies")):
        why = f"optional; to have one, write: requirements: pyproject.toml[{extras[0]}]"
        yield Choice("", f"pyproject.toml: {', '.join(extras)}", why)


def named(requirements: Iterable[str], folder: Folder) -> frozenset[str]:
    """Return the names of the packages that requirements name, those in files included."""
    listed = []
    for entry in requirements:
        if entry == "pyproject.toml":
            project = table(pyproject(folder), "project")
            listed += [line for line in project.get("dependencies") or [] if isinstance(line, str)]
        else:
            listed += folder.texts.get(entry, entry).splitlines()
    found = (re.match(r"\s*([A-Za-z0-9][\w.-]*)", line) for line in listed)
    return frozenset(canonicalize_name(match[1]) for match in found if match)


def _lists_dependencies(folder: Folder) -> bool:
    return bool(table(pyproject(folder), "project").get("dependencies"))


def _from_file(name: str, text: str, entry: Entry) -> Choice:
    missing = [] if not entry.needs or _brings(entry, re.sub(r"#.*", "", text)) else [entry.needs]
    # A file of hashes is a lock already, and takes nothing beside it.
    if not missing or "--hash=" in text:
        also = f"; add {missing[0]} to it, which the entrypoint needs" if missing else ""
        return Choice("requirements", name, f"this file is here{also}")
    return Choice("requirements", (name, missing[0]), f"the file is here, and the entrypoint needs {missing[0]}")


def _brings(entry: Entry, text: str) -> bool:
    return bool(re.search(_BRINGS[entry.needs], text, re.MULTILINE))


# How a requirement file may name the server of an entrypoint.
_BRINGS = {
    "uvicorn": r"""(?:^|["',\s])(?:uvicorn\b|fastapi\[[^\]]*(?:standard|all))""",
    "flask": r"""(?i)(?:^|["',\s])flask\b""",
    "streamlit": r"""(?:^|["',\s])streamlit\b""",
    "gradio": r"""(?:^|["',\s])gradio\b""",
    "jupyterlab": r"""(?:^|["',\s])jupyter(?:lab)?(?![\w-])""",
}

# Imports whose package has another name; an empty one stands for a name that many packages share.
_DISTRIBUTIONS = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "Crypto": "pycryptodome",
    # The same library without windows, and so without libGL, which slim images lack.
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "distutils": "setuptools",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "fitz": "pymupdf",
    "git": "gitpython",
    "google": "",
    "hydra": "hydra-core",
    "imblearn": "imbalanced-learn",
    "IPython": "ipython",
    "jwt": "pyjwt",
    "mpl_toolkits": "matplotlib",
    "multipart": "python-multipart",
    "PIL": "pillow",
    "pkg_resources": "setuptools",
    "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary",
    "pylab": "matplotlib",
    "ruamel": "ruamel.yaml",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "tree": "dm-tree",
    "umap": "umap-learn",
    "whisper": "openai-whisper",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}


def _from_imports(folder: Folder, scripts: Iterable[Script], entry: Entry) -> Iterator[Choice]:
    used, optional = set[str](), set[str]()
    for script in scripts:
        if not is_tool(script.path):
            local = _local_modules(folder, posixpath.dirname(script.path)) | sys.stdlib_module_names
            used |= script.imports - local
            optional |= script.optional - local
    names = {_DISTRIBUTIONS.get(name, name.replace("_", "-")) for name in used if name.isascii()} - {""}
    names |= {entry.needs} - {""}
    known = {canonicalize_name(name) for name in names}
    installed = [word for script in scripts for word in script.installs]
    names |= {word for word in installed if canonicalize_name(re.split(r"[\[<>=!~]", word)[0]) not in known}
    why = "what the code imports; look the names over" if names else "no requirement file here, and nothing imported"
    yield Choice("requirements", tuple(sorted(names, key=str.lower)), why)
    for name in sorted(optional - used):
        yield Choice("", name, "imported only where it is installed; add it to the requirements if you need it")
    for name in sorted(name for name in used if _DISTRIBUTIONS.get(name) == ""):
        yield Choice("", name, "several packages bring this import; add yours to the requirements")


def _local_modules(folder: Folder, beside: str) -> set[str]:
    """Return the names of the modules that a script in the folder ``beside`` finds in the project."""
    places = {"", "src"}
    # A package is not run from within, so its modules hide nothing: loggers/wandb.py may import wandb.
    places |= {beside} if posixpath.join(beside, "__init__.py") not in folder.texts else set()
    found = set()
    for path in folder.texts:
        for place in places:
            if path.endswith(".py") and (not place or path.startswith(f"{place}/")):
                found.add(path[len(place) :].lstrip("/").split("/")[0].removesuffix(".py"))
    return found
