"""Requirements to pins: runs the resolver as the target, git for its refs, and says in words what failed."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement as Pep508
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from mlspec.effects.host import AUTHORITIES
from mlspec.errors import LockError, Problem
from mlspec.lockfile import Pin, RequirementsLock, Target
from mlspec.requirements import Index, Requirement, Requirements
from mlspec.spelling import nearest

_RUNNER = Path(__file__).with_name("target.py")
_OLDEST_PIP = Version("24.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack:
    """A package whose newest release was not taken, and why."""

    name: str
    version: str
    newest: str
    reason: str

    def __str__(self) -> str:
        """Return it as one line for people."""
        return f"{self.name} {self.version}, not {self.newest}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """What requirements became: pins with hashes, pins at commits, the tools' versions, and what was not taken."""

    pins: tuple[Pin, ...]
    vcs: tuple[Pin, ...] = ()
    tools: Mapping[str, str]
    held_back: tuple[HeldBack, ...] = ()


def compile_requirements(
    requirements: Requirements,
    target: Target,
    indexes: Sequence[Index],
    *,
    previous: RequirementsLock | None = None,
    upgrade: bool = False,
    upgrade_packages: Sequence[str] = (),
) -> Compiled:
    """Return the pins of ``requirements`` on ``target``; those of ``previous`` stay unless an upgrade asks for more.

    Requirements that are a lock already are taken as they are. ``previous`` must have been made for the same target.
    Raises LockError, in a person's words, when nothing fits or something outside does not answer.
    """
    if requirements.compiled:
        return Compiled(pins=tuple(map(_as_written, requirements.requirements)), tools={})
    if not requirements.requirements:
        return Compiled(pins=(), tools={})
    _check_pip()
    _check_upgrades(requirements, previous, upgrade_packages)
    commits = {r: _pinned(r, previous, upgrade, upgrade_packages) for r in requirements.requirements if r.kind == "vcs"}
    job = _Job(requirements, target, tuple(indexes), commits, _kept(requirements, previous, upgrade), upgrade_packages)
    report = job.run()
    pins = [job.pin(row) for row in report["pins"]]
    return Compiled(
        pins=tuple(pin for pin in pins if " @ git+" not in pin.requirement),
        vcs=tuple(pin for pin in pins if " @ git+" in pin.requirement),
        tools=report["tools"],
        held_back=tuple(HeldBack(**row) for row in report["held_back"]),
    )


def _as_written(requirement: Requirement) -> Pin:
    parsed = Pep508(requirement.text)
    specifier = next(iter(parsed.specifier))
    return Pin(
        name=requirement.name,
        version=specifier.version,
        requirement=f"{requirement.name}{specifier}",
        hashes=requirement.hashes,
        marker=str(parsed.marker) if parsed.marker else "",
    )


def _check_pip() -> None:
    version = importlib.metadata.version("pip")
    if Version(version) < _OLDEST_PIP:
        message = f"pip {version} is too old to resolve for another machine; {_OLDEST_PIP} or newer can"
        raise LockError(_problem("MLS241", message, f"{sys.executable} -m pip install --upgrade pip"))


def _check_upgrades(requirements: Requirements, previous: RequirementsLock | None, names: Iterable[str]) -> None:
    known = {pin.name for pin in (*previous.pins, *previous.vcs)} if previous else set()
    known |= {r.name for r in requirements.requirements}
    problems = []
    for text in names:
        name = _named(text)
        if name not in known:
            close = nearest(name, sorted(known))
            hint = f"did you mean: {close[0]}" if close else "name a package of requirements.lock"
            problems.append(_problem("MLS240", f"{name} is not in the lock, so it cannot be upgraded", hint))
    if problems:
        raise LockError(*problems)


def _named(text: str) -> str:
    return canonicalize_name(re.split(r"[\s=<>!~\[;@]", text.strip(), maxsplit=1)[0])


