"""The jobs of GitLab CI: one that checks the files, and one for each image that builds and pushes it.

The keys are those of docs.gitlab.com/ci/yaml.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlspec.plan.plan import Plan
from mlspec.spec.targets import TARGETS
from mlspec.targets.bundle import Bundle
from mlspec.targets.comment_filters import comment
from mlspec.targets.pipeline_steps import INSTALL_VARIABLE, build_script, list_secret_names, login_command
from mlspec.targets.sheet import Block, Data, Sheet, present

_FOLDER = "MLSPEC_FOLDER"
_DOCKER = "28"


def part(plan: Plan, bundle: Bundle) -> Mapping[str, Data]:
    """Return the part of one image in the file of its spec."""
    return {_job_name(plan, bundle): _build(plan)}


def sheets(bundle: Bundle) -> tuple[Sheet, ...]:
    """Return the only document of the file."""
    whole: dict[str, Data] = {
        "variables": {_FOLDER: bundle.plans[0].context.place or "."},
        f"{bundle.project}-check": _check(),
        **{_job_name(plan, bundle): _build(plan) for plan in bundle.plans},
    }
    return (Sheet((), whole, apart="variables"),)


def _job_name(plan: Plan, bundle: Bundle) -> str:
    return f"{bundle.project}-build{f'-{plan.key}' if plan.key else ''}"


def _check() -> Data:
    return {
        "stage": "test",
        "image": "python:3.12-slim",
        "rules": [{"if": f"${INSTALL_VARIABLE}"}],
        "script": [
            # pip installs from git, too.
            "apt-get update -q=2 && apt-get install -q=2 --no-install-recommends git",
            f'pip install "${INSTALL_VARIABLE}"',
            f'cd "${_FOLDER}"',
            "mlspec render --check",
            "mlspec check --strict",
        ],
    }


def _build(plan: Plan) -> Data:
    login = login_command(plan, "${REGISTRY_USER:-$CI_REGISTRY_USER}", "${REGISTRY_PASSWORD:-$CI_REGISTRY_PASSWORD}")
    ssh = ["apk add --quiet openssh-client"] if plan.packages.uses_ssh else []
    emulation = ["docker run --privileged --rm tonistiigi/binfmt --install all"] if plan.is_multi_platform else []
    return present(
        {
            "stage": "build",
            "image": f"docker:{_DOCKER}",
            "services": [f"docker:{_DOCKER}-dind"],
            "tags": ["saas-linux-small-arm64"] if plan.platforms == ("linux/arm64",) else None,
            "variables": {"DOCKER_TLS_CERTDIR": "/certs", "METADATA": "image.json", "PUSH": "false"},
            "rules": [
                {"if": "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH", "variables": {"PUSH": "true"}},
                {"if": "$CI_COMMIT_BRANCH"},
            ],
            "script": [
                f'cd "${_FOLDER}"',
                *ssh,
                *emulation,
                # The default builder of this service writes no cache, and the other one needs the certificates by name.
                "docker context create pipeline && docker buildx create --use pipeline",
                f'if [ "$PUSH" = true ]; then {login}; fi',
                Block(build_script(plan, "CI_COMMIT_SHA", "CI_PROJECT_URL")),
            ],
            "artifacts": {"paths": [f"${_FOLDER}/image.json"]},
        }
    )


# The comment


def heading(bundle: Bundle) -> tuple[str, ...]:
    """Return the comment of the file: its origin, how to include it, and what the settings of the project need."""
    return tuple(map(comment, _heading(bundle)))


def _heading(bundle: Bundle) -> Iterator[str]:
    files, place = bundle.plans[0].files, bundle.plans[0].context.place
    path = f"{place}/{TARGETS['gitlab'].path(files)}" if place else TARGETS["gitlab"].path(files)
    yield files.banner
    yield ""
    yield f"In .gitlab-ci.yml: include: [{{local: {path}}}]"
    yield f"If this file is not at the root of the repository: variables: {{{_FOLDER}: its folder}}"
    yield "Each image is built on every push, and pushed from the default branch, with the commit as its tag."
    yield f"To check the files too: the variable {INSTALL_VARIABLE}, with what pip installs mlspec from"
    names = [*dict.fromkeys(name for plan in bundle.plans for name in list_secret_names(plan))]
    yield f"Once, masked variables of the project: {', '.join([*names, 'REGISTRY_USER', 'REGISTRY_PASSWORD'])}"
    yield "Without the last two, the login is that of GitLab's own registry."
