"""Builds that compile a package of the project by other tools than setuptools: a stage of mlspec's cannot run them."""

from __future__ import annotations

from mlspec.errors import Problem
from mlspec.lock.requirements.other_files import Look
from mlspec.lock.requirements.requirement_texts import find_name
from mlspec.lock.requirements.sources.source_tables import TomlText
from mlspec.spec.place import Place

# The modules of backends that compile; all others are build requirements that do so for another backend.
_BACKENDS = {"mesonpy": "meson-python", "scikit_build_core": "scikit-build-core", "maturin": "maturin"}
_HELPERS = frozenset({"scikit-build", "scikit-build-core", "setuptools-rust", "hatch-cython", "hatch-mypyc"})


def advise_wheel(name: str, folder: str, look: Look) -> str:
    """Return how to name a wheel in place of the package ``name`` in ``folder``."""
    made = f"pip wheel --no-deps --wheel-dir dist {folder if folder == '.' else f'./{folder}'}"
    lines = [
        f"make a wheel of it on the Python and the Debian of the image: {made}",
        "and name it here: ./dist/FILE.whl",
    ]
    module = name.replace("-", "_")
    if folder == "." and look(module).kind == "folder":
        lines.append(f'and leave out its code, which Python would import first: include: [., "!{module}"]')
    return "\n".join(lines)


def refuse_compiler(toml: TomlText, requires: tuple[str, ...], folder: str, place: Place, look: Look) -> Problem | None:
    """Return the problem of a package whose build compiles it, but not by setuptools; None for any other package."""
    module = str(toml.value("build-system", "build-backend") or "").partition(":")[0].partition(".")[0]
    helper = next((name for text in requires if (name := find_name(text)) in _HELPERS), "")
    compiler = _BACKENDS.get(module) or helper or _find_script(toml)
    if not compiler:
        return None
    message = f"{compiler} compiles {toml.name or 'the package'}; mlspec compiles packages of the project by setuptools"
    return place.problem("MLS226", message, advise_wheel(toml.name, folder, look))


def _find_script(toml: TomlText) -> str:
    """Return the build script of poetry or pdm; empty without one."""
    build = toml.value("tool", "poetry", "build")
    script = build.get("script", "") if isinstance(build, dict) else build
    if isinstance(script, str) and script:
        return script
    return "setup.py" if toml.value("tool", "pdm", "build", "run-setuptools") else ""
