"""Tests of pip's requirement syntax, in the entries of a spec and in files."""

from __future__ import annotations

import pytest

from mlspec.errors import SpecError
from mlspec.facts.accelerator import parse_accelerator
from mlspec.lock.requirements.collect import RequirementEntry, collect
from mlspec.lock.requirements.requirement_types import Requirements
from mlspec.lock.requirements.sources.source_tables import Conditions

DIGEST = "sha256:" + "0" * 64
PYPROJECT = """\
[project]
name = "Our.App"
version = "1"
dependencies = [
  "numpy>=2",
  'torch==2.*',
]
[project.optional-dependencies]
serve = ["fastapi"]
Train_GPU = ["lightning", "our-app[serve]"]
[dependency-groups]
test = ["pytest", {include-group = "lint"}]
Lint = ["ruff"]
"""


def collected(*texts: str, files: dict[str, str] | None = None, file: str = "mlspec.yaml") -> Requirements:
    entries = [RequirementEntry(text, ("requirements", i)) for i, text in enumerate(texts)]

    def read(path: str) -> str:
        if path not in (files or {}):
            raise FileNotFoundError(2, "No such file or directory", path)
        return (files or {})[path]

    return collect(entries, read, file)


def texts(requirements: Requirements) -> list[str]:
    return [" ".join((r.text, *(f"--hash={h}" for h in r.hashes))) for r in requirements.requirements]


def refused(*entries: str, files: dict[str, str] | None = None, file: str = "mlspec.yaml") -> SpecError:
    with pytest.raises(SpecError) as caught:
        collected(*entries, files=files, file=file)
    return caught.value


def hint(*entries: str, files: dict[str, str] | None = None) -> str:
    (problem,) = refused(*entries, files=files).problems
    return problem.hint


@pytest.mark.parametrize(
    "text",
    [
        "numpy",
        "ruamel.yaml==0.18.6",
        "zope.interface>=5,<7",
        "torch==2.9.0+cu128",
        "torch==2.*",
        "uvicorn[standard]>=0.30",
        'tomli ; python_version < "3.11"',
        'colorama ; sys_platform == "win32" and platform_machine == "x86_64"',
        "flash-attn @ https://packages.example/flash_attn-2.8-cp312-cp312-linux_x86_64.whl",
        "x @ git+https://git.example/x@v1#subdirectory=y",
        "x[all] @ git+ssh://git@git.example/x.git@main",
    ],
)
def test_a_requirement_goes_to_the_resolver_as_it_was_written(text: str) -> None:
    assert texts(collected(text)) == [text]


@pytest.mark.parametrize(
    ("text", "name", "kind"),
    [
        ("Ruamel.Yaml", "ruamel-yaml", "index"),
        ("X_y @ git+https://git.example/x", "x-y", "vcs"),
        ("x @ https://packages.example/x-1.zip", "x", "url"),
        ("git+https://git.example/x@v1", "", "vcs"),
        ("git+https://git.example/x@v1#egg=Some_Thing&subdirectory=y", "some-thing", "vcs"),
        ("https://packages.example/some_thing-1-py3-none-any.whl", "some-thing", "url"),
    ],
)
def test_a_requirement_has_a_name_and_a_kind(text: str, name: str, kind: str) -> None:
    (requirement,) = collected(text).requirements

    assert (requirement.name, requirement.kind) == (name, kind)


def test_files_follow_files_relative_to_the_one_that_names_them() -> None:
    files = {
        "requirements/all.in": "-r base.in\n-c ../limits.txt\npandas\n--pre\n",
        "requirements/base.in": "\ufeffnumpy\r\nscipy\r\n",
        "limits.txt": "numpy<3\n",
    }

    found = collected("requirements/all.in", "rich", files=files)

    assert texts(found) == ["numpy", "scipy", "pandas", "rich"]
    assert [r.text for r in found.constraints] == ["numpy<3"]
    assert (found.options, found.files) == (("--pre",), ("requirements/all.in", "requirements/base.in", "limits.txt"))


