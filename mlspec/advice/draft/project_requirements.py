"""The requirements of a project: from a requirement file, from another tool's list, or from the code's imports."""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from packaging.utils import canonicalize_name

from mlspec.advice.draft.entry import Entrypoint
from mlspec.advice.draft.folder import REQUIREMENT_FILES, Choice, Decision, DraftOptions, Folder, pyproject, table
from mlspec.advice.draft.own_package import add_project, propose_project
from mlspec.advice.draft.project_modules import find_modules
from mlspec.advice.draft.readers import Statement, is_requirement_file
from mlspec.advice.draft.readers.projects import list_packages_elsewhere
from mlspec.advice.draft.required import find_file, list_files, list_required
from mlspec.advice.draft.scripts import Script, is_tool
from mlspec.advice.draft.tool_lock import find_lock, read_lock
from mlspec.lock.requirements.tool_locks.lock_kinds import find_lock_kind

# Tools whose file makes an image: their packages are added to a requirement file and do not replace it.
_OF_IMAGES = re.compile(
    r"(?i)(?:.*/)?(?:[\w.-]*dockerfile|containerfile)[\w.-]*|cog\.yaml|config\.yaml|bentofile\.yaml"
)
FROM_IMPORTS = "what the code imports"
# Requirement files for the developers of a project.
_OF_DEVELOPERS = re.compile(r"(?i)(?:.*[-_./])?(?:dev|develop|development|tests?|testing|docs?|lint|ci|types)\.\w+")


def find_requirements(
    folder: Folder, scripts: Sequence[Script], entry: Entrypoint, statements: Iterable[Statement], wanted: DraftOptions
) -> Decision:
    """Return the requirements from the most reliable place that lists them, and the statements left out."""
    if wanted.requirements:
        return Decision((Choice("requirements", wanted.requirements, "your choice"),))
    known, missing = _resolve_files(statements, folder)
    on_top = [statement for statement in known if _OF_IMAGES.fullmatch(statement.file)]
    lists = [statement for statement in known if statement not in on_top]
    found = _from_files(folder, known) or _from_lists(lists) or _from_lists(on_top)
    if found is None:
        choices = (*_from_imports(folder, scripts, entry), *_unclear_files(folder))
        return Decision(choices, missing)
    entries, why = found
    entries, left = _add(entries, on_top, folder)
    left += _not_named(entries, (*_of_project(entries, folder), *lists), folder)
    return Decision((_with_server(entries, why, entry, folder), *_other_files(entries, folder)), (*missing, *left))


def _resolve_files(statements: Iterable[Statement], folder: Folder) -> tuple[list[Statement], tuple[Statement, ...]]:
    """Return the statements with the paths of their files in this folder, and the statements with a missing file."""
    known, missing = list[Statement](), list[Statement]()
    for statement in statements:
        name = str(statement.value)
        # A Dockerfile may have copied the file: /tmp/requirements.txt.
        files = folder.files | folder.texts.keys()
        here = next((path for path in (name, *_namesakes(name, folder)) if path in files), "")
        if here:
            known.append(replace(statement, value=here))
        elif re.search(r"\.(?:txt|in)$", name) and "://" not in name:
            missing.append(statement.leave("there is no such file here"))
        else:
            known.append(statement)
    return known, tuple(missing)


def _namesakes(name: str, folder: Folder) -> tuple[str, ...]:
    """Return the possible paths of a file with the same name: at the top, and elsewhere if only one file has it."""
    base = posixpath.basename(name)
    found = [path for path in folder.texts if posixpath.basename(path) == base and is_requirement_file(path)]
    return (base, *found) if len(found) == 1 else (base,)