def _kept(requirements: Requirements, previous: RequirementsLock | None, upgrade: bool) -> tuple[str, ...]:
    """Return the pins of the lock before that hold unless a requirement says otherwise, without their hashes."""
    if upgrade or previous is None:
        return ()
    elsewhere = {r.name for r in requirements.requirements if r.kind != "index"}
    return tuple(p.requirement for p in previous.pins if " @ " not in p.requirement and p.name not in elsewhere)


def _problem(code: str, message: str, hint: str = "", requirement: Requirement | None = None) -> Problem:
    return requirement.problem(code, message, hint) if requirement else Problem(code=code, message=message, hint=hint)


# Git

_COMMIT = re.compile(r"^[0-9a-f]{40}$")


@dataclass(frozen=True, slots=True)
class _Commit:
    """A git requirement at a whole commit: the address as pip takes it, and the branch or tag it was named by."""

    address: str
    commit: str
    ref: str


def _pinned(
    requirement: Requirement, previous: RequirementsLock | None, upgrade: bool, upgrade_packages: Iterable[str]
) -> _Commit:
    """Return the commit that a git requirement stands for: the one of the lock before, or the newest of its ref."""
    url, ref, fragment = _git_parts(requirement)
    asked = upgrade or requirement.name in map(_named, upgrade_packages)
    for pin in previous.vcs if previous and not asked else ():
        address = pin.requirement.partition(" @ ")[2]
        base, _, tail = address.partition("#")
        before, _, commit = base.rpartition("@")
        if (before, tail, pin.ref) == (f"git+{url}", fragment, "" if _COMMIT.match(ref) else ref or "HEAD"):
            return _Commit(address, commit, pin.ref)
    commit = ref if _COMMIT.match(ref) else _resolved_ref(requirement, url, ref)
    address = f"git+{url}@{commit}" + (f"#{fragment}" if fragment else "")
    return _Commit(address, commit, "" if commit == ref else ref or "HEAD")


def _git_parts(requirement: Requirement) -> tuple[str, str, str]:
    """Return the repository's address, the ref or an empty text, and the fragment of a git requirement."""
    parsed = Pep508(requirement.text).url if requirement.name else requirement.text
    base, _, fragment = str(parsed).removeprefix("git+").partition("#")
    # The login of git@host is in front of the path; a ref stands behind its last part.
    scheme, _, rest = base.partition("://")
    host, slash, path = rest.partition("/")
    path, _, ref = path.partition("@")
    return f"{scheme}://{host}{slash}{path}", ref, fragment


def _resolved_ref(requirement: Requirement, url: str, ref: str) -> str:
    rows = [line.split("\t") for line in _git(requirement, url, "ls-remote", url).splitlines() if "\t" in line]
    refs = {name: commit for commit, name in rows}
    # As pip has it: a branch before a tag; what an annotated tag points at, not the tag itself.
    names = (f"refs/heads/{ref}", f"refs/tags/{ref}^{{}}", f"refs/tags/{ref}", ref) if ref else ("HEAD",)
    if found := next((refs[name] for name in names if name in refs), ""):
        return found
    if re.match(r"^[0-9a-f]{7,39}$", ref) and (found := _whole_commit(requirement, url, ref)):
        return found
    known = [name.removeprefix("refs/heads/").removeprefix("refs/tags/") for name in refs if not name.endswith("^{}")]
    close = nearest(ref, known)
    hint = (
        f"did you mean: {close[0]}" if close else f"it has: {', '.join(sorted(set(known) - {'HEAD'})[:8]) or 'no refs'}"
    )
    raise LockError(requirement.problem("MLS250", f'{url} has no branch, tag or commit "{ref or "HEAD"}"', hint))


