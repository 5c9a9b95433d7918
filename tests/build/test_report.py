"""Tests of the report of a build: the contents of each layer, and the same facts as lines, JSON and a page."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from mlspec.build import view
from mlspec.build.prepared import PreparedBuild
from mlspec.build.report import json_text, page, report_lines
from mlspec.build.report.built import BuiltImage, BuiltLayer, lacks_last_step, of_history, of_manifest, of_metadata
from mlspec.build.report.contents import Content, Package, contents_of, describe_base
from mlspec.build.report.drawing import drawings, tiles
from mlspec.build.report.report import Before, BuildReport, Outcome, Upload, report_build
from mlspec.build.report.treemap import Rectangle, squarify
from mlspec.build.steps import Step, step_of, steps_of
from mlspec.build.stream import read_stream
from mlspec.cli.app import cli
from mlspec.host.engine import built_images
from mlspec.lock.image_facts import ImageFacts
from mlspec.lock.pins import Layer, Pin, RequirementsLock
from mlspec.plan import plan
from mlspec.plan.plan import Plan
from mlspec.spec import document
from mlspec.spec.spec import validate
from mlspec.targets import registry as targets
from tests.build.streams import record
from tests.support.golden import Golden

STREAMS = Path(record.__file__).parent
SHOWN = Path(__file__).parent / "shown"

SPEC = """\
python: 3.12
apt: [libgomp1]
requirements: [torch, fastapi, "x @ git+https://host.example/x"]
run:
  - {command: ldconfig, at: before_install}
  - python -m compileall /app
  - {command: touch done, at: after_code}
