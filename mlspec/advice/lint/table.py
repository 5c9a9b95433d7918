"""The table of all warnings about a spec and its folder, and the functions that run its rules."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from mlspec.advice.lint import (
    accelerators,
    base_support,
    cluster,
    code_needs,
    copied,
    file_names,
    framework_conflicts,
    installs,
    lost_results,
    missing_modules,
    missing_programs,
    notebooks,
    package_needs,
    published_ports,
    running,
    safety,
    shared_folders,
    shell_scripts,
    source_packages,
    surroundings,
    unfollowed_settings,
    unknown_names,
    user_names,
)
from mlspec.advice.lint.subject import Context, Subject
from mlspec.errors import Problem
from mlspec.lock import platforms
from mlspec.spec.spec import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. All warnings that its functions yield get its code.

    ``find`` needs a spec, its plan and its lock, and runs whenever a spec is rendered. ``find_in_folder`` also needs
    the project's folder, and runs before a build and in a check. ``is_cause`` marks a rule whose warnings may explain a
    failed lock. ``is_loss`` marks a rule about data that is lost when a container ends.
    """

    code: str
    title: str
    find: Callable[[Subject], Iterator[Problem]] | None = None
    find_in_folder: Callable[[Subject, Context], Iterator[Problem]] | None = None
    is_cause: bool = False
    is_loss: bool = False


def _of_image(find: Callable[[Image], Iterator[Problem]]) -> Callable[[Subject], Iterator[Problem]]:
    return lambda subject: find(subject.image)


RULES = (
    Rule(code="MLS125", title="a Debian package that does not exist", find=_of_image(unknown_names.unknown_packages)),
    Rule(code="MLS126", title="an unknown Python", find=_of_image(unknown_names.unknown_python)),
    Rule(code="MLS127", title="an unknown base", find=_of_image(unknown_names.unknown_base)),
    Rule(code="MLS218", title="a Python that the project excludes", find=base_support.is_excluded, is_cause=True),
    Rule(code="MLS224", title="a setting that the lock does not follow", find=unfollowed_settings.is_not_heeded),
    Rule(code="MLS225", title="a group that the image lacks", find=unfollowed_settings.leaves_group_out),
    Rule(code="MLS232", title="a package that is compiled", find=source_packages.has_no_wheel),
    Rule(code="MLS601", title="a Python without security fixes", find=base_support.python_ends),
    Rule(code="MLS602", title="a Debian release without security fixes", find=base_support.debian_ends),
    Rule(code="MLS603", title="a base image without a version", find=base_support.floats),
    Rule(
        code="MLS610",
        title="a missing system library",
        find=package_needs.lacks_libraries,
        find_in_folder=code_needs.code_lacks_libraries,
    ),
    Rule(code="MLS611", title="a renamed Debian package", find=package_needs.is_renamed),
    Rule(code="MLS612", title="several OpenCVs in one image", find=package_needs.has_two_opencvs),
    Rule(code="MLS613", title="a cuda image that uses no GPU", find=package_needs.uses_no_gpu),
    Rule(code="MLS614", title="GPUs for packages that cannot use them", find=package_needs.asks_in_vain),
    Rule(code="MLS620", title="a secret in plain text", find=safety.is_in_clear),
    Rule(code="MLS621", title="a program that runs as root", find=safety.is_root),
    Rule(code="MLS622", title="a notebook server without a token", find=safety.lets_everybody_in),
    Rule(
        code="MLS630",
        title="little shared memory for several processes",
        find=running.lacks_shared_memory,
        find_in_folder=running.loads_in_processes,
    ),
    Rule(code="MLS631", title="several GPUs without the limits they need", find=running.lacks_limits),
    Rule(code="MLS632", title="a mount that hides what is in the image", find=running.mount_hides),
    Rule(code="MLS633", title="a health check with a missing program", find=running.health_needs_a_program),
    Rule(
        code="MLS634", title="a server that nothing outside can reach", find_in_folder=published_ports.listens_to_itself
    ),
    Rule(code="MLS635", title="a port that nothing listens on", find_in_folder=published_ports.publishes_another_port),
    Rule(
        code="MLS636", title="a model that every container downloads again", find_in_folder=running.downloads_each_time
    ),
    Rule(code="MLS637", title="a package that is not in the lock", find=installs.installs_past_the_lock),
    Rule(code="MLS638", title="a user that has no name in the image", find_in_folder=user_names.has_no_user_name),
    Rule(code="MLS640", title="large files that would be copied into the image", find_in_folder=copied.is_large),
    Rule(code="MLS641", title="a secret that would be copied into the image", find_in_folder=safety.copies_secret),
    Rule(code="MLS642", title="a script that is not in the image", find_in_folder=copied.lacks_script),
    Rule(code="MLS643", title="a script that cannot start", find_in_folder=copied.cannot_start),
    Rule(code="MLS644", title="an entry of include that names nothing", find_in_folder=copied.includes_nothing),
    Rule(code="MLS645", title="a program that is not in the image", find_in_folder=missing_programs.lacks_program),
    Rule(code="MLS646", title="a module that Python does not find", find_in_folder=missing_modules.lacks_module),
    Rule(
        code="MLS647",
        title="a script that does not pass signals to its program",
        find_in_folder=shell_scripts.keeps_signals,
    ),
    Rule(
        code="MLS648", title="a link that would be broken in the image", find_in_folder=surroundings.copies_dead_links
    ),
    Rule(code="MLS649", title="a pointer of git-lfs instead of its file", find_in_folder=copied.copies_pointers),
    Rule(code="MLS650", title="a package for another accelerator", find=accelerators.is_another_variant),
    Rule(
        code="MLS651",
        title="a CUDA or ROCm that torch is not built for",
        find=accelerators.is_not_built_for,
        is_cause=True,
    ),
    Rule(code="MLS652", title="a Python without wheels of a framework", find=accelerators.lacks_wheels, is_cause=True),
    Rule(code="MLS653", title="an unknown GPU", find=accelerators.is_unknown_gpu),
    Rule(code="MLS654", title="a GPU that torch has no kernels for", find=accelerators.lacks_kernels),
    Rule(code="MLS655", title="packages that install the same files", find=framework_conflicts.install_same_files),
    Rule(code="MLS656", title="a framework for another CUDA or cuDNN", find=framework_conflicts.need_other_libraries),
    Rule(code="MLS657", title="a torch for the CPU in a cuda image", find=framework_conflicts.is_for_the_cpu),
    Rule(code="MLS660", title="a library that a compiled package loads", find=source_packages.lacks_libraries),
    Rule(code="MLS661", title="build dependencies in the image", find=source_packages.keeps_headers),
    Rule(code="MLS662", title="a CUDA without a known compiler", find=source_packages.lacks_cuda_image),
    Rule(code="MLS663", title="build settings without effect", find=source_packages.bounds_no_build),
    Rule(code="MLS664", title="a cooldown without effect", find=unfollowed_settings.cools_nothing),
    Rule(code="MLS670", title="a limit that a cluster does not set", find=cluster.sets_no_limits),
    Rule(
        code="MLS680",
        title="a result that is lost with the container",
        find_in_folder=lost_results.loses_results,
        is_loss=True,
    ),
    Rule(
        code="MLS681",
        title="a notebook that is lost with the container",
        find_in_folder=notebooks.loses_notebooks,
        is_loss=True,
    ),
    Rule(code="MLS682", title="a locale that the image does not have", find=surroundings.lacks_locale),
    Rule(
        code="MLS683",
        title="a line of an environment file with another meaning",
        find_in_folder=surroundings.misreads_env_file,
    ),
    Rule(
        code="MLS684", title="a variable of the command that nothing sets", find_in_folder=shell_scripts.lacks_variable
    ),
    Rule(code="MLS686", title="a file name that is not UTF-8", find_in_folder=file_names.has_no_utf8_name),
    Rule(code="MLS688", title="a build context above the repository", find_in_folder=shared_folders.is_too_high),
    Rule(
        code="MLS689",
        title="an ignore file that the build does not read",
        find_in_folder=shared_folders.is_left_out_elsewhere,
    ),
    Rule(
        code="MLS690", title="a workflow that GitHub does not read", find_in_folder=shared_folders.has_unread_workflow
    ),
)
"""Every warning about a spec, its lock and its folder, by its code."""