def test_lines_are_joined_and_comments_dropped_as_pip_does() -> None:
    text = f"""\
# a comment
numpy \\
    >=2  # why
x @ git+https://git.example/x@v1#subdirectory=y  # kept fragment
rich==14.0 \\
    --hash={DIGEST} \\
    # a comment ends the line
pandas
   \t
scipy"""

    assert texts(collected("-r r.txt", files={"r.txt": text})) == [
        "numpy >=2",
        "x @ git+https://git.example/x@v1#subdirectory=y",
        f"rich==14.0 --hash={DIGEST}",
        "pandas",
        "scipy",
    ]


def test_options_that_a_lock_can_honour_are_kept() -> None:
    found = collected("--no-binary flash-attn,Apex", "--only-binary=:all:", "--prefer-binary", "--pre")

    assert found.options == ("--no-binary flash-attn,Apex", "--only-binary :all:", "--prefer-binary", "--pre")
    assert found.built_from_source == {"flash-attn", "apex"}


def test_a_project_gives_its_dependencies_and_extras() -> None:
    found = collected("pyproject.toml[train-gpu]", files={"pyproject.toml": PYPROJECT})

    assert texts(found) == ["numpy>=2", "torch==2.*", "lightning", "fastapi"]


def test_a_group_gives_its_requirements_and_those_of_the_groups_it_includes() -> None:
    files = {"pyproject.toml": PYPROJECT, "sub/pyproject.toml": "[dependency-groups]\nx = ['mypy']\n"}

    assert texts(collected("--group test", "--group sub/pyproject.toml:x", files=files)) == ["pytest", "ruff", "mypy"]


