"""Tests of images with the project itself as an installed package, for each build backend."""

from __future__ import annotations

import json
import subprocess
import textwrap
import zipfile
from pathlib import Path

import pytest

from mlspec import api
from mlspec.errors import SpecError
from mlspec.lock.state import LockOptions
from mlspec.plan.plan import Plan
from mlspec.targets import run_script
from mlspec.targets.build_options import BuildOptions
from tests.engine.conftest import PREFIX

pytestmark = pytest.mark.engine

BACKENDS = {
    "setuptools": ("setuptools>=64", "setuptools.build_meta"),
    "hatchling": ("hatchling", "hatchling.build"),
    "flit": ("flit_core>=3.2", "flit_core.buildapi"),
    "poetry": ("poetry-core>=2", "poetry.core.masonry.api"),
    "pdm": ("pdm-backend", "pdm.backend"),
    "uv": ("uv_build", "uv_build"),
}
SPEC = """\
python: 3.12
name: {name}
requirements: [-e .{others}]
entrypoint: {entrypoint}
"""
PROJECT = """\
[project]
name = "our-tool"
version = "1.2.3"
description = "A tool."
dependencies = ["six"]
[project.scripts]
our-tool = "our_tool.show:main"
[project.entry-points."our.plugins"]
first = "our_tool.show:main"
[build-system]
requires = ["{requires}"]
build-backend = "{backend}"
"""
SETUP_CFG = """\
[metadata]
name = our-tool
version = attr: our_tool.about.__version__
[options]
packages = find:
package_dir =
    =src
install_requires = six
[options.packages.find]
where = src
[options.entry_points]
console_scripts = our-tool = our_tool.show:main
our.plugins = first = our_tool.show:main
"""
SHOW = """\
from importlib import metadata, resources


def main():
    (plugin,) = metadata.entry_points(group="our.plugins")
    text = resources.files("our_tool").joinpath("data.txt").read_text().strip()
    print(metadata.version("our-tool"), plugin.load() is main, text)
"""
FAST = """\
#include <Python.h>
static PyObject *answer(PyObject *self, PyObject *unused) { return PyLong_FromLong(42); }
static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, ""}, {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_fast", 0, -1, methods};
PyMODINIT_FUNC PyInit__fast(void) { return PyModule_Create(&module); }
"""


PLAIN = BuildOptions(progress="plain")


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(textwrap.dedent(text))


def write_project(folder: Path, name: str, backend: str, *, entrypoint: str = "our-tool", others: str = "") -> Plan:
    requires, module = BACKENDS[backend]
    write(
        folder,
        {
            "mlspec.yaml": SPEC.format(name=f"{PREFIX}-{name}", entrypoint=entrypoint, others=others),
            "pyproject.toml": PROJECT.format(requires=requires, backend=module),
            "src/our_tool/__init__.py": '"""A tool."""\n',
            "src/our_tool/show.py": SHOW,
            "src/our_tool/data.txt": "data\n",
        },
    )
    return render(folder)


def render(folder: Path) -> Plan:
    rendered = api.render(folder / "mlspec.yaml", LockOptions())
    api.write(rendered)
    return rendered.plans[0]


def build(folder: Path, plan: Plan, options: BuildOptions = PLAIN) -> str:
    command = run_script.build_command(plan, options)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