def warnings(subject: Subject, *, causes: bool = False) -> tuple[Problem, ...]:
    """Return the warnings about an image's spec and lock; with ``causes``, only possible causes of a failed lock."""
    asked = [(rule.code, rule.find) for rule in RULES if rule.find and (rule.is_cause or not causes)]
    return tuple(dataclasses.replace(problem, code=code) for code, find in asked for problem in find(subject))


def folder_warnings(subject: Subject, context: Context, *, losses: bool = False) -> tuple[Problem, ...]:
    """Return the warnings about the project's folder for one image; with ``losses``, only about data a run loses."""
    wanted = (rule for rule in RULES if rule.is_loss or not losses)
    asked = [(rule.code, rule.find_in_folder) for rule in wanted if rule.find_in_folder]
    return tuple(dataclasses.replace(problem, code=code) for code, find in asked for problem in find(subject, context))


def merged_warnings(subjects: Iterable[Subject]) -> Iterator[Problem]:
    """Yield the warnings of all images, merged over the platforms of each image.

    The ``subjects`` of one image must be adjacent.
    """
    for _, own in itertools.groupby(subjects, key=lambda subject: subject.image.key):
        found = {subject.plan.platform: warnings(subject) for subject in own}
        yield from platforms.merge_messages(found, platforms.mark_platforms)


def checked_codes(subjects: Iterable[Subject]) -> frozenset[str]:
    """Return the codes of all rules, or no code if a subject lacks its date or its lock: some rules need both."""
    if not all(subject.today and subject.is_locked for subject in subjects):
        return frozenset()
    return frozenset(rule.code for rule in RULES)
