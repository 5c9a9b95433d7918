"""Tests of the parts of a plan: their decisions and the inputs of these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from mlspec.errors import SpecError
from mlspec.lock.image_facts import ImageFacts
from mlspec.lock.pins import FROM_GIT
from mlspec.lock.source_layers import SourceLayer
from mlspec.lock.state import LockResult
from mlspec.plan.compiled_spec import compile_spec
from mlspec.plan.healthcheck import HealthcheckPlan
from mlspec.plan.plan import Plan, resolve
from mlspec.spec.spec import Image, Spec

FACTS = ImageFacts(project="app", base="python:3.12-slim@sha256:1", is_official=True, layers=("small_wheels",))
MULTI_PLATFORM = "platforms: [linux/amd64, linux/arm64]\n"
STEP_BEFORE = "run: [{command: echo, at: before_install}]\n"
PlanOf = Callable[..., Plan]


@pytest.fixture
def plan_of(image_of: Callable[[str], Image]) -> PlanOf:
    """Return a function from keys of a spec and facts of its lock to a plan."""
    return lambda keys="", **facts: resolve("mlspec.yaml", image_of(f"python: 3.12\n{keys}"), replace(FACTS, **facts))


# The base


def test_a_base_of_the_users_own_is_built_on_as_root(plan_of: PlanOf) -> None:
    assert plan_of().base.user is None
    assert plan_of(is_official=False).base.user == "0:0"


def test_the_former_base_is_used_only_where_packages_are_installed_on_it(plan_of: PlanOf) -> None:
    assert plan_of(install_base="python@sha256:0").base.former == "python@sha256:0"
    assert plan_of(install_base="python@sha256:0", layers=()).base.former is None
    assert plan_of(STEP_BEFORE, install_base="python@sha256:0").base.former is None


# The system


def test_a_system_without_packages_and_steps_is_that_of_the_base(plan_of: PlanOf) -> None:
    assert plan_of().system.stage == "python"
    assert plan_of("apt: [git, curl, git]\n").system.apt == ("curl", "git")
    assert plan_of("apt: [git]\n").system.stage == plan_of(STEP_BEFORE).system.stage == "base"


# The packages


def test_there_is_no_installer_without_something_to_install(plan_of: PlanOf) -> None:
    assert plan_of(layers=()).packages.installer is None
    assert plan_of(layers=(), has_vcs=True).packages.installer is not None


@pytest.mark.parametrize(
    ("keys", "facts", "stage"),
    [
        ("", {}, "python"),
        ("apt: [git]\n", {}, "python"),
        (STEP_BEFORE, {}, "base"),
        ("", {"install_base": "python@sha256:0"}, "former"),
        (MULTI_PLATFORM, {}, "native"),
        (MULTI_PLATFORM, {"has_vcs": True}, "python"),
        (MULTI_PLATFORM, {"sources": (SourceLayer(layer="small_wheels", packages=("x",)),)}, "python"),
    ],
)
def test_packages_are_installed_on_what_changes_least(
    plan_of: PlanOf, keys: str, facts: dict[str, object], stage: str
) -> None:
    installer = plan_of(keys, **facts).packages.installer

    assert installer is not None
    assert installer.from_stage == stage
    assert installer.is_cross_platform == (stage == "native")


def test_a_layer_knows_its_index_and_the_login_there(plan_of: PlanOf) -> None:
    keys = "secrets: {login: {environment: L}}\nindexes: [{url: https://i/simple, packages: [x], secret: login}]\n"
    plan = plan_of(keys, layer_indexes=(("small_wheels", "https://i/simple"),), index_urls=("https://i/simple",))

    (layer,) = plan.packages.layers
    assert (layer.stage, layer.index, layer.secret) == ("layer-small_wheels", "https://i/simple", "login")
    assert [name for name, _ in plan.build_secrets] == ["login"]


def test_git_dependencies_are_fetched_with_keys_only_where_they_need_them(plan_of: PlanOf) -> None:
    plain, keyed = plan_of(has_vcs=True).packages, plan_of(has_vcs=True, uses_ssh=True).packages

    assert plan_of().packages.git is None
    assert plain.git is not None
    assert keyed.git is not None
    assert (plain.uses_ssh, keyed.uses_ssh) == (False, True)
    assert set(keyed.git.apt) - set(plain.git.apt) == {"openssh-client"}


def test_the_build_of_a_git_dependency_is_that_of_its_source(plan_of: PlanOf) -> None:
    source = SourceLayer(layer=FROM_GIT, packages=("x",), languages=("C",))
    packages = plan_of(has_vcs=True, sources=(source,)).packages

    assert packages.git is not None
    assert packages.git.build.from_stage == "compiler"
    assert packages.compiler is not None


@pytest.mark.parametrize(("accelerator", "cuda"), [("cuda", "12.4"), ("cuda12.8", "12.8"), ("cpu", "")])
def test_the_version_of_cuda_is_named_or_that_of_the_lock(plan_of: PlanOf, accelerator: str, cuda: str) -> None:
    assert plan_of(f"accelerator: {accelerator}\n", cuda="12.4").packages.cuda == cuda


# The code


def test_only_the_locks_that_packages_are_installed_from_stay_in_the_context(plan_of: PlanOf) -> None:
    code = plan_of(has_vcs=True, layers=()).code

    assert [line for line in code.generated if line.startswith("!")] == ["!requirements.vcs.lock"]
    assert code.copied_locks == ("/app/requirements.vcs.lock",)


def test_what_is_included_is_an_exception_of_all(plan_of: PlanOf) -> None:
    assert plan_of().code.include is None
    assert plan_of("include: [src, '!src/data']\n").code.include == ("!src", "src/data")


# The folders


def test_a_volume_is_mounted_on_a_folder_that_every_user_may_write_to(plan_of: PlanOf) -> None:
    assert "/data" in plan_of("mounts: ['data:/data']\n").folders.paths


def test_root_needs_no_account(plan_of: PlanOf) -> None:
    assert plan_of("user: 0:0\n").folders.account is None
    assert plan_of("user: 5:6\n").folders.account == "app:x:5:6::/home/app:/bin/sh"


def test_folders_are_made_where_the_names_of_users_are_those_of_the_image(plan_of: PlanOf) -> None:
    assert plan_of(MULTI_PLATFORM).folders.from_stage == "native"
    assert plan_of(MULTI_PLATFORM, is_official=False).folders.from_stage == "python"
    assert plan_of(f"{MULTI_PLATFORM}apt: [git]\n").folders.from_stage == "base"


# The container


def test_what_the_spec_says_of_the_environment_comes_before_the_defaults(plan_of: PlanOf) -> None:
    container = plan_of("environment: {HOME: /h, TOKEN: null}\n").container

    assert container.variables == (("HOME", "/h"),)
    assert "HOME" not in dict(container.defaults)
    assert dict(container.defaults)["VIRTUAL_ENV"] == "/opt/venv"
    assert "VIRTUAL_ENV" not in dict(plan_of(layers=()).container.defaults)


def test_a_disabled_health_check_is_not_that_of_the_base(plan_of: PlanOf) -> None:
    assert plan_of().container.healthcheck is None
    assert plan_of("healthcheck: {disable: true}\n").container.healthcheck == HealthcheckPlan()


def test_a_path_is_asked_for_on_the_first_tcp_port(plan_of: PlanOf) -> None:
    check = plan_of("healthcheck: /healthz\nports: ['53:53/udp', '80:8000']\n").container.healthcheck

    assert check is not None
    assert (check.path, check.port) == ("/healthz", 8000)


# The run


@pytest.mark.parametrize(
    ("keys", "is_caller"),
    [("", False), ("mounts: [./data:/data]\n", True), ("mounts: [./data:/data]\nuser: 5:5\n", False)],
)
def test_a_program_that_shares_files_runs_as_the_caller(plan_of: PlanOf, keys: str, is_caller: bool) -> None:
    assert plan_of(keys).run.as_caller == is_caller


def test_the_secret_of_a_build_step_is_no_secret_of_the_program(plan_of: PlanOf) -> None:
    keys = "secrets: {a: {environment: A}, b: {environment: B}}\nrun: [{command: echo, secrets: [a]}]\n"
    plan = plan_of(keys)

    assert [name for name, _ in plan.build_secrets] == ["a"]
    assert plan.run.environment_secrets == (("b", "B"),)


# All images of a spec


def test_a_plan_is_chosen_by_image_and_platform(spec_of: Callable[[str], Spec]) -> None:
    spec = spec_of(f"python: 3.12\n{MULTI_PLATFORM}images: {{a: {{}}, b: {{}}}}\n")
    compiled = compile_spec(spec, "mlspec.yaml", LockResult(facts={"a": FACTS, "b": FACTS}, contents={}, artifacts=()))

    assert compiled.plan("b").image == "app-b"
    assert compiled.plan("a", "linux/arm64").platform == "linux/arm64"
    with pytest.raises(SpecError, match="MLS239"):
        compiled.plan("a", "linux/s390x")
    with pytest.raises(SpecError, match="MLS406"):
        compiled.plan(None)
