"""The workflow of GitHub Actions: a job that checks the files, and a job for each image that builds and pushes it.

The keys are those of docs.github.com/actions/reference/workflows-and-actions/workflow-syntax.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlspec.plan.plan import Plan
from mlspec.targets.bundle import Bundle
from mlspec.targets.comment_filters import comment
from mlspec.targets.pipeline_steps import (
    INSTALL_VARIABLE,
    build_script,
    list_secret_names,
    login_command,
    registry_host,
)
from mlspec.targets.sheet import Block, Data, Sheet, present

_OWN_REGISTRY = "ghcr.io"
_IS_PUSHED = "${{ github.ref_name == github.event.repository.default_branch }}"
_CHECKOUT: Mapping[str, Data] = {"uses": "actions/checkout@v5"}


def part(plan: Plan, bundle: Bundle) -> Mapping[str, Data]:
    """Return the part of one image in the file of its spec."""
    return {"jobs": {_job_name(plan, bundle): _build(plan)}}


def sheets(bundle: Bundle) -> tuple[Sheet, ...]:
    """Return the only document of the file."""
    whole: dict[str, Data] = {
        "name": bundle.project,
        "on": ["push", "pull_request"],
        "permissions": {"contents": "read"},
        "jobs": {"check": _check(), **{_job_name(plan, bundle): _build(plan) for plan in bundle.plans}},
    }
    return (Sheet((), whole, apart="jobs"),)


def _job_name(plan: Plan, bundle: Bundle) -> str:
    # The name of a job may have no dot.
    return f"build-{plan.key or bundle.project}".replace(".", "_")


def _check() -> Data:
    return {
        "if": f"vars.{INSTALL_VARIABLE} != ''",
        "runs-on": "ubuntu-latest",
        "steps": [
            _CHECKOUT,
            {
                "run": f'pipx install "${INSTALL_VARIABLE}"',
                "env": {INSTALL_VARIABLE: f"${{{{ vars.{INSTALL_VARIABLE} }}}}"},
            },
            {"run": "mlspec render --check"},
            {"run": "mlspec check --strict --format github"},
        ],
    }


def _build(plan: Plan) -> Data:
    is_arm = plan.platforms == ("linux/arm64",)
    host = registry_host(plan)
    user, password = _find_login(host)
    secrets: dict[str, Data] = {name: f"${{{{ secrets.{name} }}}}" for name in list_secret_names(plan)}
    return {
        "runs-on": "ubuntu-24.04-arm" if is_arm else "ubuntu-latest",
        "permissions": {"contents": "read", **({"packages": "write"} if host == _OWN_REGISTRY else {})},
        "outputs": {"image": "${{ steps.build.outputs.image }}"},
        "env": {"PUSH": _IS_PUSHED},
        "steps": [
            _CHECKOUT,
            *([_EMULATION] if plan.is_multi_platform else []),
            {
                "name": "Create a builder that can write a cache",
                "if": "${{ !env.ACT }}",
                "run": "docker buildx create --use",
            },
            {
                "name": "Log in to the registry",
                "if": "env.PUSH == 'true'",
                "run": login_command(plan, "$REGISTRY_USER", "$REGISTRY_PASSWORD"),
                "env": {"REGISTRY_USER": user, "REGISTRY_PASSWORD": password},
            },
            present(
                {
                    "name": "Build, and push from the default branch",
                    "id": "build",
                    "run": Block(_build_lines(plan)),
                    "env": {"METADATA": "${{ runner.temp }}/image.json", "SOURCE": _SOURCE, **secrets},
                }
            ),
        ],
    }


_SOURCE = "${{ github.server_url }}/${{ github.repository }}"
_EMULATION: Mapping[str, Data] = {
    "name": "Emulate the other platforms",
    "run": "docker run --privileged --rm tonistiigi/binfmt --install all",
}


def _find_login(host: str) -> tuple[str, str]:
    if host == _OWN_REGISTRY:
        return "${{ github.actor }}", "${{ github.token }}"
    return "${{ secrets.REGISTRY_USER }}", "${{ secrets.REGISTRY_PASSWORD }}"


def _build_lines(plan: Plan) -> str:
    digest = """image="$IMAGE@$(jq --raw-output '."containerimage.digest"' "$METADATA")\""""
    return "\n".join(
        (
            build_script(plan, "GITHUB_SHA", "SOURCE"),
            f"{digest.replace('$IMAGE', plan.push.name)}",
            'echo "image=$image" >> "$GITHUB_OUTPUT"',
            'echo "$image" >> "$GITHUB_STEP_SUMMARY"',
        )
    )


# The comment


def heading(bundle: Bundle) -> tuple[str, ...]:
    """Return the comment of the file: its origin, and what the settings of the repository need."""
    return tuple(map(comment, _heading(bundle)))


def _heading(bundle: Bundle) -> Iterator[str]:
    yield bundle.plans[0].files.banner
    yield ""
    yield "Each image is built on every push, and pushed from the default branch, with the commit as its tag."
    yield f"To check the files too: the variable {INSTALL_VARIABLE}, with what pip installs mlspec from"
    names = dict.fromkeys(name for plan in bundle.plans for name in list_secret_names(plan))
    if any(registry_host(plan) != _OWN_REGISTRY for plan in bundle.plans):
        names |= {"REGISTRY_USER": None, "REGISTRY_PASSWORD": None}
    if names:
        yield f"Once, secrets of the repository: {', '.join(names)}"
