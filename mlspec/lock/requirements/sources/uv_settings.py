"""Settings of `[tool.uv]`, `uv.toml` and pixi that change the choice of releases: convert to pip options, or report.

The keys are those of uv's reference of settings, 0.13, and of pixi's manifest, 0.50.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.markers import InvalidMarker

from mlspec.errors import Problem
from mlspec.facts.accelerator import from_label
from mlspec.lock.requirements.markers import is_true
from mlspec.lock.requirements.requirement_types import Matters, Unheeded
from mlspec.lock.requirements.sources.choices import is_pypi
from mlspec.lock.requirements.sources.source_tables import Conditions, Finds, TomlText
from mlspec.spec.place import Place

TAKE_PINS = "take the pins that uv made: name uv.lock in the place of this file"
AGE = "pip's resolver takes the newest release that fits, whenever it was uploaded"
_IGNORE = "remove it; or accept it: # mlspec: ignore=MLS224 WHY"


@dataclass(frozen=True, slots=True, kw_only=True)
class UvSetting:
    """One setting of a resolver: its key and value, its place, and the conditions of the image."""

    key: str
    value: Any
    place: Place
    conditions: Conditions
    finds: Finds
    hint: str = TAKE_PINS

    @property
    def as_toml(self) -> str:
        """The setting, as messages show it."""
        return f"{self.key} = {_as_toml(self.value)}"

    def refuse(self, message: str) -> None:
        """Record the problem that the setting would lead to another lock."""
        self.finds.problems.append(refuse_setting(self.place, self.as_toml, message, self.hint))

    def tell(
        self, message: str, hint: str = "", *, matters: Matters = "always", packages: tuple[str, ...] = ()
    ) -> None:
        """Record a warning that mlspec ignores the setting; it appears only if ``matters`` applies."""
        text = f"{self.as_toml}: {message}"
        found = Unheeded("setting", text, hint or self.hint, self.place, matters=matters, packages=packages)
        self.finds.unheeded.append(found)

    def keep(self, option: str) -> None:
        """Record the setting as an option of pip's."""
        self.finds.options.append((option, self.place))


def refuse_setting(place: Place, shown: str, message: str, hint: str = TAKE_PINS) -> Problem:
    """Return the problem that a setting would lead to another lock."""
    return place.problem("MLS223", f"{shown}: {message}", hint)


def _as_toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    return "{ ... }" if isinstance(value, dict) else "[ ... ]" if isinstance(value, list) else str(value)


# The meaning of each setting here


def _age(setting: UvSetting) -> None:
    if setting.value not in ({}, "", None, False):
        setting.refuse(AGE)


def _prereleases(setting: UvSetting) -> None:
    # By default, pip and uv both take a pre-release only if a requirement names one or no other release fits.
    if setting.value == "allow":
        setting.keep("--pre")
    elif setting.value != "if-necessary-or-explicit":
        message = "pip takes a pre-release only if a requirement names one, or nothing else fits"
        setting.tell(message, matters="pre-release")


def _order(setting: UvSetting) -> None:
    if setting.value != "highest":
        setting.refuse("pip's resolver takes the highest releases")


def _forks(setting: UvSetting) -> None:
    if setting.value != "requires-python":
        setting.tell("the lock has the newest releases for the Python of the image, not one for all Pythons")


def _index_order(setting: UvSetting) -> None:
    has_others = any(index.reach == "any" and not is_pypi(index.url) for index in setting.finds.indexes)
    if setting.value != "first-index" and has_others:
        message = "each package comes from one index, by `indexes` of the spec, never from the index with the newest"
        setting.tell(message, _IGNORE)


def _sources_only(setting: UvSetting) -> None:
    if isinstance(setting.value, list):
        _keep_names(setting, "--no-binary")
    elif setting.value:
        setting.refuse("it would compile every package, torch among them")


def _wheels_only(setting: UvSetting) -> None:
    if isinstance(setting.value, list):
        _keep_names(setting, "--only-binary")
    elif setting.value:
        setting.keep("--only-binary :all:")


def _keep_names(setting: UvSetting, option: str) -> None:
    names = ",".join(map(str, setting.value))
    if option == "--no-binary" and ":all:" in names:
        setting.refuse("it would compile every package, torch among them")
    elif names:
        setting.keep(f"{option} {names}")


def _build(setting: UvSetting) -> None:
    if not setting.value:
        return
    named = setting.value if isinstance(setting.value, list | dict) and setting.key != "config-settings" else ()
    message = "builds of sources are isolated, with their own requirements and without settings"
    hint = "take releases that have wheels; or constrain the builds: build_constraints (mlspec explain MLS224)"
    setting.tell(message, hint, matters="source", packages=tuple(map(str, named)))


def _environments(setting: UvSetting) -> None:
    listed = setting.value if isinstance(setting.value, list) else [setting.value]
    conditions = setting.conditions
    try:
        lacking = [
            platform
            for platform in conditions.platforms
            if not any(is_true(str(marker), conditions.python, platform) for marker in listed)
        ]
    except InvalidMarker:
        setting.tell("not a valid marker", "write markers as pip has them")
        return
    if listed and lacking:
        message = f"uv would not install the project on {' or '.join(lacking)} with Python {conditions.python}"
        setting.tell(message, "add the image's environment there, such as: sys_platform == 'linux'")


def _torch(setting: UvSetting) -> None:
    wanted, own = from_label(str(setting.value)), setting.conditions.accelerator
    if setting.value == "auto" or (wanted and own.covers(wanted)):
        return
    message = f"the image is for {own}"
    problem = setting.place.problem(
        "MLS217", f"{setting.as_toml}: {message}", f"write in the spec: accelerator: {wanted or setting.value}"
    )
    setting.finds.problems.append(problem)


_JUDGES: Mapping[str, Callable[[UvSetting], None]] = {
    "exclude-newer": _age,
    "exclude-newer-package": _age,
    "prerelease": _prereleases,
    "prerelease-mode": _prereleases,
    "resolution": _order,
    "fork-strategy": _forks,
    "index-strategy": _index_order,
    "no-binary": _sources_only,
    "no-binary-package": _sources_only,
    "no-build": _wheels_only,
    "no-build-package": _wheels_only,
    "only-binary": _wheels_only,
    "no-build-isolation": _build,
    "no-build-isolation-package": _build,
    "extra-build-dependencies": _build,
    "extra-build-variables": _build,
    "config-settings": _build,
    "config-settings-package": _build,
    "environments": _environments,
    "torch-backend": _torch,
}
# Other settings change nothing for one image: required-environments (a missing wheel for the image's own platforms is
# an error anyway), conflicts (between extras, and the spec names its own extras), and settings of network and cache.


def read_settings(
    toml: TomlText, above: tuple[str, ...], conditions: Conditions, finds: Finds, *, hint: str = TAKE_PINS
) -> None:
    """Record the effect of each setting in one table, in the order of the file."""
    for key, value in toml.table(*above).items():
        if judge := _JUDGES.get(key):
            place = toml.place(*above, key)
            judge(UvSetting(key=key, value=value, place=place, conditions=conditions, finds=finds, hint=hint))
