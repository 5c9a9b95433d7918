"""Tests of packages in folders of the project: their entries, their builds, and their part of the lock."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement

from mlspec.errors import LockError, SpecError
from mlspec.lock.requirements.collect import RequirementEntry, collect
from mlspec.lock.requirements.local_packages.local_package import LocalPackage
from mlspec.lock.requirements.other_files import Neighbour
from tests.lock.fake_world import FakeWorld

PROJECT = """\
[project]
name = "Our.Tool"
version = "1.0"
readme = "README.md"
dependencies = ["six"]
[project.optional-dependencies]
serve = ["flask"]
"""
HATCHLING = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'


def spec(*entries: str) -> str:
    return "python: 3.12\nrequirements:\n" + "".join(f'- "{entry}"\n' for entry in entries)


@pytest.fixture
def world() -> FakeWorld:
    """A folder with a project that hatchling builds."""
    made = FakeWorld(six="1.17.0", flask="3.1.0", hatchling="1.27.0", editables="0.5", setuptools="80.0")
    made.files |= {"pyproject.toml": PROJECT + HATCHLING, "README.md": "", "LICENSE": ""}
    return made


def local(world: FakeWorld, *entries: str) -> tuple[LocalPackage, ...]:
    return world.update(spec(*entries)).facts[""].local


def build_of(world: FakeWorld, project: str, *files: str) -> LocalPackage:
    """Return the package of ``project``, in a folder with ``files`` beside its pyproject.toml."""
    world.files |= {"pyproject.toml": project} | dict.fromkeys(files, "")
    return local(world, ".")[0]


def problem(world: FakeWorld, *entries: str) -> tuple[str, str, str]:
    with pytest.raises((SpecError, LockError)) as caught:
        world.update(spec(*entries))
    (found,) = caught.value.problems
    return found.code, found.message, found.hint


@pytest.mark.parametrize("entry", [".", "-e .", "--editable=.", "-e ./", "./", "./lib/..", "-e lib/.."])
def test_the_project_is_a_package_and_its_dependencies_are_locked(entry: str, world: FakeWorld) -> None:
    result = world.update(spec(entry))

    assert [(package.path, package.name) for package in result.facts[""].local] == [(".", "our-tool")]
    assert "six==1.17.0" in world.files["requirements.lock"]
    assert "our" not in world.files["requirements.lock"]


def test_a_package_in_the_build_context_is_locked_and_one_outside_is_refused_with_a_hint_that_works(
    world: FakeWorld,
) -> None:
    world.files["../../libs/common/pyproject.toml"] = PROJECT + HATCHLING
    entry = "-e ../../libs/common"
    refused = ("MLS206", "the package in ../../libs/common is outside the folder of the spec")
    hint = "context: ../.."

    assert problem(world, entry) == (*refused, f"to build from the folder above: {hint}")
    result = world.update(f"{spec(entry)}{hint}\n")
    assert [(package.path, package.name) for package in result.facts[""].local] == [("../../libs/common", "our-tool")]


DYNAMIC = """\
[project]
name = "our-tool"
version = "1.0"
dynamic = ["dependencies", "optional-dependencies"]
[tool.setuptools.dynamic]
dependencies = {file = ["needs/all.txt"]}
optional-dependencies.serve = {file = "needs/serve.txt"}
"""


@pytest.mark.parametrize("entry", ["-e .[serve]", "pyproject.toml[serve]"])
def test_requirements_that_setuptools_reads_from_files_are_locked(entry: str, world: FakeWorld) -> None:
    world.files |= {"pyproject.toml": DYNAMIC, "needs/all.txt": "six  # a note\n", "needs/serve.txt": "flask\n"}

    result = world.update(spec(entry))

    assert {"needs/all.txt", "needs/serve.txt"} <= set(result.contents[""].requirements.files)
    assert all(pin in world.files["requirements.lock"] for pin in ("six==1.17.0", "flask==3.1.0"))
    for package in result.facts[""].local:
        assert {"needs/all.txt", "needs/serve.txt"} <= set(package.files)


def test_a_missing_file_of_dynamic_requirements_is_reported_where_the_project_names_it(world: FakeWorld) -> None:
    world.files["pyproject.toml"] = DYNAMIC

    assert problem(world, "-e .")[:2] == ("MLS201", "there is no file needs/all.txt")


def test_dynamic_requirements_of_another_kind_are_refused(world: FakeWorld) -> None:
    world.files["pyproject.toml"] = DYNAMIC.partition("[tool")[0]

    assert problem(world, "-e .")[0] == "MLS208"


def test_extras_of_the_project_are_locked(world: FakeWorld) -> None:
    world.update(spec(".[serve]"))

    assert "flask==3.1.0" in world.files["requirements.lock"]


def test_the_requirements_of_its_build_are_locked_with_hashes(world: FakeWorld) -> None:
    world.update(spec("-e ."))

    part = world.files["requirements.build.lock"].partition("# layer from_project\n")[2]
    assert [line.split()[0] for line in part.splitlines() if "==" in line] == ["hatchling==1.27.0", "editables==0.5"]
    assert part.count("--hash=sha256:") == 2


@pytest.mark.parametrize(("packages", "urls"), [("hatchling", ("https://corp.example/simple",)), ("six", ())])
def test_the_indexes_of_its_build_requirements_are_known(
    packages: str, urls: tuple[str, ...], world: FakeWorld
) -> None:
    index = f"indexes: [{{url: https://corp.example/simple, packages: [{packages}]}}]\n"

    assert world.update(spec("-e .") + index).facts[""].project_indexes == urls


def test_a_project_without_dependencies_is_locked_too_and_once(world: FakeWorld) -> None:
    world.files["pyproject.toml"] = f'[project]\nname = "tool"\nversion = "1"\n{HATCHLING}'
    world.update(spec("-e ."))
    world.forget_questions()

    world.update(spec("-e ."))

    assert world.requests == []


def test_another_build_requirement_makes_the_lock_stale(world: FakeWorld) -> None:
    world.update(spec("-e ."))
    world.files["pyproject.toml"] = PROJECT

    with pytest.raises(SpecError) as caught:
        world.update(spec("-e ."), locked=True)

    assert [found.code for found in caught.value.problems] == ["MLS404"]


def test_other_layers_in_the_spec_keep_the_locked_build(world: FakeWorld) -> None:
    world.update(spec("-e ."))
    former = world.files["requirements.build.lock"]
    world.forget_questions()

    world.update(spec("-e .") + "layers: {own: [six]}\n")

    assert (world.files["requirements.build.lock"], world.requests) == (former, [])


@pytest.mark.parametrize(
    ("tables", "files"),
    [
        ("", ["LICENSE", "README.md", "pyproject.toml"]),
        ('[tool.setuptools.dynamic]\nversion = {attr = "tool.about.version"}', ["src/tool/about.py"]),
        ('[tool.setuptools.dynamic]\nversion = {file = "VERSION"}', ["VERSION"]),
        (f'{HATCHLING}[tool.hatch.version]\npath = "src/tool/about.py"', ["src/tool/about.py"]),
        (
            '[build-system]\nrequires = ["pdm-backend"]\nbuild-backend = "pdm.backend"\n'
            '[tool.pdm.version]\nsource = "file"\npath = "src/tool/about.py"',
            ["src/tool/about.py"],
        ),
    ],
)
def test_a_build_reads_the_files_that_its_tables_name(tables: str, files: list[str], world: FakeWorld) -> None:
    world.newest |= {"pdm-backend": "2.4"}
    there = ("VERSION", "src/tool/about.py", "src/tool/__init__.py", "LICENSE")

    found = build_of(world, f"{PROJECT}{tables}\n", *there)

    assert {*files, "pyproject.toml"} <= set(found.files)
    assert ("src/tool/about.py" in found.files) == ("src/tool/about.py" in files)


def test_flit_reads_the_module_only_for_what_is_dynamic(world: FakeWorld) -> None:
    world.newest |= {"flit-core": "3.12"}
    flit = '[build-system]\nrequires = ["flit_core>=3.2"]\nbuild-backend = "flit_core.buildapi"\n'
    static = build_of(world, f"{PROJECT}{flit}", "src/our_tool/__init__.py")
    dynamic = PROJECT.replace('version = "1.0"', 'dynamic = ["version"]')

    assert "src/our_tool/__init__.py" not in static.files
    assert "src/our_tool/__init__.py" in build_of(world, f"{dynamic}{flit}").files


def test_an_old_setuptools_needs_wheel(world: FakeWorld) -> None:
    world.newest |= {"wheel": "0.45"}
    old = '[build-system]\nrequires = ["setuptools<70"]\n'

    assert build_of(world, PROJECT + old).requires == ("setuptools<70", "wheel")
    assert build_of(world, PROJECT).requires == ("setuptools>=40.8.0",)


def test_an_unknown_backend_is_refused(world: FakeWorld) -> None:
    world.files["pyproject.toml"] = f'{PROJECT}[build-system]\nrequires = ["mine"]\nbuild-backend = "mine.api"\n'

    code, message, hint = problem(world, "-e .")

    assert (code, message) == ("MLS226", "mlspec does not know what the build backend mine.api reads")
    assert hint.endswith("./dist/FILE.whl")


def test_the_code_beside_a_wheel_is_left_out_if_python_would_import_it_first(world: FakeWorld) -> None:
    tables = '[build-system]\nrequires = ["meson-python"]\nbuild-backend = "mesonpy"\n'
    world.files |= {"pyproject.toml": PROJECT + tables, "our_tool/__init__.py": ""}

    assert problem(world, "-e .")[2].endswith('include: [., "!our_tool"]')


@pytest.mark.parametrize(
    ("tables", "compiler"),
    [
        ('[build-system]\nrequires = ["meson-python"]\nbuild-backend = "mesonpy"', "meson-python"),
        ('[build-system]\nrequires = ["maturin>=1"]\nbuild-backend = "maturin"', "maturin"),
        (
            '[build-system]\nrequires = ["scikit-build-core"]\nbuild-backend = "scikit_build_core.build"',
            "scikit-build-core",
        ),
        ('[build-system]\nrequires = ["setuptools", "setuptools-rust>=1.7"]', "setuptools-rust"),
        (f'{HATCHLING}[tool.hatch.build.hooks.cython]\ndependencies = ["hatch-cython"]', "hatch-cython"),
        (
            '[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n'
            '[tool.poetry.build]\nscript = "build_it.py"',
            "build_it.py",
        ),
        (
            '[build-system]\nrequires = ["pdm-backend"]\nbuild-backend = "pdm.backend"\n'
            "[tool.pdm.build]\nrun-setuptools = true",
            "setup.py",
        ),
    ],
)
def test_a_package_that_others_than_setuptools_compile_is_refused_and_its_wheel_is_named(
    tables: str, compiler: str, world: FakeWorld
) -> None:
    world.files["libs/fast/pyproject.toml"] = f"{PROJECT}{tables}\n"

    assert problem(world, "-e libs/fast") == (
        "MLS226",
        f"{compiler} compiles our-tool; mlspec compiles packages of the project by setuptools",
        "make a wheel of it on the Python and the Debian of the image: pip wheel --no-deps --wheel-dir dist ./libs/fast"
        "\nand name it here: ./dist/FILE.whl",
    )


WHEEL = (
    "\nor, to keep the version of git, make a wheel of it on the Python and the Debian of the image: "
    "pip wheel --no-deps --wheel-dir dist .\nand name it in the spec: ./dist/FILE.whl"
)
WRITTEN = 'write it in this file: [project] version = "1.0.0"; remove "version" from dynamic; '


@pytest.mark.parametrize(
    ("reader", "tables", "advice"),
    [
        (
            "setuptools-scm",
            '[build-system]\nrequires = ["setuptools", "setuptools_scm>=8"]\n[tool.setuptools_scm]\n',
            "remove setuptools-scm from requires; remove [tool.setuptools_scm]",
        ),
        (
            "hatch-vcs",
            '[build-system]\nrequires = ["hatchling", "hatch-vcs"]\nbuild-backend = "hatchling.build"\n'
            '[tool.hatch]\nversion.source = "vcs"\nbuild.hooks.vcs.version-file = "v.py"\n',
            "remove hatch-vcs from requires; remove [tool.hatch.version], [tool.hatch.build.hooks.vcs]",
        ),
        (
            "pdm-backend",
            '[build-system]\nrequires = ["pdm-backend"]\nbuild-backend = "pdm.backend"\n'
            '[tool.pdm]\nversion.source = "scm"\n',
            "remove [tool.pdm.version]",
        ),
        (
            "poetry-dynamic-versioning",
            '[build-system]\nrequires = ["poetry-core", "poetry-dynamic-versioning"]\n'
            'build-backend = "poetry_dynamic_versioning.backend"\n',
            'write [build-system] requires = ["poetry-core"], build-backend = "poetry.core.masonry.api"',
        ),
        (
            "flit-scm",
            '[build-system]\nrequires = ["flit_scm"]\nbuild-backend = "flit_scm:buildapi"\n',
            'write [build-system] requires = ["flit_core"], build-backend = "flit_core.buildapi"',
        ),
    ],
)
def test_a_version_from_git_is_refused_with_what_to_write_and_remove(
    reader: str, tables: str, advice: str, world: FakeWorld
) -> None:
    world.files["pyproject.toml"] = PROJECT.replace('version = "1.0"', 'dynamic = ["version"]') + tables

    assert problem(world, "-e .") == (
        "MLS227",
        f"{reader} reads the version of our-tool from git, which is not in the image",
        f"{WRITTEN}{advice}{WHEEL}",
    )


def test_a_reader_that_asks_git_in_spite_of_a_written_version_has_to_go(world: FakeWorld) -> None:
    build = '[build-system]\nrequires = ["setuptools", "versioningit"]\n'
    world.files["pyproject.toml"] = PROJECT + build

    assert "; remove versioningit from requires\n" in problem(world, "-e .")[2]
    world.files["pyproject.toml"] = PROJECT + build.replace("versioningit", "setuptools_scm")
    world.newest |= {"setuptools-scm": "9"}
    assert local(world, "-e .")[0].name == "our-tool"


def test_a_version_from_git_in_setup_files_is_refused_with_a_hint_for_these(world: FakeWorld) -> None:
    del world.files["pyproject.toml"]
    world.files["setup.py"] = 'setup(name="our-tool", use_scm_version=True, setup_requires=["setuptools_scm"])\n'

    code, _, hint = problem(world, "-e .")

    written = (
        'write it in setup.py: version="1.0.0" in setup(), and remove setuptools-scm there and from pyproject.toml'
    )
    assert (code, hint.startswith(written)) == ("MLS227", True)


def test_the_same_name_from_an_index_is_a_conflict(world: FakeWorld) -> None:
    world.newest |= {"our-tool": "9.0"}

    assert problem(world, "-e .", "our-tool") == (
        "MLS228",
        "our-tool is the package in ., but the requirements ask for our-tool==9.0 as well",
        "remove one of them; if the two are different packages, give that of the project another name",
    )


def test_a_folder_is_no_constraint(world: FakeWorld) -> None:
    world.files["limits.txt"] = "-e .\n"

    assert problem(world, "-c limits.txt")[:2] == ("MLS226", "a folder is not a constraint")


def test_a_setup_script_tells_what_it_reads_and_that_it_compiles(world: FakeWorld) -> None:
    world.files["setup.py"] = (
        "import os\nfrom setuptools import Extension, setup\n"
        'here = os.path.dirname(__file__)\nversion = open(os.path.join(here, "src", "our_tool", "about.py")).read()\n'
        'setup(ext_modules=[Extension("our_tool._fast", ["src/fast.c"])])\n'
    )
    world.files |= dict.fromkeys(["src/our_tool/about.py", "src/fast.c", "src/our_tool/other.py"], "")
    world.files["pyproject.toml"] = PROJECT

    (found,) = local(world, "-e .")

    assert found.is_compiled
    assert {"setup.py", "src/our_tool/about.py", "src/fast.c"} <= set(found.files)
    assert "src/our_tool/other.py" not in found.files


def test_a_package_of_the_project_that_another_requires_comes_from_its_folder(world: FakeWorld) -> None:
    world.files["pyproject.toml"] = PROJECT.replace('["six"]', '["six", "our_common"]')
    world.files["libs/common/pyproject.toml"] = '[project]\nname = "our-common"\nversion = "1"\n'

    result = world.update(spec("-e .", "./libs/common"))

    assert [package.path for package in result.facts[""].local] == [".", "libs/common"]
    assert "our-common" not in world.files["requirements.lock"]


COMMON = '[project]\nname = "our-common"\nversion = "1.4"\n'


@pytest.mark.parametrize(
    ("bound", "file"),
    [("our_common>=2", "pyproject.toml"), ("our-common~=1.2,!=1.4", "pyproject.toml"), ("our-common<1", "limits.txt")],
)
def test_a_bound_that_excludes_the_version_in_a_folder_is_an_error_at_its_line(
    bound: str, file: str, world: FakeWorld
) -> None:
    world.files |= {"libs/common/pyproject.toml": COMMON, "limits.txt": "six\n"}
    world.files[file] = world.files[file].replace("six", bound if file == "limits.txt" else f'six", "{bound}')

    with pytest.raises(SpecError) as caught:
        world.update(spec("-e .", "./libs/common", "-c limits.txt"))

    (found,) = caught.value.problems
    specifier = Requirement(bound).specifier
    assert (found.code, found.file) == ("MLS246", file)
    assert found.message == f"our-common has to be {specifier}, but the package in libs/common is 1.4"
    assert found.hint == "change this line, or the version in libs/common/pyproject.toml"


def test_a_bound_that_the_version_in_a_folder_fits_asks_no_index(world: FakeWorld) -> None:
    world.files |= {"libs/common/pyproject.toml": COMMON, "limits.txt": "our-common<2\n"}
    world.files["pyproject.toml"] = PROJECT.replace('["six"]', '["six", "our-common>=1.2"]')

    result = world.update(spec("-e .", "./libs/common", "-c limits.txt"))

    assert [package.path for package in result.facts[""].local] == [".", "libs/common"]
    assert "our-common" not in world.files["requirements.lock"]


def test_a_bound_on_a_source_of_uv_counts(world: FakeWorld) -> None:
    world.files["libs/common/pyproject.toml"] = COMMON
    source = '[tool.uv.sources]\nour-common = {path = "libs/common"}\n'
    world.files["pyproject.toml"] = PROJECT.replace('["six"]', '["our-common>=2"]') + source

    assert problem(world, "-e .")[:2] == (
        "MLS246",
        "our-common has to be >=2, but the package in libs/common is 1.4",
    )


POETRY = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "poetry.core.masonry.api"\n'


@pytest.mark.parametrize(
    ("tables", "more"),
    [
        ('[project.scripts]\ntidy = "p:main"\n', {}),
        ('[project.gui-scripts]\ntidy = "p:main"\n', {}),
        (f'[tool.poetry.scripts]\ntidy = "p:main"\n{POETRY}', {}),
        ("", {"setup.cfg": "[options.entry_points]\nconsole_scripts =\n    tidy = p:main\n"}),
        ("", {"setup.py": 'setup(entry_points={"console_scripts": ["tidy=p:main"]})\n'}),
        ("", {"setup.py": 'setup(entry_points="[console_scripts]\\ntidy=p:main\\n[other]\\nx=p:main")\n'}),
        ("", {"setup.py": 'setup(scripts=["bin/tidy"])\n'}),
    ],
)
def test_the_commands_of_a_project_are_known(tables: str, more: dict[str, str], world: FakeWorld) -> None:
    world.files |= more

    assert build_of(world, f'[project]\nname = "tool"\nversion = "1"\n{tables}').commands == ("tidy",)


@pytest.mark.parametrize("more", [{"setup.cfg": "[options"}, {"setup.py": "setup("}, {"setup.py": "setup(**a)"}])
def test_a_damaged_or_computed_setup_has_no_known_commands(more: dict[str, str], world: FakeWorld) -> None:
    world.files |= more

    assert build_of(world, '[project]\nname = "tool"\nversion = "1"\n').commands == ()


SETUP_CFG = """\
[metadata]
name = our-tool
version = attr: our_tool.about.version
long_description = file: README.md
[options]
package_dir =
    =src