entrypoint: python main.py
"""
LOCK = RequirementsLock(
    layers=(
        Layer("torch", (Pin(name="torch", version="2.9.0", requirement="torch==2.9.0", size=180_000_000),)),
        Layer(
            "tiny_wheels",
            (
                Pin(name="anyio", version="4.16.0", requirement="anyio==4.16.0", size=100_000, via=("starlette",)),
                Pin(name="fastapi", version="0.165.0", requirement="fastapi==0.165.0", size=110_000),
                Pin(name="idna", version="3.10", requirement="idna==3.10", size=70_000, via=("anyio",)),
                Pin(name="starlette", version="1.0.0", requirement="starlette==1.0.0", via=("fastapi",)),
            ),
        ),
    ),
    vcs=(Pin(name="x", version="1.0", requirement="x @ git+https://host.example/x@1"),),
)
# Realistic sizes for the layers of such an image: base, apt, step, bytecode, folders, torch and so on.
SIZES = (28_000_000, 12_000_000, 2_400_000, 900, 4_100_000, 530, 182_000_000, 900_000, 40_000, 1_200, 4_100, 29, 88)


def planned(spec: str = SPEC) -> Plan:
    (image,) = validate(document.parse(spec, "mlspec.yaml")).images
    layers = tuple(layer.name for layer in LOCK.layers)
    resolved = ImageFacts(project="demo", base="python:3.12-slim", is_official=True, layers=layers, has_vcs=True)
    return plan.resolve("mlspec.yaml", image, resolved)


def drawn(made: Plan, spec: str = SPEC) -> tuple[str, tuple[Step, ...]]:
    (dockerfile,) = targets.emit(made, ["dockerfile"])
    (image,) = validate(document.parse(spec, "mlspec.yaml")).images
    return dockerfile.text, steps_of(made, image.settings.run, LOCK.layers, LOCK.vcs, dockerfile.text)


def contents(spec: str = SPEC) -> tuple[Content, ...]:
    made = planned(spec)
    dockerfile, steps = drawn(made, spec)
    return contents_of(made, dockerfile, steps, LOCK)


def prepared() -> PreparedBuild:
    made = planned()
    return PreparedBuild(
        key=made.key,
        image=made.image,
        platform=made.platform,
        command=(),
        steps=(),
        base=describe_base(made),
        contents=contents(),
    )


def image(sizes: Sequence[int] = SIZES, *, new: Sequence[int] = (), is_compressed: bool = True) -> BuiltImage:
    """Return an image with layers of these sizes; the layers with the numbers ``new`` have new digests."""
    layers = tuple(BuiltLayer(f"sha256:{'new' if n in new else ''}{n}", size) for n, size in enumerate(sizes))
    return BuiltImage(digest="sha256:whole", layers=layers, is_compressed=is_compressed)


FACTS = view.BuildFacts(
    image="demo",
    image_id="sha256:whole",
    seconds=75.2,
    steps=(
        view.StepFacts(label="base image python:3.12-slim", path=("base",), cached=True, seconds=0.0, moved=0),
        view.StepFacts(label="the lock", path=(), cached=False, seconds=0.3, moved=0, is_minor=True),
        view.StepFacts(
            label="requirements: torch (180.0 MB)", path=("requirements",), cached=False, seconds=61.0, moved=0
        ),
        view.StepFacts(label="reading the project's files", path=(), cached=False, seconds=0.1, moved=12_000),
    ),
)


def report(
    built: BuiltImage | None,
    *,
    last: BuiltImage | None = None,
    registry: BuiltImage | None = None,
    pushed: bool = False,
) -> BuildReport:
    outcome = Outcome(facts=FACTS, image=built, is_pushed=pushed)
    return report_build(prepared(), outcome, Before(last=last, registry=registry))


FIRST = report(image())
SECOND = report(image(new=(7, 9)), last=image())
SAME = report(image(), last=image())


# Contents of layers


def test_each_layer_above_the_base_is_told_by_what_is_in_it() -> None:
    assert [(content.kind, content.name) for content in contents()] == [
        ("apt", "apt"),
        ("run", "run"),
        ("other", "bytecode"),
        ("other", "folders"),
        ("requirements", "torch"),
        ("requirements", "tiny_wheels"),
        ("requirements", "git"),
        ("run", "run"),
        ("code", "code"),
        ("other", "working_dir"),
        ("run", "run"),
    ]


def test_the_packages_of_a_layer_stand_by_the_size_of_their_wheels() -> None:
    (tiny,) = (content for content in contents() if content.name == "tiny_wheels")

    assert [package.name for package in tiny.packages] == ["fastapi", "anyio", "idna", "starlette"]


def test_the_layers_below_are_those_of_the_base() -> None:
    assert [layer.content.kind for layer in FIRST.layers[:3]] == ["base", "base", "apt"]


def test_an_image_that_is_not_as_planned_has_layers_that_nobody_names() -> None:
    assert {layer.content.label for layer in report(image(SIZES[:4])).layers} == {"a layer that is not in the plan"}


def test_steps_of_ten_and_more_are_found_under_padded_numbers() -> None:
    made = Step(kind="code", label="the code", stage="stage-9", number=2, keyword="COPY")

    assert step_of("[stage-9  2/11] COPY --link --from=code /srv/image /", [made]) == made


# Comparisons


def test_without_a_last_build_nothing_is_new() -> None:
    assert {layer.is_new for layer in FIRST.layers} == {None}
    assert FIRST.upload is None


def test_an_added_package_makes_its_layer_new() -> None:
    found = report(image(new=(7,)), last=image())

    assert [layer.content.name for layer in found.new] == ["tiny_wheels"]
    assert found.upload == Upload(beside="last build", size=900_000, layers=1)


def test_compressed_layers_are_not_compared_with_others() -> None:
    assert report(image(), last=image(is_compressed=False)).upload is None


def test_what_a_registry_has_is_what_counts_for_a_push() -> None:
    found = report(image(new=(7,)), last=image(new=(7,)), registry=image(), pushed=True)

    assert found.upload == Upload(beside="registry", size=900_000, layers=1, is_done=True)
    assert found.new == ()


def test_a_layer_that_an_image_has_twice_is_uploaded_once() -> None:
    twice = BuiltImage(digest="", layers=(BuiltLayer("sha256:a", 7), BuiltLayer("sha256:a", 7)), is_compressed=True)

    assert report(twice, last=image()).upload == Upload(beside="last build", size=7, layers=1)


# Built images


def test_a_manifest_lists_compressed_layers() -> None:
    found = of_manifest(b'{"layers": [{"digest": "sha256:a", "size": 5}]}', "sha256:m")

    assert found == BuiltImage(digest="sha256:m", layers=(BuiltLayer("sha256:a", 5),), is_compressed=True)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b'{"layers": [{}]}', b'{"layers": 1}', b"\xff"])
def test_what_is_no_manifest_is_none(body: bytes) -> None:
    assert of_manifest(body, "sha256:m") is None


def metadata(steps: object, last: str = "step2:0") -> bytes:
    """Return buildx's metadata of a build with the layers ``steps``, whose image is the result of the step ``last``."""
    provenance = {
        "metadata": {"https://mobyproject.org/buildkit@v1#metadata": {"layers": steps}},
        "buildConfig": {"llbDefinition": [{"id": "step0"}, {"id": "step99", "inputs": [last]}]},
    }
    return json.dumps({"buildx.build.provenance": provenance}).encode()


def chain(*layers: str) -> list[list[dict[str, object]]]:
    return [[{"digest": f"sha256:{layer}", "size": len(layer)} for layer in layers]]


