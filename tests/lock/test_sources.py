"""Tests of the tables of a pyproject.toml about sources of packages: applied, or refused at their lines."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from mlspec.errors import LockError, Problem, SpecError
from mlspec.facts.accelerator import parse_accelerator
from mlspec.lock.pins import LockTarget
from mlspec.lock.requirements.collect import RequirementEntry, collect
from mlspec.lock.requirements.indexes import Index
from mlspec.lock.requirements.requirement_types import Requirements, Stated
from mlspec.lock.requirements.sources.source_tables import Conditions
from mlspec.lock.requirements.toml_places import find_places
from tests.support.compiling import compile_requirements
from tests.support.index import PackageIndex, serving, wheel

TARGET = LockTarget(python="3.12.4", platform="linux/amd64", glibc="2.36")
CORP = '[[tool.uv.index]]\nname = "corp"\nurl = "https://corp.example/simple"\nexplicit = true\n'
BOTH = Conditions(platforms=("linux/amd64", "linux/arm64"))


def project(*dependencies: str) -> str:
    listed = ", ".join(f'"{text}"' for text in dependencies)
    return f'[project]\nname = "app"\nversion = "1"\ndependencies = [{listed}]\n'


def collected(text: str, *entries: str, conditions: Conditions | None = None) -> Requirements:
    named = [RequirementEntry(entry, ("requirements", n)) for n, entry in enumerate(entries or ("pyproject.toml",))]
    return collect(named, reading({"pyproject.toml": text}), "mlspec.yaml", conditions=conditions)


def reading(files: Mapping[str, str]) -> Callable[[str], str]:
    def read(path: str) -> str:
        if path not in files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return files[path]

    return read


def refused(text: str, *entries: str, conditions: Conditions | None = None) -> list[Problem]:
    with pytest.raises(SpecError) as caught:
        collected(text, *entries, conditions=conditions)
    return list(caught.value.problems)


def lines(requirements: Requirements) -> list[str]:
    return [requirement.text for requirement in requirements.requirements]


def place(problem: Problem) -> tuple[str, str, str]:
    """Return the code and the file of a problem, and the text at its place."""
    assert problem.span
    return problem.code, problem.file, problem.excerpt[problem.span.column - 1 : problem.span.end_column - 1]


# Places


def test_every_key_and_item_of_a_toml_text_has_a_place() -> None:
    text = '''# [no.table]
title = "a # no comment"
"a.b".c = """
[not.a.table]
"""
[tool.uv.sources]
one = { git = "x", rev = '#"' } # why
two = [
  { index = "a" },  # first
  { index = "b" },
]
[[tool.uv.index]]
name = "a"
[[tool.uv.index]]
name = "b"
[tool.uv.index.more]
day = 2026-11-30 10:00:00
'''
    found = {path: (span.line, span.column, span.end_column) for path, span in find_places(text).items()}

    assert found == {
        ("title",): (2, 1, 25),
        ("a.b", "c"): (3, 1, 14),
        ("tool", "uv", "sources"): (6, 1, 18),
        ("tool", "uv", "sources", "one"): (7, 1, 32),
        ("tool", "uv", "sources", "one", "git"): (7, 9, 18),
        ("tool", "uv", "sources", "one", "rev"): (7, 20, 30),
        ("tool", "uv", "sources", "two"): (8, 1, 8),
        ("tool", "uv", "sources", "two", 0): (9, 3, 18),
        ("tool", "uv", "sources", "two", 0, "index"): (9, 5, 16),
        ("tool", "uv", "sources", "two", 1): (10, 3, 18),
        ("tool", "uv", "sources", "two", 1, "index"): (10, 5, 16),
        ("tool", "uv", "index", 0): (12, 1, 18),
        ("tool", "uv", "index", 0, "name"): (13, 1, 11),
        ("tool", "uv", "index", 1): (14, 1, 18),
        ("tool", "uv", "index", 1, "name"): (15, 1, 11),
        ("tool", "uv", "index", 1, "more"): (16, 1, 21),
        ("tool", "uv", "index", 1, "more", "day"): (17, 1, 26),
    }


def test_a_dependency_is_placed_in_its_own_list_and_not_where_its_text_comes_first() -> None:
    text = '# "torch=2"\n' + project("numpy") + '[project.optional-dependencies]\ngpu = ["torch=2"]\n'

    (problem,) = refused(text, "pyproject.toml[gpu]")

    assert problem.span
    assert (problem.span.line, place(problem)) == (7, ("MLS203", "pyproject.toml", '"torch=2"'))


def test_a_file_that_is_no_toml_is_told_at_its_line_and_column() -> None:
    (problem,) = refused('[project]\nname = "x\n')

    assert problem.span
    assert (problem.file, problem.span.line, problem.code) == ("pyproject.toml", 2, "MLS208")


# uv's sources


def test_an_index_of_its_own_serves_its_package_and_no_other() -> None:
    text = project("ownlib>=1", "six") + CORP + '[tool.uv.sources]\nOwnLib = { index = "corp" }\n'

    found = collected(text)

    assert lines(found) == ["ownlib>=1", "six"]
    assert found.indexes == (Index(url="https://corp.example/simple", packages=("ownlib",)),)


@pytest.mark.parametrize(
    ("table", "address"),
    [
        ('{ git = "https://git.example/x", rev = "v1" }', "git+https://git.example/x@v1"),
        ('{ git = "https://git.example/x", tag = "v1" }', "git+https://git.example/x@v1"),
        ('{ git = "https://git.example/x.git", branch = "main" }', "git+https://git.example/x.git@main"),
        ('{ git = "ssh://git@git.example/x", subdirectory = "y" }', "git+ssh://git@git.example/x#subdirectory=y"),
        ('{ url = "https://files.example/x-1.zip" }', "https://files.example/x-1.zip"),
        (
            '[{ url = "https://files.example/x-1.zip", marker = "sys_platform == \'linux\'" }]',
            "https://files.example/x-1.zip",
        ),
    ],
)
def test_a_repository_or_an_archive_takes_the_place_of_the_index(table: str, address: str) -> None:
    found = collected(project("x[all]>=1 ; python_version > '3'") + f"[tool.uv.sources]\nx = {table}\n")

    assert lines(found) == [f'x[all] @ {address} ; python_version > "3"']
    assert [constraint.text for constraint in found.constraints] == ["x>=1"]


@pytest.mark.parametrize("source", ["{ path = '../x' }", "{ path = 'x', editable = true }", "{ workspace = true }"])
def test_code_of_a_folder_is_refused_at_its_line(source: str) -> None:
    (problem,) = refused(project("x", "six") + f"[tool.uv.sources]\nx = {source}\n")

    assert place(problem) == ("MLS216", "pyproject.toml", f"x = {source}")


def test_a_source_that_is_for_another_platform_or_extra_changes_nothing() -> None:
    text = project("x") + (
        "[project.optional-dependencies]\ngpu = ['x']\n[tool.uv.sources]\nx = [\n"
        "  { path = '../x', marker = \"sys_platform == 'darwin'\" },\n"
        "  { url = 'https://files.example/x-1.zip', extra = 'gpu' },\n]\n"
    )

    assert lines(collected(text)) == ["x"]
    assert lines(collected(text, "pyproject.toml[gpu]")) == ["x @ https://files.example/x-1.zip"]


def test_a_source_for_one_of_two_platforms_is_taken_there_alone() -> None:
    text = project("x") + (
        "[tool.uv.sources]\nx = { url = 'https://files.example/x-1.zip', marker = \"platform_machine == 'aarch64'\" }\n"
    )

    assert lines(collected(text)) == ["x"]
    assert lines(collected(text, conditions=BOTH)) == [
        'x @ https://files.example/x-1.zip ; platform_machine == "aarch64"',
        'x ; platform_machine == "x86_64"',
    ]


def test_an_index_for_one_of_two_platforms_is_refused() -> None:
    text = (
        project("x") + CORP + "[tool.uv.sources]\nx = { index = 'corp', marker = \"platform_machine == 'aarch64'\" }\n"
    )

    assert [problem.code for problem in refused(text, conditions=BOTH)] == ["MLS217"]


def test_sources_that_the_project_itself_turns_off_are_off() -> None:
    text = project("x") + "[tool.uv]\nno-sources = true\n[tool.uv.sources]\nx = { path = 'x' }\n"

    assert lines(collected(text)) == ["x"]


OFF = "[tool.uv.sources]\nx = { path = 'x' }\ny = { url = 'https://corp.example/y-1.tar.gz' }\n"


@pytest.mark.parametrize(
    ("settings", "uv_toml", "wanted"),
    [
        ("", "no-sources = true", ["x", "y"]),
        ("no-sources-package = ['X']", None, ["x", "y @ https://corp.example/y-1.tar.gz"]),
        ("", "no-sources-package = ['x']", ["x", "y @ https://corp.example/y-1.tar.gz"]),
        ("no-sources = true", "no-sources-package = ['x']", ["x", "y @ https://corp.example/y-1.tar.gz"]),
    ],
)
def test_sources_are_off_by_the_settings_that_uv_reads(settings: str, uv_toml: str | None, wanted: list[str]) -> None:
    """The expected result is that of uv 0.13.9; a uv.toml replaces the settings in the project."""
    files = {"pyproject.toml": f"{project('x', 'y')}[tool.uv]\n{settings}\n{OFF}"}
    files |= {"uv.toml": uv_toml} if uv_toml else {}

    assert lines(collect([RequirementEntry("pyproject.toml", ())], reading(files), "mlspec.yaml")) == wanted


def test_a_source_of_the_project_is_not_off_by_a_setting_that_uv_does_not_read() -> None:
    files = {"pyproject.toml": f"{project('x')}[tool.uv]\nno-sources = true\n{OFF}", "uv.toml": "prerelease = 'allow'"}
    with pytest.raises(SpecError) as caught:
        collect([RequirementEntry("pyproject.toml", ())], reading(files), "mlspec.yaml")

    assert [problem.file for problem in caught.value.problems] == ["pyproject.toml"]


def test_a_source_of_a_group_holds_for_the_group() -> None:
    text = project("six") + "[dependency-groups]\ndev = ['x']\n[tool.uv.sources]\nx = { workspace = true }\n"

    assert lines(collected(text)) == ["six"]
    assert [problem.code for problem in refused(text, "--group dev")] == ["MLS216"]


ROOT = (
    CORP
    + """