def _from_files(folder: Folder, statements: Iterable[Statement]) -> tuple[tuple[str, ...], str] | None:
    """Return the requirement files to take and the reason: those that an image's file names, or the usual file."""
    stated = [s for s in statements if s.value in folder.texts and not s.file.endswith((".yml", "environment.yaml"))]
    images = [statement for statement in stated if _OF_IMAGES.fullmatch(statement.file)]
    if images:
        return _values(images), f"{images[0].place} installs it"
    for name in REQUIREMENT_FILES:
        if name in folder.texts:
            return (name,), "this file is here"
    if lock := find_lock(folder):
        of = f", of {lock.project}," if lock.project else ""
        return add_project((lock.name,), f"this lock{of} is here, and mlspec takes its pins unchanged", folder)
    if table(pyproject(folder), "project").get("dependencies"):
        return propose_project(folder)
    if stated:
        return _values(stated), f"{stated[0].place} names it"
    candidates = _candidates(folder)
    tops = [name for name in candidates if "/" not in name] or candidates
    return ((tops[0],), "the only list of requirements here") if len(tops) == 1 else None


def _values(statements: Iterable[Statement]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(statement.value) for statement in statements))


def _candidates(folder: Folder) -> list[str]:
    """Return the requirement files that come into question.

    Files for developers and included files are left out. Of a pair of .in and .txt, only the .in file counts.
    """
    names = [name for name in sorted(folder.texts) if is_requirement_file(name) and not _OF_DEVELOPERS.fullmatch(name)]
    included = {file for name in names for file in list_files((name,), folder) - {name}}
    loose = {name.removesuffix(".in") for name in names if name.endswith(".in")}
    return [n for n in names if n not in included and not (n.endswith(".txt") and n.removesuffix(".txt") in loose)]


def _from_lists(lists: Sequence[Statement]) -> tuple[tuple[str, ...], str] | None:
    """Return the requirements of the first file that lists packages, and the reason."""
    if not lists:
        return None
    file = lists[0].file
    return _values(line for line in lists if line.file == file), f"{file} lists them for pip"


def _add(
    entries: tuple[str, ...], more: Iterable[Statement], folder: Folder
) -> tuple[tuple[str, ...], tuple[Statement, ...]]:
    """Add the packages that an image's file installs and no entry names.

    Return the entries, and the statements that could not be added.
    """
    left = list[Statement]()
    has_hashes = any("--hash=" in folder.texts.get(entry, "") for entry in entries)
    for statement in more:
        value = str(statement.value)
        names = {line.name for line in list_required((value,), folder)}
        if value in entries:
            continue
        if names <= {line.name for line in list_required(entries, folder)}:
            left.append(statement.leave("the requirements name it already", matters=False))
        elif has_hashes:
            left.append(
                statement.leave(
                    f"{entries[0]} has hashes, so pip accepts no package without a hash: add it there, with its hash"
                )
            )
        else:
            entries = (*entries, value)
    return entries, tuple(left)


def _of_project(entries: tuple[str, ...], folder: Folder) -> Iterator[Statement]:
    """Yield the dependencies of pyproject.toml, if the requirements take neither the file nor a lock."""
    names = set(map(find_file, entries))
    if "pyproject.toml" not in names and not any(map(find_lock_kind, names)):
        for line in list_required(("pyproject.toml",), folder):
            yield replace(line.statement, value=line.text)


def _not_named(entries: tuple[str, ...], lists: Iterable[Statement], folder: Folder) -> tuple[Statement, ...]:
    """Return the statements of lists that were not taken; a package that the entries also name is no loss."""
    names = {line.name for line in list_required(entries, folder)}
    left = list[Statement]()
    lock = read_lock(entries[0], folder) if entries else None
    for statement in lists:
        # The lock of a file pins the dependencies of the file.
        if statement.value not in entries and not (lock and lock.project == statement.file):
            own = {line.name for line in list_required((str(statement.value),), folder)}
            other = entries[0] if entries[0] in folder.texts else "the list that mlspec uses"
            why = f"{other} names it too" if own <= names else f"{other} does not name it"
            left.append(statement.leave(why, matters=not own <= names))
    return tuple(left)


def _with_server(entries: tuple[str, ...], why: str, entry: Entrypoint, folder: Folder) -> Choice:
    """Return the requirements; add the package of the entrypoint unless they already have it."""
    text = "\n".join(
        re.sub(r"#.*", "", folder.texts.get(name, name)) for name in list_files(entries, folder) or entries
    )
    text = "\n".join((text, *entries))
    if not entry.needs or entry.is_served_by(text):
        return Choice(
            "requirements",
            entries if len(entries) > 1 or find_file(entries[0]) not in folder.texts else entries[0],
            why,
        )
    # A file with hashes is already a lock: pip refuses a requirement without a hash beside it.
    if "--hash=" in text:
        return Choice("requirements", entries, f"{why}; add {entry.needs} to it, which the entrypoint needs")
    what = "the file is here" if why == "this file is here" else why
    return Choice("requirements", (*entries, entry.needs), f"{what}, and the entrypoint needs {entry.needs}")