install_requires =
    six  # a note
[options.extras_require]
serve = flask
"""
SETUP_PY = """\
from setuptools import setup
REQUIRED = ["six"]
setup(name="our-tool", version="1.0", install_requires=REQUIRED, extras_require={"serve": ["flask"]})
"""


@pytest.mark.parametrize(
    "files",
    [
        {"setup.cfg": SETUP_CFG, "setup.py": "import setuptools\nsetuptools.setup()\n"},
        {"setup.cfg": SETUP_CFG, "pyproject.toml": '[build-system]\nrequires = ["setuptools"]\n'},
        {
            "setup.cfg": SETUP_CFG.replace("\n    six  # a note", " file: needs.txt"),
            "needs.txt": "six\n",
            "setup.py": "import setuptools\nsetuptools.setup()\n",
        },
        {"setup.py": SETUP_PY},
    ],
)
def test_a_project_of_setup_files_is_a_package(files: dict[str, str], world: FakeWorld) -> None:
    del world.files["pyproject.toml"]
    world.files |= {**files, "src/our_tool/about.py": ""}

    (package,) = world.update(spec("-e .[serve]")).facts[""].local

    assert (package.path, package.name, len(package.requires)) == (".", "our-tool", 1)
    assert {name for name in files if not name.startswith("src/")} <= set(package.files)
    assert ("src/our_tool/about.py" in package.files) == ("setup.cfg" in files)
    assert all(pin in world.files["requirements.lock"] for pin in ("six==1.17.0", "flask==3.1.0"))


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (SETUP_PY.replace("=REQUIRED", "=open('needs.txt').read().split()"), "computes install_requires"),
        (SETUP_PY.replace("setup(", "REQUIRED.append('x')\nsetup("), "computes install_requires"),
        ("setup(name='x', **rest)", "computes the arguments of setup()"),
        ("setup(version='1')", "does not name its package"),
    ],
)
def test_a_computed_setup_script_is_refused_with_a_hint_that_works(script: str, said: str, world: FakeWorld) -> None:
    del world.files["pyproject.toml"]
    world.files["setup.py"] = script

    code, message, hint = problem(world, "-e .")

    assert (code, said in message) == ("MLS226", True)
    world.files["pyproject.toml"] = hint.partition("beside it:\n")[2].replace("NAME", "six")
    assert local(world, "-e .")


def test_setup_cfg_alone_is_refused_as_by_pip_with_a_hint_that_works(world: FakeWorld) -> None:
    del world.files["pyproject.toml"]
    world.files["setup.cfg"] = SETUP_CFG

    code, _, hint = problem(world, "-e .")

    assert code == "MLS226"
    world.files["pyproject.toml"] = hint.partition("beside it:\n")[2]
    assert local(world, "-e .")


@pytest.mark.parametrize("file", ["pyproject.toml", "setup.py"])
def test_the_hint_for_a_package_that_is_named_without_a_dot_works(file: str, world: FakeWorld) -> None:
    world.files[f"libs/common/{file}"] = COMMON if file == "pyproject.toml" else 'setup(name="our-common")\n'

    hint = problem(world, "libs/common")[2]

    assert hint == "to install the package in it write: ./libs/common"
    assert local(world, "./libs/common")[0].name == "our-common"


def test_setup_files_are_read_once() -> None:
    files = {"setup.cfg": SETUP_CFG, "setup.py": "import setuptools\nsetuptools.setup()\n"}
    read: list[str] = []

    def note(path: str) -> str:
        read.append(path)
        if path not in files:
            raise FileNotFoundError(path)
        return files[path]

    found = collect(
        [RequirementEntry("-e .", ("requirements",))],
        note,
        "mlspec.yaml",
        lambda path: Neighbour("file" if path in files else ""),
    )

    assert [package.name for package in found.local] == ["our-tool"]
    assert sorted(path for path in read if path in files) == ["setup.cfg", "setup.py"]


def test_a_requirement_in_setup_cfg_is_reported_at_its_line(world: FakeWorld) -> None:
    del world.files["pyproject.toml"]
    world.files |= {"setup.cfg": SETUP_CFG.replace("six", "no such"), "setup.py": "import setuptools"}

    with pytest.raises(SpecError) as caught:
        world.update(spec("-e ."))

    (found,) = caught.value.problems
    assert (found.file, found.span and found.span.line) == ("setup.cfg", 9)


@pytest.mark.parametrize(
    "tables",
    [
        "our-common = {path = 'libs/common', editable = true}\n",
        "our-common = {workspace = true}\n[tool.uv.workspace]\nmembers = ['libs/*']\n",
    ],
)
@pytest.mark.parametrize("entry", ["-e .", "pyproject.toml"])
def test_a_source_of_uv_in_the_project_is_a_package_of_it(tables: str, entry: str, world: FakeWorld) -> None:
    needs = PROJECT.replace('["six"]', '["our_common[fast]>=1"]')
    world.files["pyproject.toml"] = f"{needs}[tool.uv.sources]\n{tables}"
    common = '[project]\nname = "our-common"\nversion = "1"\noptional-dependencies.fast = ["six"]\n'
    # Two packages may require each other.
    back = "dependencies = ['our-tool']\n[tool.uv.sources]\nour-tool = {path = '../..'}\n"
    world.files["libs/common/pyproject.toml"] = common + back

    result = world.update(spec(entry))

    assert {package.path for package in result.facts[""].local} == {".", "libs/common"}
    assert "six==1.17.0" in world.files["requirements.lock"]
    assert "our-" not in world.files["requirements.lock"]


def test_a_source_of_uv_outside_the_build_context_is_refused_with_a_hint_that_works(world: FakeWorld) -> None:
    table = "[tool.uv.sources]\nour-common = {path = '../common'}\n"
    world.files["pyproject.toml"] = PROJECT.replace('["six"]', '["our-common"]') + table
    world.files["../common/pyproject.toml"] = '[project]\nname = "our-common"\nversion = "1"\n'

    assert problem(world, "-e .")[2] == "to build from the folder above: context: .."
    world.update(spec("-e .") + "context: ..\n")


def test_a_source_of_uv_for_another_platform_is_no_package_of_the_image(world: FakeWorld) -> None:
    table = "[tool.uv.sources]\nour-common = {path = 'libs/common'}\n"
    world.files["libs/common/pyproject.toml"] = '[project]\nname = "our-common"\nversion = "1"\n'
    needs = """["six", "our-common; sys_platform == 'win32'"]"""
    world.files["pyproject.toml"] = PROJECT.replace('["six"]', needs) + table

    assert [package.path for package in local(world, "-e .")] == ["."]
