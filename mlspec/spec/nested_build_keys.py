"""Pydantic models of the mappings below keys of the build: steps, indexes, and metadata of packages."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from mlspec.spec import values
from mlspec.spec.fields import about, also_called
from mlspec.spec.nested_keys import Keys
from mlspec.spec.schema_parts import (
    AGE,
    AT_LEAST_ONE,
    INDEX_URL,
    ONE_OR_MORE,
    REGISTRY,
    SCRIPT,
    shape,
)
from mlspec.spec.value_types import (
    Filled,
    Line,
    PlainPath,
    as_list,
)


class RunStep(Keys):
    """A build step of the user's own, at a named place of the Dockerfile."""

    command: Annotated[
        str,
        AfterValidator(values.script),
        shape(SCRIPT),
        about("The command, which a shell runs.", "python -m nltk.downloader punkt"),
        also_called("cmd", "script"),
    ]
    at: Annotated[
        Literal["before_install", "after_install", "after_code"],
        about("When the step runs: before or after the packages are installed, or after the code is copied."),
        also_called("when"),
    ] = "after_install"
    cache: Annotated[
        tuple[PlainPath, ...],
        BeforeValidator(as_list),
        ONE_OR_MORE,
        about("Folders that keep their files between builds and are not in the image.", ["/root/.cache/huggingface"]),
    ] = ()
    secrets: Annotated[
        tuple[str, ...],
        BeforeValidator(as_list),
        ONE_OR_MORE,
        about("The secrets that it needs, by their names below secrets.", ["HF_TOKEN"]),
    ] = ()


class IndexEntry(Keys):
    """A package index and the packages, by name or pattern, that come from it and from nowhere else."""

    url: Annotated[
        str,
        AfterValidator(values.index_url),
        shape(INDEX_URL),
        about("Its address, without a login.", "https://packages.example/simple"),
    ]
    packages: Annotated[
        tuple[Filled, ...],
        BeforeValidator(as_list),
        Field(min_length=1),
        AT_LEAST_ONE,
        about("The packages that come from this index, by name or pattern.", ["ours", "ours-*"]),
    ]
    secret: Annotated[str | None, about("The secret with its login, in netrc form.", "OUR_INDEX")] = None


class RegistryEntry(Keys):
    """The place in a registry that an image is pushed to, and the form of its layers there."""

    name: Annotated[
        str,
        AfterValidator(values.registry),
        shape(REGISTRY),
        about("The registry and the namespace: HOST/NAMESPACE. The name of the image is added.", "ghcr.io/acme"),
        also_called("url", "host"),
    ]
    compression: Annotated[
        Literal["gzip", "zstd"],
        about("The compression of the layers. zstd is faster to pull. Default: gzip, which everything can pull."),
    ] = "gzip"


class Cooldown(Keys):
    """The age that a release must have before a lock takes it, and the packages that need no age."""

    age: Annotated[
        str,
        AfterValidator(values.age),
        shape(AGE),
        about("The days or weeks since the upload of a file.", "7 days"),
        also_called("days", "min_age"),
    ]
    exclude: Annotated[
        tuple[Filled, ...],
        BeforeValidator(as_list),
        ONE_OR_MORE,
        about("Packages of any age, by name or pattern.", ["ours", "ours-*"]),
        also_called("except", "exceptions"),
    ] = ()

    @property
    def days(self) -> int:
        """The age in days."""
        return int(self.age.split()[0])


class PackageMetadata(Keys):
    """The metadata of a source package, so that `mlspec lock` need not build it."""

    name: Annotated[Filled, about("The package.", "gdal")]
    version: Annotated[Line, about("The release. Default: all releases.", "3.6.2")] = ""
    requires_dist: Annotated[
        tuple[Filled, ...],
        BeforeValidator(as_list),
        ONE_OR_MORE,
        about("The packages that it requires.", ["numpy>=1.23"]),
    ] = ()
    requires_python: Annotated[Line, about("The Pythons that it supports.", ">=3.8")] = ""