def _whole_commit(requirement: Requirement, url: str, short: str) -> str:
    with tempfile.TemporaryDirectory(prefix="mlspec-") as folder:
        _git(requirement, url, "clone", "--quiet", "--bare", "--filter=blob:none", url, folder)
        command = ["git", "-C", folder, "rev-parse", "--quiet", "--verify", f"{short}^{{commit}}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=_environment())
        return done.stdout.strip()


def _git(requirement: Requirement, url: str, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            env=_environment(),
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError:
        message = "git is not installed here, and this requirement needs it"
        raise LockError(
            requirement.problem("MLS251", message, "install git, or take a release from an index")
        ) from None
    except subprocess.TimeoutExpired:
        raise LockError(requirement.problem("MLS251", f"{url} did not answer within 5 minutes")) from None
    if done.returncode == 0:
        return done.stdout
    said = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "git said nothing")
    if re.search(r"Authentication failed|Permission denied|could not read Username|terminal prompts", done.stderr):
        hint = "git must be able to log in by itself: a deploy key, or a credential helper"
        raise LockError(requirement.problem("MLS252", f"{url} wants a login", hint))
    raise LockError(requirement.problem("MLS251", f"{url} cannot be read: {said.strip()}", f"try: git ls-remote {url}"))


# The runner


# Git sets these for its hooks, and every git run from one would work on the repository of the hook.
_GIT_OF_A_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX")


def _environment() -> dict[str, str]:
    """Return this process's environment without what configures pip or Python; proxies and certificates stay."""
    dropped = ("PIP_", "PYTHON", "UV_", "VIRTUAL_ENV", "CUSTOM_COMPILE_COMMAND", "MLSPEC_", *_GIT_OF_A_HOOK)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    # Pip reads no file at all, neither the machine's nor the user's, when this one is the null device.
    return {**kept, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INPUT": "1", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}


def _certificates() -> str:
    return next((os.environ[name] for name in AUTHORITIES if os.environ.get(name)), "")


def _cache() -> str:
    # Pip's own cache may hold wheels that this user built for this machine.
    return str(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mlspec" / "pip")


@dataclass(frozen=True)
class _Job:
    """One run of the resolver."""

    requirements: Requirements
    target: Target
    indexes: tuple[Index, ...]
    commits: Mapping[Requirement, _Commit]
    kept: tuple[str, ...]
    upgrade_packages: Sequence[str]

    def run(self) -> dict[str, Any]:
        """Return the runner's report; raises LockError for every failure it tells of."""
        with tempfile.TemporaryDirectory(prefix="mlspec-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            self._write(folder)
            done = subprocess.run(
                [sys.executable, "-I", "-X", "utf8", str(_RUNNER), "report.json"],
                input=json.dumps(self._data()),
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                check=False,
                cwd=folder,
                env=_environment(),
            )
            with contextlib.suppress(OSError, ValueError):
                report: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
                if "error" not in report:
                    return report
                raise LockError(*_Failure(self, report["error"], report["tools"], done.stderr).problems())
        raise LockError(_no_report(done.stderr))

    def _write(self, folder: Path) -> None:
        def text(requirements: Iterable[Requirement]) -> str:
            # Sorted, so that the order of lines in a spec cannot change what is resolved.
            return "\n".join(sorted(self._line(r) for r in requirements)) + "\n"

        folder.joinpath("requirements.in").write_text(text(self.requirements.requirements), encoding="utf-8")
        if self.requirements.constraints:
            folder.joinpath("constraints.txt").write_text(text(self.requirements.constraints), encoding="utf-8")
        if self.kept:
            folder.joinpath("compiled.txt").write_text("\n".join(self.kept) + "\n", encoding="utf-8")

    def _line(self, requirement: Requirement) -> str:
        if commit := self.commits.get(requirement):
            parsed = Pep508(requirement.text) if requirement.name else None
            if parsed is None:
                return commit.address
            extras = f"[{','.join(sorted(parsed.extras))}]" if parsed.extras else ""
            marker = f" ; {parsed.marker}" if parsed.marker else ""
            return f"{parsed.name}{extras} @ {commit.address}{marker}"
        return " ".join((requirement.text, *(f"--hash={value}" for value in requirement.hashes)))

    def _data(self) -> dict[str, Any]:
        return {
            "python": self.target.python,
            "platform": self.target.platform,
            "glibc": self.target.glibc,
            "indexes": [
                {"url": i.url, "packages": list(i.packages), "username": i.username, "password": i.password}
                for i in self.indexes
            ],
            "default_index": os.environ.get("MLSPEC_INDEX_URL", ""),
            "options": list(self.requirements.options),
            "build": sorted(self.requirements.built),
            "hashes": {r.name: list(r.hashes) for r in self.requirements.requirements if r.hashes},
            "upgrade_packages": [p for p in self.upgrade_packages if _named(p) not in self._from_git],
            "cert": _certificates(),
            "cache": _cache(),
        }

    @property
    def _from_git(self) -> frozenset[str]:
        return frozenset(r.name for r in self.commits)

    def pin(self, row: Mapping[str, Any]) -> Pin:
        """Return the pin that a row of the report describes."""
        ref, requirement = "", row.get("requirement", "")
        if row["url"]:
            commit = next((c for c in self.commits.values() if c.commit in row["url"]), None)
            written = next((Pep508(r.text).url for r in self.requirements.requirements if r.name == row["name"]), None)
            # Pip's own spelling of an address loses slashes of git+file:///.
            address, ref = (commit.address, commit.ref) if commit else (written or row["url"], "")
            requirement = f"{row['name']} @ {address}"
        return Pin(
            name=row["name"],
            version=row["version"],
            requirement=requirement,
            hashes=tuple(row["hashes"]),
            size=row["size"],
            via=tuple(row["via"]),
            is_source=row["is_source"],
            ref=ref,
        )


def _no_report(stderr: str) -> Problem:
    said = next((line.strip() for line in reversed(stderr.splitlines()) if line.strip()), "it said nothing")
    if re.match(r"(ImportError|ModuleNotFoundError|AttributeError)", said):
        message = f"this pip and pip-tools do not fit together: {said}"
        return _problem("MLS241", message, f'{sys.executable} -m pip install --upgrade pip "pip-tools>=7.6.2,<8"')
    return _problem("MLS259", f"the resolver did not run: {_public(said)}")


def _public(text: str) -> str:
    """Return a text without the logins of its addresses."""
    return re.sub(r"://[^/\s@]+@", "://", text)


# Failures in words

# What is imported is not always what is installed: the names people try first.
_INSTALL_NAMES = {
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "fitz": "pymupdf",
    "pil": "pillow",
    "pytorch": "torch",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}


@dataclass(frozen=True)
class _Failure:
    """The runner's report of a failure, and the job it came from."""

    job: _Job
    error: Mapping[str, Any]
    tools: Mapping[str, str]
    stderr: str

    def problems(self) -> Iterator[Problem]:
        """Yield the problems that a person should read."""
        kind = self.error["kind"]
        if kind == "conflict":
            yield from self._conflict()
        elif kind == "mismatch":
            pair = " and ".join(f"{name} {version}" for name, version in self.tools.items())
            message = f"{pair} cannot resolve for another machine: {self.error['message']}"
            yield _problem("MLS241", message, f'{sys.executable} -m pip install "pip-tools>=7.6.2,<8" "pip<27"')
        elif kind == "build":
            name = canonicalize_name(self.error["name"])
            message = f"{name} is a source whose dependencies only its own build can tell, and that build failed here"
            hint = f"take a release with a wheel or with static metadata\n{self._tail()}".strip()
            hint = f"did you mean: {_INSTALL_NAMES[name]}" if name in _INSTALL_NAMES else hint
            yield _problem("MLS249", message, hint, self._asked(name))
        elif kind == "hashes":
            message = f"none of the hashes given is one of a file of {self.error['message']} that fits the target"
            yield _problem("MLS247", message, "remove them; the lock has its own", self._asked(self.error["name"]))
        elif kind == "other":
            message = f"the resolver failed: {_public(str(self.error['message']).splitlines()[0])}"
            yield _problem("MLS259", message, self._tail())
        else:
            yield self._index_problem(kind)

    @property
    def _python(self) -> str:
        return self.job.target.python

    def _asked(self, name: str) -> Requirement | None:
        return self.job.requirements.named(name) if name else None

    def _tail(self) -> str:
        return "\n".join(_public(line) for line in self.stderr.splitlines()[-8:])

    def _index_problem(self, kind: str) -> Problem:
        url = str(self.error["url"])
        name = canonicalize_name(url.rstrip("/").rpartition("/")[2]) if url.endswith("/") else ""
        host = re.sub(r"^(\w+://[^/]+).*$", r"\1", url) or "the package index"
        code, message, hint = _NETWORK[kind]
        status = self.error.get("status")
        written = next((r for r in self.job.requirements.requirements if url in r.text), None)
        if written and status in {404, 410}:
            return _problem("MLS242", f"there is nothing at {url}", "correct the address", written)
        message = message.format(host=host, status=status, name=name or "a file")
        return _problem(code, message, hint, self._asked(name))

    # Nothing fits

    def _conflict(self) -> Iterator[Problem]:
        causes = [_Cause(**cause) for cause in self.error["causes"]]
        pythons = [cause for cause in causes if not cause.name and not _contains(cause.specifier, self._python)]
        wishes = [cause for cause in causes if cause.name]
        names = list(dict.fromkeys(cause.name for cause in wishes))
        for name in names:
            releases = self.error["releases"].get(name, [])
            if not releases:
                yield self._unknown(name, causes)
                return
        if pythons:
            yield from (self._wrong_python(cause) for cause in pythons)
        elif len(wishes) == 1 and not self._constraints(names[0]):
            yield self._nothing_fits(wishes[0])
        else:
            for name in names:
                yield self._disagreement(name, [cause for cause in wishes if cause.name == name])

    def _unknown(self, name: str, causes: Sequence[_Cause]) -> Problem:
        wanting = next(cause for cause in causes if cause.name == name)
        who = f", which {wanting.parent} {wanting.parent_version} asks for" if wanting.parent else ""
        hint = f"did you mean: {_INSTALL_NAMES[name]}" if name in _INSTALL_NAMES else self._close_name(name)
        notes = [_public(str(note)) for note in self.error.get("notes", ())]
        if any("not a trusted or secure host" in note for note in notes):
            message = f"the index for {name} is asked over http, where anyone on the way could answer"
            return _problem("MLS257", message, "write its address with https://", self._asked(wanting.root))
        if odd := next((note for note in notes if f"/{name}/" in note), ""):
            hint = f"the index answered with something else than a package page: {odd}"
        return _problem("MLS242", f"there is no package {name} on the index{who}", hint, self._asked(wanting.root))

    def _close_name(self, name: str) -> str:
        known = [r.name for r in self.job.requirements.requirements if r.name != name]
        popular = [other for other in _POPULAR if other != name]
        close = nearest(name, [*known, *popular], cutoff=0.75)
        return (
            f"did you mean: {close[0]}" if close else "correct its name, or name the index that has it under `indexes`"
        )

    def _wrong_python(self, cause: _Cause) -> Problem:
        message = f"{cause.parent} {cause.parent_version} needs Python {cause.specifier}, and the image has "
        message += self._python
        hint = f"move `python`, or ask for another {cause.parent}"
        return _problem("MLS244", message, hint, self._asked(cause.parent))

    def _nothing_fits(self, cause: _Cause) -> Problem:
        releases = [(version, reason) for version, reason in self.error["releases"][cause.name]]
        wanted = [(v, reason) for v, reason in releases if _contains(cause.specifier, v)]
        who = f"{cause.parent} {cause.parent_version} asks for" if cause.parent else "the spec asks for"
        place = self._asked(cause.root)
        if wanted:
            version, reason = wanted[0]
            return _problem(*self._unfit(cause.name, version, reason, releases), place)
        newest = ", ".join(version for version, _ in releases[:6])
        more = f" and {len(releases) - 6} older" if len(releases) > 6 else ""
        fitting = next((version for version, reason in releases if not reason), "")
        offer = f"\ntry: {cause.name}=={fitting}" if fitting and not cause.parent else ""
        hint = f"{cause.name} has {newest}{more}{offer}"
        return _problem("MLS243", f"{who} {cause.name}{cause.specifier}, which no release is", hint, place)

    def _unfit(self, name: str, version: str, reason: str, releases: Sequence[tuple[str, str]]) -> tuple[str, str, str]:
        """Return code, message and hint for a release that is there and cannot be taken."""
        target = self.job.target
        fitting = [v for v, why in releases if not why]
        other = f"; {name} {fitting[0]} fits" if fitting else ""
        if "needs Python" in reason:
            message = f"{name} {version} needs Python {reason.rpartition(' ')[2]}, and the image has {target.python}"
            return "MLS244", message, f"move `python`, or ask for another {name}{other}"
        if "no wheel" in reason:
            message = f"{name} {version} has no wheel for Python {target.python} on {target.platform}"
            hint = f"ask for another {name}{other}; or have it compiled: --no-binary {name}"
            return "MLS245", f"{message} with glibc {target.glibc}", hint
        if "pre-release" in reason:
            return (
                "MLS243",
                f"{name} {version} is a pre-release",
                f"ask for it by name: {name}=={version}; or add --pre",
            )
        return (
            "MLS243",
            f"{name} {version} cannot be taken: {reason or 'it was refused'}",
            f"ask for another {name}{other}",
        )

    def _constraints(self, name: str) -> list[Requirement]:
        return [r for r in self.job.requirements.constraints if r.name == name]

    def _disagreement(self, name: str, causes: Sequence[_Cause]) -> Problem:
        wants = [
            f"{cause.parent} {cause.parent_version} wants {name}{cause.specifier or ' in any version'}"
            if cause.parent
            else f"the spec wants {name}{cause.specifier or ' in any version'}"
            for cause in causes
        ]
        wants += [f"a constraint wants {r.text}" for r in self._constraints(name)]
        root = next((cause.root for cause in causes if self._asked(cause.root)), "")
        hint = "\n".join((*dict.fromkeys(wants), "loosen one of them"))
        return _problem("MLS246", f"no version of {name} suits all who ask for it", hint, self._asked(root))


@dataclass(frozen=True, slots=True)
class _Cause:
    """One wish of a conflict: a package, what is wanted of it (or of Python, where it has no name), and by whom."""

    name: str
    specifier: str
    parent: str
    parent_version: str

    @property
    def root(self) -> str:
        """The package whose requirement in the spec is nearest to this wish."""
        return self.parent or self.name


def _contains(specifier: str, version: str) -> bool:
    try:
        return SpecifierSet(specifier).contains(version, prereleases=True)
    except InvalidSpecifier:
        return False


# By kind: code, message, hint.
_NETWORK = {
    "connect": ("MLS253", "{host} cannot be reached", "check the network, or its address under `indexes`"),
    "timeout": ("MLS253", "{host} did not answer in time", "check the network, and try again"),
    "proxy": ("MLS253", "the proxy on the way to {host} refuses", "check HTTPS_PROXY and NO_PROXY"),
    "http": ("MLS254", "{host} answered {status} when asked for {name}", "try again later; the fault is on its side"),
    "tls": (
        "MLS255",
        "the certificate of {host} is not trusted here",
        "behind a company proxy, name its certificates: export SSL_CERT_FILE=/path/to/ca.pem",
    ),
    "login": (
        "MLS256",
        "{host} refused access to {name} ({status})",
        "check the login that its entry under `indexes` takes from the environment",
    ),
}

# Names that are often mistyped, for "did you mean": no index can be asked for a list.
_POPULAR = (
    "accelerate", "albumentations", "catboost", "datasets", "diffusers", "fastapi", "gradio", "huggingface-hub",
    "hydra-core", "jax", "jupyterlab", "keras", "lightgbm", "lightning", "matplotlib", "mlflow", "numpy",
    "onnxruntime", "opencv-python-headless", "optuna", "pandas", "pillow", "polars", "pyarrow", "pydantic",
    "pytest", "pytorch-lightning", "ray", "requests", "scikit-image", "scikit-learn", "scipy", "seaborn",
    "sentencepiece", "spacy", "streamlit", "tensorboard", "tensorflow", "timm", "tokenizers", "torch", "torchaudio",
    "torchvision", "tqdm", "transformers", "uvicorn", "wandb", "xgboost",
)  # fmt: skip