def test_what_buildx_tells_of_a_build_has_the_layers_of_its_last_step() -> None:
    steps = {"step2:0": chain("a"), "step10:0": chain("a", "bb", "ccc"), "step3:0": chain("a", "bb")}
    found = of_metadata(metadata(steps, "step10:0"), "sha256:m")

    layers = (BuiltLayer("sha256:a", 1), BuiltLayer("sha256:bb", 2), BuiltLayer("sha256:ccc", 3))
    assert found == BuiltImage(digest="sha256:m", layers=layers, is_compressed=True)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b'{"containerimage.digest": "sha256:m"}',
        metadata({}),
        metadata({"step2:0": []}),
        metadata({"step2:0": chain()}),
        metadata({"step1:0": chain("a", "b")}),
        metadata(["step2:0"]),
    ],
)
def test_what_tells_of_no_whole_image_is_no_image(text: bytes) -> None:
    assert of_metadata(text, "sha256:m") is None


@pytest.mark.parametrize(
    ("text", "is_lacking"),
    [
        (metadata({"step1:0": chain("a", "b")}), True),
        (metadata({"step1:0": chain("a"), "step2:0": chain("a", "b")}), False),
        (metadata({}), False),
        (b"", False),
        (b'{"containerimage.digest": "sha256:m"}', False),
    ],
)
def test_knows_that_another_build_made_the_last_step(text: bytes, is_lacking: bool) -> None:
    assert lacks_last_step(text) is is_lacking


def test_a_history_gives_each_layer_its_size() -> None:
    history = (
        {"CreatedBy": 'CMD ["python3"]', "Size": 0},
        {"CreatedBy": "WORKDIR /app", "Size": 0},
        {"CreatedBy": "COPY /srv/image / # buildkit", "Size": 40},
        {"CreatedBy": "ENV A=b", "Size": 0},
        {"CreatedBy": "", "Size": 93},
    )

    found = of_history("sha256:i", ("a", "b", "c"), history)

    assert [(layer.digest, layer.size) for layer in found.layers] == [("a", 93), ("b", 40), ("c", 0)]


def test_the_stream_names_the_manifest() -> None:
    stream = (STREAMS / "cold.jsonl").read_bytes().splitlines(keepends=True)

    assert read_stream(stream).manifest.startswith("sha256:")


# The last build


def test_a_build_is_remembered_by_folder_and_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLSPEC_CACHE_DIR", str(tmp_path / "cache"))
    built_images.keep(tmp_path, "demo", image())

    assert built_images.last(tmp_path, "demo") == image()
    assert built_images.last(tmp_path, "other") is None
    assert built_images.last(tmp_path / "cache", "demo") is None


def test_nothing_is_remembered_where_that_is_switched_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLSPEC_CACHE_DIR", "off")
    built_images.keep(tmp_path, "demo", image())

    assert built_images.last(tmp_path, "demo") is None