[tool.uv.workspace]
members = ["services/*"]
exclude = ["services/old"]
[tool.uv.sources]
back-end = { workspace = true }
ownlib = { index = "corp" }
"""
)
MEMBER = (
    project("ownlib", "backend") + "[tool.uv.sources]\nback_end = { path = '../x', marker = \"os_name == 'nt'\" }\n"
)


@pytest.mark.parametrize(
    ("root", "entry"), [("pyproject.toml", "services/api/pyproject.toml"), ("../../pyproject.toml", "pyproject.toml")]
)
def test_the_tables_of_a_workspace_hold_for_its_members(root: str, entry: str) -> None:
    named = [RequirementEntry(entry, ("requirements", 0))]

    found = collect(named, reading({root: ROOT, entry: project("ownlib")}), "mlspec.yaml")
    with pytest.raises(SpecError) as caught:
        collect(named, reading({root: ROOT, entry: project("ownlib", "back.end")}), "mlspec.yaml")

    assert found.indexes == (Index(url="https://corp.example/simple", packages=("ownlib",)),)
    assert found.files == (entry, root)
    assert [place(problem)[:2] for problem in caught.value.problems] == [("MLS216", root)]


def test_what_a_member_says_of_a_package_holds_in_place_of_the_workspace() -> None:
    files = {"pyproject.toml": ROOT, "services/api/pyproject.toml": MEMBER}

    assert lines(collect([RequirementEntry("services/api/pyproject.toml", ())], reading(files), "mlspec.yaml")) == [
        "ownlib",
        "backend",
    ]


@pytest.mark.parametrize(
    "entry", ["services/old/pyproject.toml", "services/api/more/pyproject.toml", "lib/pyproject.toml"]
)
def test_the_tables_of_a_workspace_hold_for_no_other_project(entry: str) -> None:
    files = {"pyproject.toml": ROOT, entry: project("ownlib")}

    assert collect([RequirementEntry(entry, ())], reading(files), "mlspec.yaml").indexes == ()


# Indexes


@pytest.mark.parametrize(
    "table",
    [
        '[[tool.uv.index]]\nname = "corp"\nurl = "https://corp.example/simple"\n',
        '[tool.uv]\nextra-index-url = ["https://corp.example/simple"]\n',
        '[[tool.pdm.source]]\nname = "corp"\nurl = "https://corp.example/simple"\n',
        '[[tool.poetry.source]]\nname = "corp"\nurl = "https://corp.example/simple"\npriority = "supplemental"\n',
        '[tool.pixi.pypi-options]\nextra-index-urls = ["https://corp.example/simple"]\n',
        '[tool.hatch.envs.default.env-vars]\nPIP_EXTRA_INDEX_URL = "https://corp.example/simple"\n',
    ],
)
def test_an_index_that_may_answer_for_any_package_is_refused_until_the_spec_says_for_which(table: str) -> None:
    (problem,) = refused(project("ownlib") + table)
    index = Index(url="https://corp.example/simple/", packages=("ownlib",))

    assert (problem.code, problem.file) == ("MLS217", "pyproject.toml")
    assert "- url: https://corp.example/simple\n  packages: " in problem.hint
    assert collected(project("ownlib") + table, conditions=Conditions(indexes=(index,))).indexes == ()


@pytest.mark.parametrize(
    "table",
    [
        '[[tool.uv.index]]\nurl = "https://all.example/simple"\ndefault = true\n',
        '[tool.uv]\nindex-url = "https://all.example/simple"\n',
        '[[tool.pdm.source]]\nname = "pypi"\nurl = "https://all.example/simple"\n',
        '[[tool.poetry.source]]\nname = "all"\nurl = "https://all.example/simple"\n',
        '[tool.pixi.pypi-options]\nindex-url = "https://all.example/simple"\n',
        '[tool.hatch.envs.default.env-vars]\nPIP_INDEX_URL = "https://all.example/simple"\n',
    ],
)
def test_an_index_in_the_place_of_the_default_is_that(table: str) -> None:
    assert collected(project("six") + table).indexes == (Index(url="https://all.example/simple"),)


@pytest.mark.parametrize("table", ["", '[[tool.uv.index]]\nname = "pypi"\nurl = "https://pypi.org/simple"\n'])
def test_the_default_index_needs_no_route(table: str) -> None:
    assert collected(project("six") + table).indexes == ()


def test_the_packages_that_pdm_names_come_from_their_source() -> None:
    table = '[[tool.pdm.source]]\nname = "corp"\nurl = "https://corp.example/simple"\ninclude_packages = ["own*"]\n'

    assert collected(project("ownlib") + table).indexes == (
        Index(url="https://corp.example/simple", packages=("own*",)),
    )


def test_a_package_of_two_indexes_is_refused() -> None:
    text = project("ownlib") + CORP + '[tool.uv.sources]\nownlib = { index = "corp" }\n'
    other = Index(url="https://other.example/simple", packages=("own*",))

    (problem,) = refused(text, conditions=Conditions(indexes=(other,)))

    assert place(problem) == ("MLS217", "pyproject.toml", 'ownlib = { index = "corp" }')


@pytest.mark.parametrize("url", ["file:///opt/wheels", "wheels", "https://me:secret@corp.example/simple"])
def test_an_index_that_no_build_reaches_or_with_a_login_is_refused(url: str) -> None:
    text = (
        project("x") + CORP.replace("https://corp.example/simple", url) + '[tool.uv.sources]\nx = { index = "corp" }\n'
    )

    (problem,) = refused(text)

    assert problem.code in {"MLS210", "MLS217"}
    assert "secret@" not in str(problem)


TORCH = """
[[tool.uv.index]]
name = "pytorch-cu128"
url = "https://download.pytorch.org/whl/cu128"
explicit = true
[tool.uv.sources]
torch = { index = "pytorch-cu128" }
"""


def test_an_index_of_pytorch_is_an_accelerator() -> None:
    (problem,) = refused(project("torch") + TORCH)

    assert place(problem) == ("MLS217", "pyproject.toml", 'torch = { index = "pytorch-cu128" }')
    assert problem.hint == "write in the spec: accelerator: cuda12.8"
    assert (
        collected(project("torch") + TORCH, conditions=Conditions(accelerator=parse_accelerator("cuda12.8"))).indexes
        == ()
    )
    assert collected(
        project("torch") + TORCH, conditions=Conditions(accelerator=parse_accelerator("cuda"))
    ).indexes == (Index(url="https://download.pytorch.org/whl/cu128", packages=("torch",)),)


# Constraints and overrides


def test_constraints_hold_for_packages_and_for_builds() -> None:
    text = (
        project("x")
        + "[tool.uv]\nconstraint-dependencies = ['y<2']\nbuild-constraint-dependencies = ['setuptools<80']\n"
    )

    found = collected(text)

    assert [r.text for r in found.constraints] == ["y<2"]
    assert [r.text for r in found.build_constraints] == ["setuptools<80"]


def test_a_constraint_is_of_the_package_that_the_sources_name() -> None:
    table = "[tool.uv]\nconstraint-dependencies = ['y<2', 'z']\n[tool.uv.sources]\n"
    found = collected(project("x") + table + "y = { url = 'https://corp.example/y-1.tar.gz' }\n")

    assert [r.text for r in found.constraints] == ["y @ https://corp.example/y-1.tar.gz", "y<2", "z"]
    assert [p.code for p in refused(project("x") + table + "y = { path = 'y' }\n")] == ["MLS216"]


@pytest.mark.parametrize(
    "table",
    [
        "[tool.uv]\noverride-dependencies = ['y==2']\n",
        "[[tool.uv.dependency-metadata]]\nversion = '1'\n",
        "[tool.pdm.resolution.overrides]\ny = '2'\n",
        "[tool.pixi.pypi-options.dependency-overrides]\ny = '2'\n",
    ],
)
def test_what_changes_the_wishes_of_others_is_refused_at_its_line(table: str) -> None:
    (problem,) = refused(project("x") + table)

    assert (problem.code, problem.file) == ("MLS219", "pyproject.toml")


def test_what_uv_is_told_of_source_packages_is_taken() -> None:
    table = "[[tool.uv.dependency-metadata]]\nname = 'Y'\nversion = '1'\nrequires-dist = ['z>=2']\n"

    assert collected(project("x") + table).stated == (Stated(name="y", version="1", requires_dist=("z>=2",)),)


# Settings


@pytest.mark.parametrize(
    ("table", "options"),
    [
        ("[tool.uv]\nprerelease = 'allow'\n", ("--pre",)),
        ("[tool.uv]\nno-build = true\n", ("--only-binary :all:",)),
        ("[tool.uv]\nno-build-package = ['x', 'y']\n", ("--only-binary x,y",)),
        ("[tool.uv]\nno-binary-package = ['x']\n", ("--no-binary x",)),
        ("[tool.uv.pip]\nonly-binary = ['x']\n", ("--only-binary x",)),
        ("[tool.uv]\nprerelease = 'if-necessary-or-explicit'\nresolution = 'highest'\nno-build = false\n", ()),
        ("[tool.uv]\nexclude-newer-package = {}\nindex-strategy = 'first-index'\n", ()),
        ("[tool.pixi.pypi-options]\nno-build = ['x']\nprerelease-mode = 'allow'\n", ("--only-binary x", "--pre")),
    ],
)
def test_settings_that_pip_has_are_taken_over(table: str, options: tuple[str, ...]) -> None:
    found = collected(project("x") + table)

    assert found.options == options
    assert found.unheeded == ()


@pytest.mark.parametrize(
    ("table", "setting", "code"),
    [
        ("[tool.uv]\n", "exclude-newer = '2026-06-01T00:00:00Z'", "MLS223"),
        ("[tool.uv]\n", "exclude-newer = '7 days'", "MLS223"),
        ("[tool.uv]\n", "exclude-newer-package = { x = '2026-06-01T00:00:00Z' }", "MLS223"),
        ("[tool.uv]\n", "resolution = 'lowest-direct'", "MLS223"),
        ("[tool.uv]\n", "no-binary = true", "MLS223"),
        ("[tool.uv.pip]\n", "no-binary = [':all:']", "MLS223"),
        ("[tool.uv.pip]\n", "torch-backend = 'cu128'", "MLS217"),
        ("[tool.pixi.workspace]\n", "exclude-newer = '2026-06-01'", "MLS223"),
        ("[tool.pixi.pypi-options]\n", "no-binary = true", "MLS223"),
        ("", "[[tool.uv.index]]\nurl = 'https://pypi.org/simple'\nexclude-newer = '7 days'", "MLS223"),
    ],
)
def test_settings_that_would_make_another_lock_are_refused_at_their_line(table: str, setting: str, code: str) -> None:
    (problem,) = refused(project("x") + table + setting + "\n")

    assert place(problem) == (code, "pyproject.toml", setting.split("\n")[0])


def test_the_backend_of_torch_is_the_accelerator_of_the_image() -> None:
    text = project("torch") + "[tool.uv.pip]\ntorch-backend = 'cu128'\n"

    assert collected(text, conditions=Conditions(accelerator=parse_accelerator("cuda12.8"))).unheeded == ()
    assert collected(text, conditions=Conditions(accelerator=parse_accelerator("cuda"))).unheeded == ()
    assert [problem.hint for problem in refused(text)] == ["write in the spec: accelerator: cuda12.8"]


UV_TOML = "prerelease = 'allow'\nconstraint-dependencies = ['y<2']\n[[index]]\nname = 'corp'\ndefault = true\n"


@pytest.mark.parametrize(
    ("uv_toml", "entry"),
    [("uv.toml", "pyproject.toml"), ("uv.toml", "sub/pyproject.toml"), ("a/uv.toml", "a/b/pyproject.toml")],
)
def test_a_file_of_uvs_settings_takes_the_place_of_those_in_the_project(uv_toml: str, entry: str) -> None:
    text = project("x") + "[tool.uv]\nresolution = 'lowest'\n[tool.uv.sources]\nx = { index = 'corp' }\n"
    files = {uv_toml: UV_TOML + "url = 'https://corp.example/simple'\n", entry: text}

    found = collect([RequirementEntry(entry, ())], reading(files), "mlspec.yaml")

    assert found.options == ("--pre",)
    assert [constraint.text for constraint in found.constraints] == ["y<2"]
    assert {index.url for index in found.indexes} == {"https://corp.example/simple"}
    assert found.files == (entry, uv_toml)


def test_the_settings_of_a_member_are_those_of_its_workspace() -> None:
    member = project("x") + "[tool.uv]\nresolution = 'lowest'\n"
    files = {"pyproject.toml": ROOT + "[tool.uv]\nprerelease = 'allow'\n", "services/api/pyproject.toml": member}

    assert collect([RequirementEntry("services/api/pyproject.toml", ())], reading(files), "mlspec.yaml").options == (
        "--pre",
    )


def test_a_file_of_uvs_settings_in_a_folder_beside_is_nobodys() -> None:
    files = {"other/uv.toml": "resolution = 'lowest'", "../uv.toml": "no-binary = true", "pyproject.toml": project("x")}

    assert collect([RequirementEntry("pyproject.toml", ())], reading(files), "mlspec.yaml").files == ("pyproject.toml",)


# poetry, pixi, hatch


@pytest.mark.parametrize(
    ("version", "line"),
    [
        ('"^1.2.3"', "x>=1.2.3,<2"),
        ('"^0.2.3"', "x>=0.2.3,<0.3"),
        ('"^0.0.3"', "x>=0.0.3,<0.0.4"),
        ('"^0"', "x>=0,<1"),
        ('"~1.2.3"', "x>=1.2.3,<1.3"),
        ('"~1.2"', "x>=1.2,<1.3"),
        ('"~1"', "x>=1,<2"),
        ('"1.2"', "x==1.2"),
        ('"*"', "x"),
        ('"1.2.*"', "x==1.2.*"),
        ('">=1,<2"', "x>=1,<2"),
        ('">=1 <2"', "x>=1,<2"),
        ('"~=1.2"', "x~=1.2"),
        ('{ version = "^1", extras = ["a", "b"] }', "x[a,b]>=1,<2"),
        ('{ version = "1", markers = "os_name == \'posix\'" }', "x==1 ; os_name == 'posix'"),
        ('[{ version = "1", python = "<3.9" }, { version = "2", python = ">=3.9" }]', "x==2"),
        ('{ git = "https://git.example/x", tag = "v1" }', "x @ git+https://git.example/x@v1"),
        ('{ url = "https://files.example/x-1.zip" }', "x @ https://files.example/x-1.zip"),
    ],
)
def test_a_dependency_of_poetry_is_read_in_pips_words(version: str, line: str) -> None:
    found = collected(f'[tool.poetry]\nname = "app"\n[tool.poetry.dependencies]\npython = "^3.11"\nx = {version}\n')

    assert lines(found) == [line]
    assert [required.specifier for required in found.pythons] == [">=3.11,<4"]


def test_the_optional_dependencies_of_poetry_are_those_of_its_extras_and_groups() -> None:
    text = (
        '[tool.poetry.dependencies]\nx = "1"\ny = { version = "2", optional = true }\n'
        '[tool.poetry.extras]\nmore = ["y"]\n[tool.poetry.group.dev.dependencies]\nz = "3"\n'
    )

    assert lines(collected(text)) == ["x==1"]
    assert lines(collected(text, "pyproject.toml[more]", "--group dev")) == ["x==1", "y==2", "z==3"]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ('{ path = "../x" }', "MLS216"),
        ('{ file = "x.whl" }', "MLS216"),
        ('{ version = "1", source = "gone" }', "MLS217"),
        ('"^1 || ^2"', "MLS203"),
        ('"what"', "MLS203"),
        ('{ version = "1", allow-prereleases = true }', "MLS219"),
    ],
)
def test_what_poetry_says_and_pip_cannot_is_refused_at_its_line(row: str, code: str) -> None:
    (problem,) = refused(f"[tool.poetry.dependencies]\nx = {row}\n")

    assert place(problem) == (code, "pyproject.toml", f"x = {row}")


def test_an_explicit_source_of_poetry_serves_what_names_it() -> None:
    text = project("x>=1") + (
        '[tool.poetry.dependencies]\nx = { source = "corp" }\n'
        '[[tool.poetry.source]]\nname = "corp"\nurl = "https://corp.example/simple"\npriority = "explicit"\n'
    )

    found = collected(text)

    assert lines(found) == ["x>=1"]
    assert found.indexes == (Index(url="https://corp.example/simple", packages=("x",)),)


@pytest.mark.parametrize(
    "text",
    [
        project("x") + '[tool.pixi.pypi-dependencies]\nx = { path = "x" }\n',
        project("x @ {root:uri}/x"),
        project("x @ file:///${PROJECT_ROOT}/x"),
    ],
)
def test_code_of_a_folder_is_refused_whichever_tool_names_it(text: str) -> None:
    assert [problem.code for problem in refused(text)] == ["MLS216"]


def test_pixi_names_the_project_itself_and_repositories() -> None:
    text = project("x") + (
        '[tool.pixi.pypi-dependencies]\napp = { path = ".", editable = true }\n'
        'x = { git = "https://git.example/x", rev = "v1" }\n'
    )

    assert lines(collected(text)) == ["x @ git+https://git.example/x@v1"]


def test_what_pixi_adds_to_the_dependencies_is_required_too() -> None:
    table = '[tool.pixi.pypi-dependencies]\ny = ">=1"\nz = { version = "*", extras = ["a"] }\n'

    assert lines(collected(project("x") + table)) == ["x", "y>=1", "z[a]"]


PIXI = """
[tool.pixi.target.linux-64.pypi-dependencies]
a = "*"
[tool.pixi.target.win-64.pypi-dependencies]
b = "*"
[tool.pixi.feature.serve.pypi-dependencies]
c = ">=1"
[tool.pixi.feature.serve.target.linux.pypi-dependencies]
d = { url = "https://files.example/d-1.zip" }
[tool.pixi.feature.test.pypi-dependencies]
e = "*"
[tool.pixi.environments]
"""


@pytest.mark.parametrize(
    ("environments", "wanted"),
    [
        ("", ["x", "a"]),
        ("test = ['test']", ["x", "a"]),
        ("default = ['serve']", ["x", "a", "c>=1", "d @ https://files.example/d-1.zip"]),
        ("default = { features = ['test'], no-default-feature = true }", ["x", "e"]),
    ],
)
def test_an_image_has_the_default_environment_of_pixi(environments: str, wanted: list[str]) -> None:
    assert lines(collected(project("x") + PIXI + environments)) == wanted


def test_what_pixi_has_for_one_platform_is_marked_so() -> None:
    found = lines(collected(project("x") + PIXI, conditions=BOTH))

    assert found == ["x", 'a ; platform_machine == "x86_64"']


def test_what_a_feature_of_the_default_environment_takes_from_conda_is_refused() -> None:
    text = project("x") + "[tool.pixi.feature.gpu.dependencies]\ncudnn = '*'\n[tool.pixi.environments]\n"

    (problem,) = refused(text + "default = ['gpu']\n")

    assert (place(problem), lines(collected(text))) == (("MLS208", "pyproject.toml", "cudnn = '*'"), ["x"])


def test_a_group_of_poetry_brings_those_that_it_includes() -> None:
    text = (
        '[tool.poetry.dependencies]\n[tool.poetry.group.all]\ninclude-groups = ["Web", "all"]\n'
        '[tool.poetry.group.all.dependencies]\nx = "1"\n'
        '[tool.poetry.group.web.dependencies]\ny = { git = "https://git.example/y" }\n'
    )

    assert lines(collected(text, "--group all")) == ["x==1", "y @ git+https://git.example/y"]


def test_a_source_of_a_group_holds_for_the_groups_that_include_it() -> None:
    text = project() + (
        "[dependency-groups]\nweb = ['x']\nall = [{include-group = 'web'}]\n"
        "[tool.uv.sources]\nx = { url = 'https://files.example/x-1.zip', group = 'web' }\n"
    )

    assert lines(collected(text, "--group all")) == ["x @ https://files.example/x-1.zip"]


def test_prereleases_of_one_package_are_refused_in_what_poetry_adds_to_a_project_too() -> None:
    (problem,) = refused(project("x") + "[tool.poetry.dependencies]\nx = { allow-prereleases = true }\n")

    assert place(problem) == ("MLS219", "pyproject.toml", "x = { allow-prereleases = true }")


def test_what_pixi_takes_from_conda_is_refused_unless_the_project_lists_it_too() -> None:
    text = project("x") + '[tool.pixi.dependencies]\npython = "3.12.*"\nx = "*"\ngdal = ">=3.6"\n'
    (problem,) = refused(text)

    assert problem.message == "pixi takes gdal from conda, and pip cannot"
    assert problem.span
    assert problem.excerpt == 'gdal = ">=3.6"'


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('[project]\nname = "a"\ndependencies = []\noptional-dependencies = 1\n', "project.optional-dependencies"),
        ("project = 1\n", "project"),
        ("[tool]\nuv = 1\n", "tool.uv"),
        ("[tool.poetry]\ndependencies = 1\n", "tool.poetry.dependencies"),
    ],
)
def test_a_value_in_the_place_of_a_table_is_told_at_its_line(text: str, path: str) -> None:
    (problem,) = refused(text)

    assert (problem.code, problem.message) == ("MLS208", f"{path} of pyproject.toml is not a table")
    assert problem.span


# On indexes of the loopback address


@pytest.fixture
def indexes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[PackageIndex, PackageIndex]]:
    """The default index, with a stranger's package of each name, and an index of the project."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    strangers = [wheel(name, "99", ["malware"]) for name in ("ownlib", "x", "base")]
    others = (wheel("malware", "1"), wheel("base", "1"))
    with serving(*strangers, *others) as default, serving(wheel("ownlib", "1", ["base"])) as own:
        monkeypatch.setenv("MLSPEC_INDEX_URL", default.url)
        yield default, own