@pytest.mark.parametrize(
    ("lines", "compiled"),
    [
        (f"numpy==1.0 --hash={DIGEST}\nx===1 --hash={DIGEST}\n", True),
        (f"--require-hashes\nnumpy==1.0 --hash={DIGEST}\n", True),
        (f"numpy==1.0 --hash={DIGEST}\nx==1\n", False),
        (f"numpy==1.* --hash={DIGEST}\n", False),
        ("", False),
    ],
)
def test_a_lock_is_known_as_one(lines: str, compiled: bool) -> None:
    assert collected("r.txt", files={"r.txt": lines}).is_compiled is compiled


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("torch=2.0", "did you mean: torch==2.0"),
        ("numpy=1.2=py310_0", "did you mean: numpy==1.2"),
        ("numpy=>1.0", "did you mean: numpy>=1.0"),
        ("numpy >1.0 <2", "did you mean: numpy >1.0,<2"),
        ("numpy 1.26", "did you mean: numpy==1.26"),
        ("numpy==1.0;", "did you mean: numpy==1.0"),
        ("numpy^1.2", "did you mean: numpy~=1.2"),
        ("torch>=2.0.*", "did you mean: torch>=2.0"),
        ("conda-forge::numpy", "did you mean: numpy"),
        ("pip install numpy", "did you mean: numpy"),
        ("'numpy>1'", "did you mean: numpy>1"),
        ("numpy pandas", "write one requirement per entry: numpy, pandas"),
        ("numpy, pandas==2", "write one requirement per entry: numpy, pandas==2"),
        ("python=3.10", "write its version in the spec: python: 3.10"),
        ("python>=3.12", "write its version in the spec: python: 3.12"),
        ("git@git.example:org/x.git", "write: git+ssh://git@git.example/org/x.git"),
        ("https://packages.example/x.tar.gz", "write: NAME @ https://packages.example/x.tar.gz"),
        ("six==1.16.0=pyhd3eb1b0_1", "did you mean: six==1.16.0"),
        ("git+https://git.example/r.git/#0.45.5", "write: git+https://git.example/r.git@0.45.5"),
        (
            "r @ git+https://git.example/r#v1 ; os_name == 'posix'",
            "write: r @ git+https://git.example/r@v1 ; os_name == 'posix'",
        ),
        ("numpy @ file:///croot/numpy-1.26.4/work", "write: numpy==1.26.4"),
        (
            "x @ file:///home/conda/feedstock_root/build_artifacts/x_1682520569166/work",
            "write: x==VERSION, as this prints it: pip list --format=freeze",
        ),
        ("pkg-resources==0.0.0", "remove this line"),
        (
            "-e git+https://git.example/x.git@main#egg=x_y&subdirectory=z",
            "write: x_y @ git+https://git.example/x.git@main#subdirectory=z",
        ),
        ("-e git+https://git.example/x.git", "write: git+https://git.example/x.git"),
        (
            "--trusted-host packages.example",
            "remove it; for a certificate of your company: export SSL_CERT_FILE=/path/to/ca.pem",
        ),
        ("-f wheels", "require each file by its address: NAME @ https://.../FILE.whl"),
        (
            "-i https://pypi.tuna.tsinghua.edu.cn/simple",
            "remove it, and on those machines: export MLSPEC_INDEX_URL=https://pypi.tuna.tsinghua.edu.cn/simple",
        ),
        ("--extra-index-url https://download.pytorch.org/whl/cu118", "write in the spec: accelerator: cuda11.8"),
        (
            "-f https://download.pytorch.org/whl/cu118/torch_stable.html",
            "remove it, and write in the spec, for the right CUDA: accelerator: cuda11.8",
        ),
        ("./wheels/x-1-py3-none-any.whl", "build it first: pip wheel --no-deps -w wheels ."),
        ("./x-1.tar.gz", "put it on an index or a web server, and write: NAME @ https://.../FILE.whl"),
    ],
)
def test_a_usual_mistake_is_answered_with_what_was_meant(text: str, meant: str) -> None:
    assert hint(text) == meant


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("--index-url https://packages.example/simple", "MLS205"),
        ("--extra-index-url=https://packages.example/simple", "MLS205"),
        ("-f wheels", "MLS205"),
        ("--trusted-host packages.example", "MLS205"),
        ("-e .", "MLS206"),
        (".", "MLS206"),
        (".[train]", "MLS206"),
        ("./lib", "MLS206"),
        ("wheels/x-1-py3-none-any.whl", "MLS201"),
        ("/tmp/x-1-py3-none-any.whl", "MLS206"),
        ("x @ file:///tmp/x", "MLS206"),
        ("src/thing", "MLS206"),
        ("--no-deps", "MLS207"),
        ("--use-feature fast-deps", "MLS207"),
        ("numpy --config-settings=a=b", "MLS207"),
        ("numpy==1 --hash=sha256:12", "MLS211"),
        ("-r", "MLS211"),
        ("environment.yml", "MLS212"),
        ("hg+https://hg.example/x", "MLS213"),
        ("x @ https://me:secret@packages.example/x-1.zip", "MLS210"),
        ("git+https://token@git.example/x", "MLS210"),
        ("-r https://example.org/r.txt", "MLS201"),
    ],
)
def test_what_a_lock_cannot_hold_is_refused_by_name(text: str, code: str) -> None:
    assert [problem.code for problem in refused(text).problems] == [code]


def test_a_refused_index_is_given_back_as_what_to_write_without_its_login() -> None:
    assert hint("--extra-index-url https://me:secret@packages.example/simple") == (
        "name it under `indexes`, with the packages it serves:\n"
        "- url: https://packages.example/simple\n  packages: [NAME, ...]"
    )


def test_a_variable_is_refused_by_name() -> None:
    problem = refused("x @ https://${TOKEN}@packages.example/x.zip").problems[0]

    assert (problem.code, "${TOKEN}" in problem.message) == ("MLS204", True)


def test_all_problems_are_told_at_once_with_their_places() -> None:
    files = {"r.in": "numpy=1\n-r gone.in\n  torch= 2  # x\n-r r.in\n"}

    error = refused("r.in", "--foo x", files=files, file="specs/train.yaml")

    assert [(p.file, p.span and (p.span.line, p.span.column, p.span.end_column), p.path) for p in error.problems] == [
        ("", None, ("requirements", 1)),
        ("specs/r.in", (1, 1, 8), ()),
        ("specs/r.in", (2, 1, 11), ()),
        ("specs/r.in", (3, 3, 11), ()),
        ("specs/r.in", (4, 1, 8), ()),
    ]
    assert "there is no file specs/gone.in" in str(error)
    assert "r.in includes itself: r.in -> r.in" in str(error)