def _other_files(entries: tuple[str, ...], folder: Folder) -> Iterator[Choice]:
    """Yield notes on the requirement files that were not taken."""
    taken = list_files(entries, folder)
    for name in sorted(folder.texts):
        if is_requirement_file(name) and name not in taken:
            yield Choice("", name, f"{entries[0]} is used; for both, name both under requirements")


def _unclear_files(folder: Folder) -> Iterator[Choice]:
    """Yield notes on the requirement files, if it is unclear which one to take."""
    names = [name for name in sorted(folder.texts) if is_requirement_file(name)]
    candidates = set(_candidates(folder))
    for name in names:
        why = "one of several lists; name the right ones under requirements"
        yield Choice("", name, why, matters=name in candidates)


def unclear_files(folder: Folder, choice: Choice, wanted: DraftOptions) -> tuple[str, ...]:
    """Return the requirement files from which a person has to choose; empty if one was taken."""
    found = _candidates(folder)
    entries = (choice.value,) if isinstance(choice.value, str) else choice.value
    return () if wanted.requirements or list_files(entries, folder) or len(found) < 2 else tuple(found)


def find_package_names(requirements: Iterable[str], folder: Folder) -> frozenset[str]:
    """Return the names of the packages in requirements, including those in files."""
    return frozenset(line.name for line in list_required(requirements, folder) if line.name)


# Packages of imports with another name; empty for an import that several packages provide.
_DISTRIBUTIONS = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "Crypto": "pycryptodome",
    # The same library without its GUI: it does not need libGL, which slim images lack.
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


def _from_imports(folder: Folder, scripts: Iterable[Script], entry: Entrypoint) -> Iterator[Choice]:
    modules = find_modules(folder)
    used, optional, unclear = set[str](), set[str](), dict[str, str]()
    for script in (script for script in scripts if not is_tool(script.path)):
        own = {name for name in script.imports | script.optional if modules.is_own(name, script.path)}
        wanted = script.imports - own - sys.stdlib_module_names
        # A package of the index with the name of a module here may be an unrelated package.
        unclear |= {name: script.path for name in sorted(wanted) if modules.has(name)}
        used |= wanted - unclear.keys()
        optional |= script.optional - own - sys.stdlib_module_names - unclear.keys()
    names = {_DISTRIBUTIONS.get(name, name.replace("_", "-")) for name in used if name.isascii()} - {""}
    names |= {entry.needs} - {""}
    # The default index may have an unrelated package of the same name.
    elsewhere = list_packages_elsewhere(folder.texts)
    placed = {name for name in names if canonicalize_name(name) in elsewhere}
    names -= placed
    known = {canonicalize_name(name) for name in names} | elsewhere
    installed = [word for script in scripts for word in script.installs]
    names |= {word for word in installed if canonicalize_name(re.split(r"[\[<>=!~]", word)[0]) not in known}
    why = f"{FROM_IMPORTS}; check the names" if names else "no requirement file here, and nothing imported"
    yield Choice("requirements", tuple(sorted(names, key=str.lower)), why)
    for name in sorted(placed):
        why = "the project takes it from another source: write that source under requirements or indexes"
        yield Choice("", name, why, matters=True)
    for name in sorted(optional - used):
        yield Choice("", name, "an optional import; add it to the requirements if you need it")
    for name in sorted(name for name in used if _DISTRIBUTIONS.get(name) == ""):
        why = "several packages provide this import; add yours to the requirements"
        yield Choice("", name, why, matters=True)
    for name, path in sorted(unclear.items()):
        place = min(posixpath.join(where, name) for where in modules.places[name])
        why = f"{path} imports it, and {place} has the same name; if you mean the package of the index, require it"
        yield Choice("", name, why, matters=True)
