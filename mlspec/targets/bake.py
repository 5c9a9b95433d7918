"""The file of ``docker buildx bake``, which builds all images of a spec at the same time.

The keys are those of docs.docker.com/build/bake/reference. A text is a template of HCL: ``${…}`` is an expression.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlspec.plan.plan import Plan
from mlspec.spec.targets import TARGETS
from mlspec.targets.build_options import cache_fields, image_fields, name_cache
from mlspec.targets.bundle import Bundle
from mlspec.targets.comment_filters import comment
from mlspec.targets.filters import HOME_MARK, shell
from mlspec.targets.run_script import EPOCH, host_path, join_fields, secret_values
from mlspec.targets.sheet import Data, Sheet, present

_HOME, _TAG, _CACHE = "HOME", "TAG", "CACHE"


def part(plan: Plan, bundle: Bundle) -> Mapping[str, Data]:
    """Return the part of one image in the file of its spec."""
    name = _target_name(plan, bundle)
    return {"group": {"default": {"targets": [name]}}, "target": {name: _target(plan)}}


def sheets(bundle: Bundle) -> tuple[Sheet, ...]:
    """Return the only document of the file: variables, a group of all images, and a target for each image."""
    names = [_target_name(plan, bundle) for plan in bundle.plans]
    variables: dict[str, Data] = {_TAG: {"default": "latest"}, _CACHE: {"default": ""}}
    if any(HOME_MARK in value for plan in bundle.plans for value in secret_values(plan.build_secrets)):
        variables[_HOME] = {"default": ""}
    whole: dict[str, Data] = {
        "variable": variables,
        "group": {"default": {"targets": names}},
        "target": {name: _target(plan) for name, plan in zip(names, bundle.plans, strict=True)},
    }
    return (Sheet((), whole),)


def _target_name(plan: Plan, bundle: Bundle) -> str:
    # A dot would end the name in the options of bake: --set TARGET.KEY=VALUE.
    return (plan.key or bundle.project).replace(".", "_")


def _target(plan: Plan) -> Data:
    return present(
        {
            "context": plan.context.path,
            "dockerfile": plan.dockerfile,
            "platforms": list(plan.platforms),
            "args": {"SOURCE_DATE_EPOCH": EPOCH},
            "tags": [f"{_literal(plan.push.name)}:${{{_TAG}}}"],
            "secret": [
                _literal(value).replace(HOME_MARK, f"${{{_HOME}}}") for value in secret_values(plan.build_secrets)
            ],
            "ssh": ["default"] if plan.packages.uses_ssh else None,
            # Attestations hold the time of the build, and turn a single image into an index.
            "attest": ["type=provenance,disabled=true"],
            "cache-from": _unless_empty(name_cache(f"${{{_CACHE}}}", plan.key), "type=registry,ref={}"),
            "cache-to": _unless_empty(name_cache(f"${{{_CACHE}}}", plan.key), join_fields(cache_fields("{}"))),
            "output": [join_fields(image_fields(plan.push.compression))],
        }
    )


def _unless_empty(reference: str, form: str) -> str:
    """Return the expression of a list with one text, or of an empty list if the variable of the cache is empty."""
    return f'${{{_CACHE} == "" ? [] : ["{form.format(reference)}"]}}'


def _literal(text: str) -> str:
    return text.replace("${", "$${").replace("%{", "%%{")


# The comment


def heading(bundle: Bundle) -> tuple[str, ...]:
    """Return the comment of the file: its origin, and how to build, to push and to cache."""
    return tuple(map(comment, _heading(bundle)))


def _heading(bundle: Bundle) -> Iterator[str]:
    file = TARGETS["bake"].path(bundle.plans[0].files)
    command = "docker buildx bake" + ("" if file == TARGETS["bake"].file else f" --file {file}")
    several = any(plan.is_multi_platform for plan in bundle.plans)
    for grant in dict.fromkeys(grant for plan in bundle.plans for grant in _grants(plan)):
        command += f" --allow={grant}"
    yield bundle.plans[0].files.banner
    yield f"To build for this engine: {command} --load" + (" --set *.platform=local" if several else "")
    yield f"To push: {_TAG}=1.0 {command} --push"
    yield f"To keep the build cache in a registry, put in front: {_CACHE}=REGISTRY/NAME"
    yield "The images are those of: mlspec build --no-labels"


def _grants(plan: Plan) -> Iterator[str]:
    """Yield the grants that bake needs: to read outside the folder that it is started in, and to use an ssh agent."""
    paths = [plan.context.path, *(host_path(secret.file) for _, secret in plan.build_secrets if secret.file)]
    # JSON would escape the double quotes, and the command could not be copied.
    words = ((path, shell(path).replace('"$HOME"', "$HOME")) for path in paths)
    yield from (f"fs.read={word}" for path, word in words if path.startswith(("..", "/", HOME_MARK)))
    if plan.packages.uses_ssh:
        yield "ssh"
