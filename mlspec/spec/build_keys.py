"""The keys of a spec that decide what is built: all that is known of each stands at its field.

The others are in :mod:`mlspec.spec.keys`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from mlspec.facts.accelerator import CPU, Accelerator
from mlspec.spec import schema_parts as shapes
from mlspec.spec import values as syntax
from mlspec.spec.fields import Hint, Joined, Starter, about, also_called
from mlspec.spec.nested_keys import (
    IndexEntry,
    Keys,
    PackageMetadata,
    RunStep,
)
from mlspec.spec.schema_parts import AT_LEAST_ONE, ONE_OR_MORE, names_to, or_short, shape
from mlspec.spec.value_types import (
    Filled,
    as_list,
    each,
    read_as_text,
)


class BuildKeys(Keys):
    """The keys that decide what is built, as written or as inherited."""

    python: Annotated[
        str,
        AfterValidator(syntax.python_version),
        shape(shapes.PYTHON),
        about("The Python of the image, read as text: 3.10 is 3.10. Required.", 3.12, "3.12.4"),
        also_called("python_version"),
        Starter(),
    ]
    base: Annotated[
        Filled | None,
        about(
            "What to build on: a Debian release, or a whole image reference. Default: the newest slim release known.",
            "slim-bookworm",
            "debian:12-slim",
        ),
        Hint("write a codename, such as slim-bookworm, or an image, such as debian:12-slim"),
        also_called("image", "base_image", "from"),
        Starter(),
    ] = None
    platforms: Annotated[
        tuple[Literal["linux/amd64", "linux/arm64"], ...],
        BeforeValidator(as_list),
        Field(min_length=1),
        AT_LEAST_ONE,
        about("What the image is built for, each locked apart. Default: linux/amd64.", "linux/arm64"),
        Hint("write linux/amd64 or linux/arm64"),
        also_called("platform"),
    ] = ("linux/amd64",)
    accelerator: Annotated[
        Accelerator,
        read_as_text(syntax.accelerator),
        shape(shapes.ACCELERATOR),
        about(
            "Where torch and its family come from, and the devices at run time. Default: cpu.",
            "cpu",
            "cuda",
            "cuda12.8",
            "rocm6.3",
        ),
        Hint("write cpu, cuda, cuda12.8 or rocm6.3"),
        also_called(unsure=("cuda",)),
        Starter(example="For NVIDIA GPUs, remove the # from the next two lines.\n# accelerator: cuda\n# gpus: all"),
    ] = CPU
    requirements: Annotated[
        tuple[Filled, ...],
        BeforeValidator(as_list),
        ONE_OR_MORE,
        about(
            "Packages: a file (.in, .txt, pyproject.toml), or a list in pip's syntax; both mix. Default: none.",
            "requirements.in",
            ["torch", "numpy>=2"],
        ),
        Hint("write a file, or a list such as: [torch, numpy>=2]"),
        also_called("pip", "python_packages", "python_requirements", unsure=("packages", "dependencies")),
        Starter("Packages: a file, or a list of names as pip takes them. They are pinned in requirements.lock."),
    ] = ()
    indexes: Annotated[
        tuple[IndexEntry, ...],
        about(
            "Further package indexes, each with the packages that come from it alone. Default: none.",
            [{"url": "https://packages.example/simple", "packages": ["ours"]}],
        ),
    ] = ()
    layers: Annotated[
        Mapping[
            Annotated[str, AfterValidator(syntax.layer_name)],
            Annotated[tuple[Filled, ...], BeforeValidator(as_list), Field(min_length=1), AT_LEAST_ONE],
        ],
        Field(max_length=16),
        names_to(shapes.LAYER),
        about(
            "Packages, by name or pattern, that share a layer of the image. "
            "Default: a layer for each heavy wheel, and bands of size for the others.",
            {"ours": ["our-lib", "our-plugin-*"]},
        ),
        Joined(),
    ] = Field(default_factory=dict)
    apt: Annotated[
        tuple[Annotated[str, AfterValidator(syntax.debian_package), shape(shapes.DEBIAN_PACKAGE)], ...],
        BeforeValidator(as_list),
        ONE_OR_MORE,
        about("Debian packages, perhaps with =VERSION. Default: none.", ["ffmpeg", "libgl1"]),
        also_called("system_packages", "apt_packages"),
        Starter("Debian packages."),
    ] = ()
    build_apt: Annotated[
        Annotated[
            tuple[Annotated[str, AfterValidator(syntax.debian_package), shape(shapes.DEBIAN_PACKAGE)], ...],
            BeforeValidator(as_list),
            ONE_OR_MORE,
        ]
        | None,
        about(
            "Further Debian packages to compile with, which do not reach the image; an empty list wants none at all. "
            "Default: compilers, and what the sources are known to take.",
            ["libsnappy-dev"],
        ),
        also_called("build_packages"),
    ] = None
    build_constraints: Annotated[
        tuple[Filled, ...],
        BeforeValidator(as_list),
        ONE_OR_MORE,
        about("Bounds on what builds take, as pip's --build-constraint. Default: none.", ["setuptools<81"]),
        also_called("build_constraint", "build_constraint_dependencies"),
    ] = ()
    dependency_metadata: Annotated[
        tuple[PackageMetadata, ...],
        about(
            "What source packages require, where only a build would tell and that is not to run. Default: none.",
            [{"name": "gdal", "version": "3.6.2", "requires_dist": ["numpy"]}],
        ),
        also_called("package_metadata"),
    ] = ()
    apt_snapshot: Annotated[
        Annotated[str, AfterValidator(syntax.day), shape(shapes.DAY)] | None,
        about("The day whose Debian the packages come from. Default: the newest at each build.", "2026-11-01"),
    ] = None
    include: Annotated[
        Annotated[
            tuple[Annotated[str, AfterValidator(syntax.included), shape(shapes.INCLUDED)], ...],
            BeforeValidator(as_list),
            ONE_OR_MORE,
        ]
        | None,
        about(
            "What of the project is copied into the image; ! leaves out. Default: what is not ignored.",
            ["src", "train.py", "!src/notes"],
        ),
        also_called(unsure=("copy", "files")),
    ] = None
    run: Annotated[
        tuple[Annotated[RunStep, each(lambda text: {"command": text}), or_short(shapes.SCRIPT)], ...],
        about("Build steps of your own: commands for a shell. Default: none.", ["python -m nltk.downloader punkt"]),
    ] = ()