def pins(requirements: Requirements) -> dict[str, str]:
    compiled = compile_requirements(requirements, TARGET, requirements.indexes)
    return {pin.name: pin.version for pin in (*compiled.pins, *compiled.vcs)}


@pytest.mark.parametrize(
    "tables",
    [
        '[[tool.uv.index]]\nname = "o"\nurl = "{url}"\nexplicit = true\n'
        '[tool.uv.sources]\nownlib = {{ index = "o" }}\n',
        '[[tool.pdm.source]]\nname = "o"\nurl = "{url}"\ninclude_packages = ["ownlib"]\n',
        '[[tool.poetry.source]]\nname = "o"\nurl = "{url}"\npriority = "explicit"\n'
        '[tool.poetry.dependencies]\nownlib = {{ source = "o" }}\n',
        '[tool.pixi.pypi-dependencies]\nownlib = {{ version = "*", index = "{url}" }}\n',
    ],
)
def test_the_default_index_is_never_asked_for_a_package_of_another(
    tables: str, indexes: tuple[PackageIndex, PackageIndex]
) -> None:
    default, own = indexes

    found = pins(collected(project("ownlib", "base<2") + tables.format(url=own.url)))

    assert found == {"ownlib": "1", "base": "1"}
    assert (default.pages, own.pages) == ({"base"}, {"ownlib"})


def test_the_default_index_is_never_asked_for_a_package_of_a_repository(
    indexes: tuple[PackageIndex, PackageIndex], tmp_path: Path
) -> None:
    folder = tmp_path / "x"
    folder.mkdir()
    (folder / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "0.7"\n')
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "one"], ["tag", "v1"]):
        subprocess.run(["git", "-C", str(folder), *command], check=True)

    source = f'[tool.uv.sources]\nx = {{ git = "file://{folder}", tag = "v1" }}\n'

    assert pins(collected(project("x<1") + source)) == {"x": "0.7"}
    assert indexes[0].pages == set()
    with pytest.raises(LockError, match="MLS246"):
        pins(collected(project("x>1") + source))


def test_the_default_index_is_not_asked_at_all_where_another_takes_its_place(
    indexes: tuple[PackageIndex, PackageIndex],
) -> None:
    default, own = indexes
    own.add(wheel("base", "7"))
    table = f'[[tool.uv.index]]\nurl = "{own.url}"\ndefault = true\n'

    assert pins(collected(project("ownlib") + table)) == {"ownlib": "1", "base": "7"}
    assert default.pages == set()