def test_a_problem_of_a_project_points_into_it() -> None:
    text = '[project]\nname = "x"\ndependencies = [\n  "numpy",\n  "torch=2",\n]\n'

    error = refused("pyproject.toml", files={"pyproject.toml": text})

    assert str(error) == (
        'pyproject.toml:5:3: MLS203: "torch=2" is not a requirement\n'
        '  5 |   "torch=2",\n'
        "    |   ^^^^^^^^^\n"
        "  hint: did you mean: torch==2"
    )


@pytest.mark.parametrize(
    ("entry", "text", "code"),
    [
        ("pyproject.toml", "[project", "MLS208"),
        ("pyproject.toml", '[tool.poetry]\nname = "x"\n', "MLS208"),
        ("pyproject.toml", '[project]\nname = "x"\ndynamic = ["dependencies"]\n', "MLS208"),
        ("pyproject.toml", '[project]\nname = "x"\ndependencies = "numpy"\n', "MLS208"),
        ("pyproject.toml[srve]", PYPROJECT, "MLS209"),
        ("--group tset", PYPROJECT, "MLS209"),
        ("--group a", "[dependency-groups]\na = [{include-group = 'b'}]\nb = [{include-group = 'a'}]\n", "MLS202"),
    ],
)
def test_a_project_that_does_not_say_what_it_needs_is_refused(entry: str, text: str, code: str) -> None:
    assert [problem.code for problem in refused(entry, files={"pyproject.toml": text}).problems] == [code]


def test_a_file_that_cannot_be_read_is_a_problem() -> None:
    def read(_: str) -> str:
        raise PermissionError(13, "Permission denied")

    with pytest.raises(SpecError, match=r"r\.in cannot be read: permission denied"):
        collect([RequirementEntry("r.in", ("requirements",))], read, "mlspec.yaml")


def test_a_requirement_points_at_where_it_was_written() -> None:
    found = collected("numpy", "r.in", files={"r.in": "\npandas>2\n"})

    problems = [r.problem("MLS299", "no") for r in found.requirements]

    assert (problems[0].path, str(problems[1]).splitlines()[0]) == (("requirements", 0), "r.in:2:1: MLS299: no")


def test_requirements_are_found_by_any_spelling_of_their_name() -> None:
    found = collected("Ruamel.Yaml").find_requirement("ruamel_yaml")

    assert found is not None
    assert found.text == "Ruamel.Yaml"


@pytest.mark.parametrize(
    "option",
    [
        "-i https://pypi.org/simple",
        "--index-url=https://pypi.org/simple/",
        "--extra-index-url https://download.pytorch.org/whl/cpu",
        "-f https://download.pytorch.org/whl/cpu",
    ],
)
def test_an_option_that_names_what_is_asked_anyway_is_taken(option: str) -> None:
    found = collected("r.txt", files={"r.txt": f"{option}\nsix\n"})

    assert (texts(found), found.options, found.indexes) == (["six"], (), ())


@pytest.mark.parametrize("accelerator", ["cuda11.8", "cuda"])
def test_the_index_of_the_accelerator_is_taken(accelerator: str) -> None:
    entry = RequirementEntry("--extra-index-url https://download.pytorch.org/whl/cu118", ("requirements", 0))
    conditions = Conditions(accelerator=parse_accelerator(accelerator))

    assert collect([entry], lambda _: "", "mlspec.yaml", conditions=conditions) == Requirements()


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (
            'https://files.example/six-1.0-py3-none-any.whl; sys_platform == "linux"',
            'six @ https://files.example/six-1.0-py3-none-any.whl ; sys_platform == "linux"',
        ),
        (
            'six @ https://files.example/six-1.0-py3-none-any.whl; sys_platform == "linux"',
            'six @ https://files.example/six-1.0-py3-none-any.whl ; sys_platform == "linux"',
        ),
        (
            'git+https://git.example/x@v1#egg=x; python_version > "3"',
            'x @ git+https://git.example/x@v1 ; python_version > "3"',
        ),
    ],
)
def test_a_marker_behind_an_address_needs_no_blank_as_pip_has_it(text: str, meant: str) -> None:
    assert texts(collected("r.txt", files={"r.txt": text})) == [meant]
