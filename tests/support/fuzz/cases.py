"""The kinds of cases, and the checks of each spec: check, render, read the generated files back, other commands."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from mlspec import api
from mlspec.build.configuration_text import parse as parse_configuration
from mlspec.build.configuration_text import with_variables
from mlspec.errors import MlspecError, Problem
from mlspec.host.cache import proofs
from mlspec.host.cache.witness import witness_reads
from mlspec.host.rendered import Rendered
from mlspec.lock.state import LockOptions
from mlspec.spec.document import parse
from mlspec.spec.encoding import decode
from mlspec.targets.registry import emit, emit_all
from tests.support.fuzz.dockerfiles import check_dockerfile, check_second_reader
from tests.support.fuzz.forging import forge
from tests.support.fuzz.messages import check_problems, check_reports
from tests.support.fuzz.projects import Projects
from tests.support.fuzz.readers import check_compose, check_ignore, check_kubernetes, check_run
from tests.support.places import PROJECT

TODAY = "2026-11-30"
GIVEN = (
    "specs/*/mlspec.yaml",
    "tests/targets/specs/*.yaml",
    "tests/spec/bad/*.[!t]*",
    "tests/advice/lint/warned/*.yaml",
)
WISH = LockOptions(locked=True, unpinned=True)
VARIABLES = ("MLSPEC_INDEX_URL", "MLSPEC_INDEX_MIRRORS", "MLSPEC_REGISTRY_MIRROR", "MLSPEC_DEBIAN_MIRROR")
ENTRIES = ("pyproject.toml", "pyproject.toml[x]", "pyproject.toml[]", "--group dev", "--group x")


class Cases:
    """A folder for one case, with a method for each kind of case that fills the folder and checks the result.

    The message of a failed assertion begins with the kind of the failure.
    """

    def __init__(self, home: Path) -> None:
        self.folder, self.stubs, self.cache = home / "project", home / "bin", home / "cache"
        self.folder.mkdir()
        self.stubs.mkdir()
        for name, text in (
            ("docker", 'for word; do printf "%s\\0" "$word"; done > "$DUMP"'),
            ("mkdir", ""),
            ("chown", ""),
        ):
            (self.stubs / name).write_text(f"#!/bin/sh\n{text}\n")
            (self.stubs / name).chmod(0o755)
        places = sorted(place for pattern in GIVEN for place in PROJECT.glob(pattern) if place.is_file())
        self.given = [(place, place.read_bytes()) for place in places if place.stat().st_size < 20_000]
        self.locked = [place.parent for place in places if (place.parent / "mlspec.lock").is_file()]
        self.images = self.scripts = 0

    @property
    def kinds(self) -> Mapping[Callable[[Projects], None], int]:
        """The kinds of cases, with their shares in percent."""
        return {
            self.structured: 50,
            self.damaged: 18,
            self.requirements: 10,
            self.project: 6,
            self.forged: 8,
            self.locks: 4,
            self.configuration: 3,
            self.proofs: 1,
        }

    def clear(self) -> None:
        shutil.rmtree(self.folder)
        self.folder.mkdir()

    def write(self, name: str, data: bytes) -> None:
        (self.folder / name).write_bytes(data)

    def structured(self, maker: Projects) -> None:
        raw = maker.spec()
        if maker.chance(0.05):
            self.write("requirements.in", maker.requirements_file())
        self.write("mlspec.yaml", maker.dump(raw))
        self.examine(maker, raw)

    def damaged(self, maker: Projects) -> None:
        place, data = maker.r.choice(self.given)
        if place.parent in self.locked and maker.chance(0.5):
            self.copy(place.parent)
        self.write("mlspec.yaml", maker.damaged(data))
        self.examine(maker)

    def copy(self, folder: Path) -> list[str]:
        """Copy the files beside an example, and return their names."""
        places = [place for place in folder.iterdir() if place.is_file() and place.stat().st_size < 200_000]
        for place in places:
            self.write(place.name, place.read_bytes())
        return sorted(place.name for place in places)

    def requirements(self, maker: Projects) -> None:
        name = maker.one("requirements.in", "requirements.txt")
        self.write(name, maker.requirements_file())
        if maker.chance(0.3):
            self.write("other.in", maker.requirements_file())
        self.write("mlspec.yaml", f"python: 3.12\nrequirements: [{name}]\n".encode())
        self.examine(maker)

    def project(self, maker: Projects) -> None:
        self.write("pyproject.toml", maker.pyproject())
        self.write("mlspec.yaml", f"python: 3.12\nrequirements: ['{maker.one(*ENTRIES)}']\n".encode())
        self.examine(maker)

    def forged(self, maker: Projects) -> None:
        plain: dict[str, object] = {"python": "3.12", "entrypoint": ["python"]}
        raw = maker.spec() if maker.chance(0.3) else plain
        raw["requirements"] = [maker.one("numpy", "x @ https://h/x-1-py3-none-any.whl", "x @ git+https://h/x@main")]
        raw.pop("images", None)
        self.write("mlspec.yaml", maker.dump(raw))
        forge(self.folder, maker)
        self.examine(maker, raw)

    def locks(self, maker: Projects) -> None:
        names = self.copy(maker.r.choice(self.locked))
        name = maker.r.choice([name for name in names if name.endswith(".lock")])
        self.write(name, maker.damaged((self.folder / name).read_bytes(), maker.r.randint(1, 3)))
        self.examine(maker)

    def configuration(self, maker: Projects) -> None:
        data, place = maker.configuration(), str(self.folder / "config.toml")
        self.write("config.toml", data)
        environment = {name: maker.text() for name in VARIABLES}
        found = _problems(lambda: with_variables(parse_configuration(decode(data, place), place), environment))
        # Problems of environment variables (MLS352) have no file.
        check_problems((problem for problem in found if problem.code != "MLS352"), self.folder)
        shown = "\n".join(map(str, found))
        # mlspec cannot recognize a login in an address that the damage cut in two.
        is_whole = data.count(b"hunter2") == data.count(b"https://u:hunter2@h/s")
        assert not is_whole or "hunter2" not in shown, f"secret in a message: {shown[:300]!r}"

    def proofs(self, maker: Projects) -> None:
        """Check that mlspec rejects a damaged proof, and a proof about a file that changed later."""
        self.write("mlspec.yaml", b"python: 3.12\nentrypoint: python x.py\n")
        shutil.rmtree(self.cache, ignore_errors=True)
        before, here = os.environ["MLSPEC_CACHE_DIR"], Path.cwd()
        os.environ["MLSPEC_CACHE_DIR"] = str(self.cache)
        os.chdir(self.folder)
        try:
            _prove_and_damage(maker, self.cache / "proofs")
        finally:
            os.chdir(here)
            os.environ["MLSPEC_CACHE_DIR"] = before

    # The checks of each spec

    def examine(self, maker: Projects, raw: dict[str, object] | None = None) -> None:
        path = self.folder / "mlspec.yaml"
        problems = _problems(lambda: api.check(path, TODAY))
        check_problems(problems, self.folder)
        if maker.chance(0.15):
            check_reports(problems)
        self.render(maker, path, raw, is_right=not any(problem.severity == "error" for problem in problems))
        if maker.chance(0.1):
            self.try_others(path)

    def render(self, maker: Projects, path: Path, raw: dict[str, object] | None, *, is_right: bool) -> None:
        """Render a spec, or outline it without a lock. If check found no error, only a missing lock may be an error."""
        rendered: list[Rendered] = []
        found = _problems(lambda: rendered.append(api.render(path, WISH, today=TODAY)))
        check_problems(found, self.folder)
        if not rendered and is_right:
            others = [str(problem) for problem in found if problem.code != "MLS404"]
            assert not others, f"contradiction: check finds it right, render says {others}"
            rendered.append(api.outline(path, today=TODAY))
        for one in rendered:
            self.read_back(maker, one, raw)

    def read_back(self, maker: Projects, rendered: Rendered, raw: dict[str, object] | None) -> None:
        loaded = rendered.spec
        written = raw if raw and "images" not in raw else {}
        for image, plan in zip(loaded.images, rendered.plans, strict=True):
            self.images += 1
            made = {artifact.path: artifact.text for artifact in emit(plan)}
            text = made[plan.files.dockerfile]
            check_dockerfile(text, image.settings, written)
            if maker.chance(0.1):
                check_second_reader(text)
            check_ignore(made[plan.files.ignore], plan, image.settings)
            if maker.chance(0.3):
                self.scripts += 1
                check_run(self.folder, made[plan.files.run_script], plan, image.settings, self.stubs)
        for target, check in (("compose", check_compose), ("kubernetes", check_kubernetes)):
            if target in loaded.targets:
                (artifact,) = emit_all(rendered.plans, [target])
                check(artifact.text, loaded)

    def try_others(self, path: Path) -> None:
        commands: tuple[Callable[[], object], ...] = (
            lambda: [str(line) for one in api.explain(path).explanations for line in one.lines],
            lambda: parse(api.repair(path, TODAY).document.text, "mlspec.yaml"),
            lambda: api.demand(path),
        )
        for command in commands:
            check_problems(_problems(command), self.folder)


def _problems(command: Callable[[], object]) -> tuple[Problem, ...]:
    """Return the problems that a command returns or raises."""
    try:
        found = command()
    except MlspecError as error:
        return tuple(error.problems)
    return tuple(item for item in found if isinstance(item, Problem)) if isinstance(found, tuple) else ()


def _prove_and_damage(maker: Projects, folder: Path) -> None:
    spec = Path("mlspec.yaml")
    known = proofs.proofs()
    api.write(api.render(spec, LockOptions(unpinned=True)))
    with witness_reads() as witness:
        api.stale(api.render(spec, WISH))
    known.keep(proofs.CHECK, "mlspec.yaml", witness)
    known.save()
    (file,) = folder.iterdir()
    assert proofs.proofs().holds(proofs.CHECK, "mlspec.yaml") is not None, "stale: no proof was kept"
    names = ("mlspec.yaml", "Dockerfile", "run.sh", "mlspec.lock", "Dockerfile.dockerignore")
    victim = maker.one(*map(Path, names), file)
    data, times = victim.read_bytes(), victim.stat()
    changed = maker.damaged(data)
    victim.write_bytes(changed)
    os.utime(victim, ns=(times.st_atime_ns, times.st_mtime_ns))
    is_believed = proofs.proofs().holds(proofs.CHECK, "mlspec.yaml") is not None
    assert changed == data or not is_believed, f"stale: {victim.name} was changed, and its proof is believed"
