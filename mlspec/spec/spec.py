"""Validate a document: make a Spec of valid images that knows the place of each value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from mlspec.errors import KeyPath, Problem, Repair, SpecError, merge_problems
from mlspec.spec.context_place import context_root, fill_working_dir, find_context_conflicts, place_in_context
from mlspec.spec.contradictions import find_contradictions
from mlspec.spec.document import Document
from mlspec.spec.foreign_files import recognize_foreign
from mlspec.spec.inheritance import Origins, levels, origin_of
from mlspec.spec.keys import Settings, TopKeys
from mlspec.spec.messages import NO_EXCERPT, diagnose, unknown_value
from mlspec.spec.place import Place
from mlspec.spec.suppressions import Ignores, in_document
from mlspec.spec.targets import ALWAYS, OPTIONAL_TARGETS, TARGETS, add_needed_targets
from mlspec.spec.values import looks_secret, pairs, step_to
from mlspec.text import did_you_mean


@dataclass(frozen=True)
class Image:
    """One image of a spec: its key in ``images`` (empty if the spec has none) and its settings.

    ``targets`` are those of its spec, and ``document`` is the spec's text.
    """

    key: str
    settings: Settings
    origins: Mapping[KeyPath, KeyPath] = field(default_factory=dict, repr=False)
    targets: tuple[str, ...] = ()
    document: Document | None = field(default=None, repr=False, compare=False)

    @property
    def place(self) -> str:
        """The path from the build context to the spec's folder; empty if the folder is the context."""
        return place_in_context(self.settings, self._folder)

    @property
    def context_root(self) -> str:
        """The folder in the image that has the files of the build context."""
        return context_root(self.settings.working_dir, self.place)

    @property
    def _folder(self) -> tuple[str, ...] | None:
        return self.document.folder if self.document else None

    def with_settings(self, settings: Settings) -> Image:
        """Return the image with other settings, and with the working directory that follows from them."""
        place = place_in_context(settings, self._folder)
        return replace(self, settings=fill_working_dir(settings, place))

    def find_context_problems(self) -> Iterator[Problem]:
        """Yield the problems of this image with its build context."""
        for code, message, hint, path in find_context_conflicts(self.settings, self._folder):
            yield self.problem(code, message, hint, *path)

    def origin(self, *path: str | int) -> KeyPath:
        """Return the path in the document of the value at ``path`` of this image."""
        return origin_of(self.origins, path)

    def at(self, *path: str | int) -> Place:
        """Return the place of the value at ``path`` of this image."""
        return Place(path=self.origin(*path), document=self.document)

    def problem(
        self, code: str, message: str, hint: str, *path: str | int, repairs: tuple[Repair, ...] = ()
    ) -> Problem:
        """Return an error at the value at ``path`` of this image, with its place in the spec."""
        return replace(self.at(*path).problem(code, message, hint), repairs=repairs)

    def warning(self, code: str, message: str, hint: str, *path: str | int) -> Problem:
        """Return a warning at the value at ``path`` of this image, with its place in the spec."""
        return replace(self.problem(code, message, hint, *path), severity="warning")


@dataclass(frozen=True)
class Spec:
    """A valid spec."""

    document: Document
    name: str | None
    images: tuple[Image, ...]
    ignores: Ignores = field(default_factory=Ignores)
    targets: tuple[str, ...] = ()

    def image(self, key: str) -> Image:
        """Return the image with this key; raises StopIteration if there is none."""
        return next(image for image in self.images if image.key == key)


def validate(document: Document) -> Spec:
    """Return the spec in ``document``; raises SpecError with all problems, each at its place."""
    if foreign := recognize_foreign(document.data, document.file):
        raise SpecError(document.place(foreign))
    problems: list[Problem] = []
    top = _top_keys(document.data, problems)
    targets = _targets(document.data.get("targets"), problems)
    images = [
        replace(image, targets=targets)
        for key, data, origins in levels(document.data, problems)
        if (image := _image(document, key, data, origins, problems))
    ]
    problems += [
        problem for image in images for problem in (*find_contradictions(image, top.name), *unfit(image, targets))
    ]
    ignores = in_document(document)
    problems += [problem for problem in ignores.problems if problem.severity == "error"]
    if problems:
        # Images that inherit the same line all report the same problem.
        raise SpecError(*{str(placed): placed for placed in map(document.place, problems)}.values())
    return Spec(document, top.name, tuple(images), ignores, targets)