@pytest.mark.parametrize("damage", ["", "{", "[]", "null", '{"format": "mlspec build 1", "layers": [[1]]}'])
def test_a_damaged_memory_is_none(damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLSPEC_CACHE_DIR", str(tmp_path / "cache"))
    built_images.keep(tmp_path, "demo", image())
    (kept,) = (tmp_path / "cache" / "builds").iterdir()
    kept.write_text(damage)

    assert built_images.last(tmp_path, "demo") is None


# As lines


REPORTS = {
    "first": FIRST,
    "changed": SECOND,
    "same": SAME,
    "on disk": report(image(new=(7,), is_compressed=False), last=image(is_compressed=False)),
    "pushed": report(image(new=(7,)), registry=image(), pushed=True),
    "pushed nothing new": report(image(), registry=image(), pushed=True),
    "without layers": report(None),
}


@pytest.mark.parametrize("name", REPORTS)
def test_a_build_ends_with_a_few_lines(name: str, golden: Golden) -> None:
    assert "".join(f"{line}\n" for line in report_lines.brief(REPORTS[name])) == golden(
        SHOWN / f"report-{name.replace(' ', '-')}.txt"
    )


def test_the_whole_is_one_screen(golden: Golden) -> None:
    assert report_lines.full(SECOND) == golden(SHOWN / "report-whole.txt")


def test_a_build_of_many_layers_ends_with_no_more_lines() -> None:
    contents = [replace(layer.content, label=str(number)) for number, layer in enumerate(FIRST.layers * 5)]
    layers = zip(FIRST.layers * 5, contents, strict=True)
    many = replace(FIRST, layers=tuple(replace(layer, content=content) for layer, content in layers))

    assert len(list(report_lines.brief(many))) <= 10


# As JSON


def test_the_json_says_it_all(golden: Golden) -> None:
    assert json_text.text(SECOND) == golden(SHOWN / "report-whole.json")


def test_what_is_not_known_is_null() -> None:
    found = json.loads(json_text.text(report(None)))

    assert (found["size"], found["compressed"], found["upload"], found["layers"]) == (None, None, None, [])


# As a page


def test_the_treemap_has_a_tile_for_each_layer_and_each_of_its_packages(golden: Golden) -> None:
    lines = [
        f"{indent}{tile.label}, {tile.size}, {tile.kind}: {tile.hover}"
        for layer in tiles(SECOND)
        for indent, tile in (("", layer), *(("  ", part) for part in layer.parts))
    ]

    assert "\n".join(lines) == golden(SHOWN / "report-treemap.txt")


@pytest.mark.parametrize("made", [FIRST, SECOND])
def test_the_parts_of_a_tile_are_the_whole_of_it(made: BuildReport) -> None:
    assert [t for t in tiles(made) if t.parts and sum(part.size for part in t.parts) != t.size] == []


WHEEL_SIZES = st.lists(st.integers(1, 10**10), min_size=1, max_size=40)


@given(WHEEL_SIZES, st.integers(50, 2000), st.integers(50, 2000))
def test_rectangles_have_the_areas_of_their_sizes_and_stay_inside(sizes: list[int], width: int, height: int) -> None:
    sizes = sorted(sizes, reverse=True)
    placed = list(squarify(sizes, Rectangle(0, 0, width, height)))

    areas = [place.width * place.height for place in placed]
    assert areas == pytest.approx([size * width * height / sum(sizes) for size in sizes], rel=1e-6, abs=1e-6)
    assert max(place.x + place.width for place in placed) == pytest.approx(width)
    assert max(place.y + place.height for place in placed) == pytest.approx(height)


def test_rectangles_do_not_overlap() -> None:
    placed = list(squarify([60, 60, 40, 30, 20, 10], Rectangle(0, 0, 600, 400)))
    overlaps = [
        (one, other)
        for one, other in combinations(placed, 2)
        if min(one.x + one.width, other.x + other.width) - max(one.x, other.x) > 1e-6
        and min(one.y + one.height, other.y + other.height) - max(one.y, other.y) > 1e-6
    ]

    assert overlaps == []


def test_rectangles_of_one_size_are_nearly_squares() -> None:
    placed = list(squarify([1] * 12, Rectangle(0, 0, 600, 400)))

    assert max(max(p.width / p.height, p.height / p.width) for p in placed) < 2


def many_packages() -> BuildReport:
    """Return the report of an image with a layer of 500 packages, some with long names."""
    packages = tuple(
        Package(name=f"package-{'long-' * (n % 5)}{n}", version="1.2.3", wheel=n**3, via=("a", "b"))
        for n in range(1, 501)
    )
    large = next(layer for layer in SECOND.layers if len(layer.content.packages) > 1)
    content = replace(large.content, packages=packages)
    return replace(SECOND, layers=(*SECOND.layers, replace(large, content=content, size=10**9)))


def test_no_label_is_wider_or_higher_than_its_box() -> None:
    labels = [(box.place, one) for drawing in drawings(many_packages()) for box in drawing.boxes for one in box.labels]

    assert len(labels) > 10
    for place, label in labels:
        assert len(label.text) * 7 <= place.width
        assert label.y <= place.height


def test_tiles_too_small_to_see_are_drawn_as_one() -> None:
    narrow, wide = drawings(many_packages())

    assert any(box.hover.startswith("440 smaller than ") for box in wide.boxes)
    assert len(narrow.boxes) <= len(wide.boxes) < 80


@pytest.mark.parametrize("made", [SECOND, many_packages()], ids=["small", "large"])
def test_the_page_is_one_small_file_without_scripts(made: BuildReport) -> None:
    shown = page.html(made)

    assert len(shown.encode()) < 100_000
    assert ("306 smaller packages" in shown) == (made is not SECOND)
    assert not re.search(r"<script|http|src=|@import|url\(", shown)


def test_what_a_spec_says_is_text_on_the_page() -> None:
    facts = replace(FACTS, steps=(replace(FACTS.steps[2], label="your step: <img src=x>"),))

    assert "<img" not in page.html(replace(SECOND, facts=facts))


# On the command line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--report", "report.pdf"], "does not end in .html, .json or .txt"),
        (["--report", "nowhere/report.json"], 'there is no folder "nowhere"'),
        (["--report", "-", "--progress", "tty"], "leave it out"),
    ],
)
def test_a_report_that_cannot_be_written_is_refused_before_the_build(words: list[str], said: str) -> None:
    run = CliRunner().invoke(cli, ["build", *words])

    assert run.exit_code == 2
    assert said in run.output