def run(folder: Path) -> str:
    return subprocess.run([folder / "run.sh"], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("backend", BACKENDS)
def test_metadata_commands_plugins_and_data_of_the_project_work(backend: str, registry: str, tmp_path: Path) -> None:
    plan = write_project(tmp_path, f"project-{backend}", backend)

    build(tmp_path, plan)

    assert run(tmp_path) == "1.2.3 True data"


def test_a_project_without_pyproject_toml_works(registry: str, tmp_path: Path) -> None:
    plan = write_project(tmp_path, "project-cfg", "setuptools")
    (tmp_path / "pyproject.toml").unlink()
    script = "from setuptools import setup\n\nsetup()\n"
    write(tmp_path, {"setup.cfg": SETUP_CFG, "setup.py": script, "src/our_tool/about.py": '__version__ = "1.2.3"\n'})
    plan = render(tmp_path)

    build(tmp_path, plan)

    assert run(tmp_path) == "1.2.3 True data"


def test_two_builds_without_a_cache_give_one_image(registry: str, tmp_path: Path) -> None:
    plan = write_project(tmp_path, "project-twice", "hatchling")
    digests = []
    for number in range(2):
        metadata = tmp_path.parent / f"metadata{number}.json"
        build(tmp_path, plan, BuildOptions(progress="plain", no_cache=True, metadata_file=str(metadata)))
        digests.append(json.loads(metadata.read_text())["containerimage.config.digest"])

    assert digests[0] == digests[1]


def test_an_edit_of_the_code_installs_nothing(registry: str, tmp_path: Path) -> None:
    plan = write_project(tmp_path, "project-edit", "hatchling")
    build(tmp_path, plan)
    write(tmp_path, {"src/our_tool/show.py": SHOW.replace("print(", 'print("edited",')})

    said = build(tmp_path, plan)

    steps = {line.split(" ")[0] for line in said.splitlines() if " [project " in line}
    assert steps
    assert all(f"{step} CACHED" in said.splitlines() for step in steps)
    assert run(tmp_path) == "edited 1.2.3 True data"


def test_the_tests_of_the_project_run_in_the_image(registry: str, tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_tool.py").write_text(
        "from our_tool.show import main\n\ndef test_main(capsys):\n    main()\n    assert capsys.readouterr().out\n"
    )
    plan = write_project(
        tmp_path, "project-tests", "hatchling", entrypoint="pytest -q -p no:cacheprovider", others=", pytest"
    )

    build(tmp_path, plan)

    assert run(tmp_path).splitlines()[-1].startswith("1 passed")


def test_a_module_in_c_is_compiled_and_stands_beside_the_code(registry: str, tmp_path: Path) -> None:
    files = {
        "setup.py": 'from setuptools import Extension, setup\nsetup(ext_modules=[Extension("our_tool._fast", '
        '["src/our_tool/_fast.c"])])\n',
        "src/our_tool/_fast.c": FAST,
    }
    write(tmp_path, files)
    plan = write_project(
        tmp_path, "project-c", "setuptools", entrypoint='python -c "import our_tool._fast as f; print(f.answer())"'
    )

    build(tmp_path, plan)

    assert run(tmp_path) == "42"


def write_wheel(folder: Path, version: str) -> None:
    """Write a wheel of version 1.0 whose program prints ``version``."""
    (folder / "dist").mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / "dist" / "own_lib-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(
            "own_lib.py",
            "from importlib.metadata import version\nimport six\n\n"
            f'def main():\n    print(version("own-lib"), "{version}", __file__)\n',
        )
        wheel.writestr("own_lib-1.0.dist-info/METADATA", "Name: own-lib\nVersion: 1.0\nRequires-Dist: six\n")
        wheel.writestr("own_lib-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("own_lib-1.0.dist-info/entry_points.txt", "[console_scripts]\nown-lib = own_lib:main\n")
        wheel.writestr("own_lib-1.0.dist-info/RECORD", "")


def test_a_wheel_of_the_project_is_installed_and_its_other_bytes_make_the_lock_stale(
    registry: str, tmp_path: Path
) -> None:
    text = f"python: 3.12\nname: {PREFIX}-wheel\nrequirements: ./dist/own_lib-1.0-py3-none-any.whl\n"
    write(tmp_path, {"mlspec.yaml": f"{text}include: [src]\nentrypoint: own-lib\n", "src/__init__.py": ""})
    write_wheel(tmp_path, "first")
    plan = render(tmp_path)
    build(tmp_path, plan)

    assert run(tmp_path) == "1.0 first /opt/venv/lib/python3.12/site-packages/own_lib.py"
    write_wheel(tmp_path, "second")
    with pytest.raises(SpecError) as caught:
        api.render(tmp_path / "mlspec.yaml", LockOptions(locked=True))
    assert [problem.code for problem in caught.value.problems] == ["MLS404"]
    build(tmp_path, render(tmp_path))
    assert run(tmp_path).split()[:2] == ["1.0", "second"]