def _top_keys(data: Mapping[str, Any], problems: list[Problem]) -> TopKeys:
    """Return the keys that belong only at the top; a key with a wrong value counts as missing."""
    written = {key: data[key] for key in TopKeys.model_fields if data.get(key) is not None}
    try:
        return TopKeys.model_validate(written)
    except ValidationError as error:
        found = diagnose(error, data)
    problems += found
    wrong = {problem.path[0] for problem in found}
    return TopKeys.model_validate({key: value for key, value in written.items() if key not in wrong})


def _targets(written: object, problems: list[Problem]) -> tuple[str, ...]:
    """Return the targets that a spec asks for; the type of the key reports other values than texts."""
    listed = list(enumerate(written)) if isinstance(written, list) else []
    items = [((), written)] if isinstance(written, str) else [((number,), item) for number, item in listed]
    names = [(step, item) for step, item in items if isinstance(item, str)]
    problems += [_unknown_target(("targets", *step), name) for step, name in names if name not in OPTIONAL_TARGETS]
    return add_needed_targets(target for target in OPTIONAL_TARGETS if any(name == target for _, name in names))


def _unknown_target(path: KeyPath, item: str) -> Problem:
    problem = unknown_value(path, item, OPTIONAL_TARGETS)
    if item in ALWAYS:
        return replace(problem, hint=f"remove it: {TARGETS[item].about} is always written")
    return problem


def _image(
    document: Document, key: str, data: dict[str, Any], origins: Origins, problems: list[Problem]
) -> Image | None:
    problems += _secrets_in_clear(data, origins)
    try:
        settings = Settings.model_validate(data)
        return Image(key, settings, origins, document=document).with_settings(settings)
    except ValidationError as error:
        problems += diagnose(error, data, lambda path: origin_of(origins, path))
    return None


def unfit(image: Image, targets: Iterable[str]) -> Iterator[Problem]:
    """Yield a problem for each value of an image that makes no sense for one of ``targets``."""
    for name in targets:
        yield from TARGETS[name].refuse(image)


def _secrets_in_clear(data: Mapping[str, Any], origins: Origins) -> Iterator[Problem]:
    written = data.get("environment")
    named = pairs(written)
    for name, value in named.items() if isinstance(named, dict) else ():
        step = step_to(written, name)
        if step is not None and looks_secret(name, value):
            yield Problem(
                code="MLS117",
                message=f"{name} would be readable in every layer and listing of the image",
                hint=f"remove it here and write: secrets: [{name}]",
                path=origin_of(origins, ("environment", step)),
                excerpt=NO_EXCERPT,
            )


def choose_image(spec: Spec, key: str | None) -> Image:
    """Return the image with this key, or the only image; raises SpecError if the key is missing or unknown."""
    keys = [image.key for image in spec.images]
    if key is None and len(keys) == 1:
        return spec.images[0]
    if key in keys and key is not None:
        return spec.image(key)
    names = ", ".join(known for known in keys if known)
    message = f'there is no image "{key}"' if key else f"{spec.document.file} has several images"
    hint = f"name one of: {names}" if names else "this spec has one image without a name: leave it out"
    near = did_you_mean(key or "", filter(None, keys))
    raise SpecError(Problem(code="MLS406", message=message, hint=near or hint))


def find_unfit(spec: Spec, targets: Iterable[str]) -> tuple[Problem, ...]:
    """Return the problems of keys that make no sense for ``targets``, without the targets of the spec itself."""
    others = [name for name in targets if name not in spec.targets]
    return merge_problems(problem for image in spec.images for problem in unfit(image, others))
