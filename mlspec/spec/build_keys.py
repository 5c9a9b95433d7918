"""The keys of a spec that decide on the build, each with all its facts at its field.

The other keys are in :mod:`mlspec.spec.keys`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from mlspec.facts.accelerator import CPU, Accelerator
from mlspec.spec import values
from mlspec.spec.fields import Hint, Joined, Starter, about, also_called
from mlspec.spec.nested_build_keys import Cooldown, IndexEntry, PackageMetadata, RegistryEntry, RunStep
from mlspec.spec.nested_keys import Keys
from mlspec.spec.schema_parts import (
    ACCELERATOR,
    AGE,
    AT_LEAST_ONE,
    CONTEXT,
    DAY,
    DEBIAN_PACKAGE,
    INCLUDED,
    LAYER,
    ONE_OR_MORE,
    PYTHON,
    REGISTRY,
    SCRIPT,
    names_to,
    or_short,
    shape,
)
from mlspec.spec.value_types import (
    Filled,
    as_list,
    each,
    read_as_text,
)


class BuildKeys(Keys):
    """The keys that decide on the build, as written or as inherited."""

    python: Annotated[
        str,
        AfterValidator(values.python_version),
        shape(PYTHON),
        about("The Python of the image, read as text: 3.10 is 3.10. Required.", 3.12, "3.12.4"),
        also_called("python_version"),
        Starter(),
    ]
    base: Annotated[
        Filled | None,
        about(
            "The base image: a Debian release of the official Python image, or a whole image reference. "
            "Default: the newest slim release known.",
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
        about(
            "The platforms to build the image for, each with its own lock. Default: linux/amd64.",
            "linux/arm64",
        ),
        Hint("write linux/amd64 or linux/arm64"),
        also_called("platform"),
    ] = ("linux/amd64",)
    accelerator: Annotated[
        Accelerator,
        read_as_text(values.accelerator),
        shape(ACCELERATOR),
        about(
            "The hardware that the image computes on: it decides which index torch and its family come from, and which "
            "devices a container gets. Default: cpu.",
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
            "The Python packages to install: a file (.in, .txt, pyproject.toml), the lock of another tool (uv.lock, "
            "poetry.lock, pdm.lock, Pipfile.lock, pylock.toml), the project itself (-e .), a folder of it (./libs/x), "
            "or a list in pip's syntax, which may also name files. Default: none.",
            "requirements.in",
            ["torch", "numpy>=2"],
            "uv.lock",
            ["-e .", "uvicorn"],
        ),
        Hint("write a file, or a list such as: [torch, numpy>=2]"),
        also_called("pip", "python_packages", "python_requirements", unsure=("packages", "dependencies")),
        Starter("Packages: a file, or a list of names as pip takes them. They are pinned in requirements.lock."),
    ] = ()
    dev: Annotated[
        tuple[Filled, ...],
        BeforeValidator(as_list),
        ONE_OR_MORE,
        about(
            "Python packages for the people who work on the project, in the forms of requirements. A dev container has "
            "them beside those of the image; the image itself never has them. Default: none.",
            ["ipykernel", "pytest", "ruff"],
            "--group dev",
        ),
        Hint("write a list, such as: [ipykernel, pytest], or a dependency group of pyproject.toml: --group dev"),
        also_called("dev_requirements", "dev_dependencies"),
    ] = ()
    indexes: Annotated[
        tuple[IndexEntry, ...],
        about(
            "Further package indexes, each with the packages that come only from it. Default: none.",
            [{"url": "https://packages.example/simple", "packages": ["ours"]}],
        ),
    ] = ()
    cooldown: Annotated[
        Annotated[Cooldown, each(lambda text: {"age": text}), or_short(AGE)] | None,
        about(
            "The age that a release must have before a lock takes it, by the upload times of the index: malicious "
            "releases are mostly found within days. Or a mapping, with packages of any age below exclude. "
            "Default: none.",
            "7 days",
            {"age": "7 days", "exclude": ["ours"]},
        ),
        also_called("exclude_newer", "minimum_release_age", "uploaded_prior_to"),
    ] = None
    layers: Annotated[
        Mapping[
            Annotated[str, AfterValidator(values.layer_name)],
            Annotated[tuple[Filled, ...], BeforeValidator(as_list), Field(min_length=1), AT_LEAST_ONE],
        ],
        Field(max_length=16),
        names_to(LAYER),
        about(
            "Layers of the image, by names of your own, with the packages that share each, by name or pattern. "
            "Default: a layer for each heavy wheel, and bands of size for the others.",
            {"ours": ["our-lib", "our-plugin-*"]},
        ),
        Joined(),
    ] = Field(default_factory=dict)
    apt: Annotated[
        tuple[Annotated[str, AfterValidator(values.debian_package), shape(DEBIAN_PACKAGE)], ...],
        BeforeValidator(as_list),
        ONE_OR_MORE,
        about("Debian packages to install, each perhaps with =VERSION. Default: none.", ["ffmpeg", "libgl1"]),
        also_called("system_packages", "apt_packages"),
        Starter("Debian packages."),
    ] = ()
    build_apt: Annotated[
        Annotated[
            tuple[Annotated[str, AfterValidator(values.debian_package), shape(DEBIAN_PACKAGE)], ...],
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
        about(
            "Constraints on the packages that builds of sources take, as pip's --build-constraint. Default: none.",
            ["setuptools<81"],
        ),
        also_called("build_constraint", "build_constraint_dependencies"),
    ] = ()
    dependency_metadata: Annotated[
        tuple[PackageMetadata, ...],
        about(
            "Dependencies of source packages, so that mlspec lock need not build them to see them. Default: none.",
            [{"name": "gdal", "version": "3.6.2", "requires_dist": ["numpy"]}],
        ),
        also_called("package_metadata"),
    ] = ()
    apt_snapshot: Annotated[
        Annotated[str, AfterValidator(values.day), shape(DAY)] | None,
        about("The day whose Debian the packages come from. Default: the newest at each build.", "2026-11-01"),
    ] = None
    context: Annotated[
        Annotated[Filled, AfterValidator(values.build_context), shape(CONTEXT)] | None,
        about(
            "The build context: the folder of the spec or one above it, for code that several specs share. The image "
            "has the folders as the context has them, below /app. Default: the folder of the spec.",
            "../..",
        ),
        Hint("write a folder above the spec, such as: context: ../.."),
        also_called("build_context"),
    ] = None
    include: Annotated[
        Annotated[
            tuple[Annotated[str, AfterValidator(values.included_path), shape(INCLUDED)], ...],
            BeforeValidator(as_list),
            ONE_OR_MORE,
        ]
        | None,
        about(
            "The files of the project that are copied into the image; ! in front leaves out. Default: all that is not "
            "ignored.",
            ["src", "train.py", "!src/notes"],
        ),
        also_called(unsure=("copy", "files")),
    ] = None
    run: Annotated[
        tuple[Annotated[RunStep, each(lambda text: {"command": text}), or_short(SCRIPT)], ...],
        about("Your build steps: commands for a shell. Default: none.", ["python -m nltk.downloader punkt"]),
    ] = ()
    registry: Annotated[
        Annotated[RegistryEntry, each(lambda text: {"name": text}), or_short(REGISTRY)] | None,
        about(
            "Where mlspec build --push pushes the image: HOST/NAMESPACE, and the name of the image is added; or a "
            "mapping, with the compression. Default: the name alone.",
            "ghcr.io/acme",
            {"name": "ghcr.io/acme", "compression": "zstd"},
        ),
    ] = None
