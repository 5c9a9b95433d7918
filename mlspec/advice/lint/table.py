"""Every rule: its code, what it finds, and its function."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from mlspec.advice.lint import (
    accelerators,
    base_support,
    compiled,
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
    settings,
    shell_scripts,
    surroundings,
    unknown_names,
)
from mlspec.advice.lint import kubernetes as clusters
from mlspec.advice.lint.subject import Context, Subject
from mlspec.errors import Problem, merge_problems
from mlspec.lock import platforms
from mlspec.spec.spec import Spec


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule over a spec, its plan and its lock; it runs wherever a spec is rendered."""

    code: str
    title: str
    find: Callable[[Subject], Iterator[Problem]]
    is_cause: bool = False
    """Whether what it finds may be why nothing that fits can be found."""


@dataclass(frozen=True, slots=True)
class FolderRule:
    """One rule over the project's folder too; it runs before a build, and in a check."""

    code: str
    title: str
    find: Callable[[Subject, Context], Iterator[Problem]]
    is_loss: bool = False
    """Whether it tells of something that is lost when a container ends."""


RULES = (
    Rule("MLS218", "a Python that the project is not for", base_support.is_excluded, is_cause=True),
    Rule("MLS224", "a setting that the lock does not follow", settings.is_not_heeded),
    Rule("MLS225", "a group that the image does not have", settings.leaves_group_out),
    Rule("MLS232", "a package that is compiled", compiled.has_no_wheel),
    Rule("MLS601", "a Python without security fixes", base_support.python_ends),
    Rule("MLS602", "a Debian release without security fixes", base_support.debian_ends),
    Rule("MLS603", "a base image that is another one tomorrow", base_support.floats),
    Rule("MLS610", "a library of the system that is missing", package_needs.lacks_libraries),
    Rule("MLS611", "a Debian package of another name", package_needs.is_renamed),
    Rule("MLS612", "several OpenCVs in one image", package_needs.has_two_opencvs),
    Rule("MLS613", "a cuda image that uses no GPU", package_needs.uses_no_gpu),
    Rule("MLS614", "GPUs for packages that cannot use them", package_needs.asks_in_vain),
    Rule("MLS620", "a secret in plain text", safety.is_in_clear),
    Rule("MLS621", "a program that runs as root", safety.is_root),
    Rule("MLS622", "a notebook server that lets everybody in", safety.lets_everybody_in),
    Rule("MLS630", "little shared memory for several processes", running.lacks_shared_memory),
    Rule("MLS631", "several GPUs without the limits they need", running.lacks_limits),
    Rule("MLS632", "a mount that hides what is in the image", running.mount_hides),
    Rule("MLS633", "a health check by a program that is not there", running.health_needs_a_program),
    Rule("MLS637", "a package that no lock holds", installs.installs_past_the_lock),
    Rule("MLS650", "a package for another accelerator", accelerators.is_another_variant),
    Rule("MLS651", "a CUDA or ROCm that torch is not built for", accelerators.is_not_built_for, is_cause=True),
    Rule("MLS652", "a Python without wheels of a framework", accelerators.lacks_wheels, is_cause=True),
    Rule("MLS653", "a GPU that is not known", accelerators.is_unknown_gpu),
    Rule("MLS654", "a GPU that torch has no kernels for", accelerators.lacks_kernels),
    Rule("MLS655", "packages that install the same files", framework_conflicts.install_same_files),
    Rule("MLS656", "a framework for another CUDA or cuDNN", framework_conflicts.need_other_libraries),
    Rule("MLS657", "a torch for the CPU in a cuda image", framework_conflicts.is_for_the_cpu),
    Rule("MLS660", "a library that a compiled package loads", compiled.lacks_libraries),
    Rule("MLS661", "what compiling takes, in the image", compiled.keeps_headers),
    Rule("MLS662", "a CUDA whose compiler is not known", compiled.lacks_cuda_image),
    Rule("MLS663", "bounds on builds that nothing has", compiled.bounds_no_build),
    Rule("MLS682", "a locale that the image does not have", surroundings.lacks_locale),
    Rule("MLS670", "a limit that a cluster does not set", clusters.sets_no_limits),
)
"""The rules over a spec and its lock."""

FOLDER_RULES = (
    FolderRule("MLS630", "little shared memory for several processes", running.loads_in_processes),
    FolderRule("MLS634", "a server that answers nobody outside", published_ports.listens_to_itself),
    FolderRule("MLS635", "a port that nothing listens on", published_ports.publishes_another_port),
    FolderRule("MLS636", "a model that is downloaded again each time", running.downloads_each_time),
    FolderRule("MLS640", "much about to be copied into the image", copied.is_large),
    FolderRule("MLS641", "a secret about to be copied into the image", safety.copies_secret),
    FolderRule("MLS642", "a script that is not in the image", copied.lacks_script),
    FolderRule("MLS643", "a script that cannot start", copied.cannot_start),
    FolderRule("MLS644", "an entry of include that names nothing", copied.includes_nothing),
    FolderRule("MLS649", "a pointer of git-lfs in place of its file", copied.copies_pointers),
    FolderRule("MLS686", "a file name that no builder takes", file_names.has_no_utf8_name),
    FolderRule("MLS645", "a program that is not in the image", missing_programs.lacks_program),
    FolderRule("MLS646", "a module that Python does not find", missing_modules.lacks_module),
    FolderRule("MLS647", "a script that keeps signals from its program", shell_scripts.keeps_signals),
    FolderRule("MLS648", "a link that leads nowhere in the image", surroundings.copies_dead_links),
    FolderRule("MLS683", "a line of an environment file that docker reads otherwise", surroundings.misreads_env_file),
    FolderRule("MLS684", "a variable of the command that nothing sets", shell_scripts.lacks_variable),
    FolderRule("MLS680", "a result that no mount keeps", lost_results.loses_results, is_loss=True),
    FolderRule("MLS681", "a notebook that no mount keeps", notebooks.loses_notebooks, is_loss=True),
)
"""The rules over the project's folder."""


def warnings(subject: Subject, *, causes: bool = False) -> tuple[Problem, ...]:
    """Return what is worth a warning in an image's spec and lock; of ``causes``, only what may be why a lock fails."""
    asked = (rule for rule in RULES if rule.is_cause or not causes)
    return tuple(dataclasses.replace(problem, code=rule.code) for rule in asked for problem in rule.find(subject))


def folder_warnings(subject: Subject, context: Context, *, losses: bool = False) -> tuple[Problem, ...]:
    """Return what is worth a warning in the project's folder, for one image; of ``losses``, only what a run loses."""
    asked = (rule for rule in FOLDER_RULES if rule.is_loss or not losses)
    return tuple(
        dataclasses.replace(problem, code=rule.code) for rule in asked for problem in rule.find(subject, context)
    )


def merged_warnings(subjects: Iterable[Subject]) -> Iterator[Problem]:
    """Yield the warnings of all images, once for all platforms of an image; ``subjects`` are in the images' order."""
    for _, own in itertools.groupby(subjects, key=lambda subject: subject.image.key):
        found = {subject.plan.platform: warnings(subject) for subject in own}
        yield from platforms.told(found, platforms.on)


def checked_codes(subjects: Iterable[Subject]) -> frozenset[str]:
    """Return the codes of all warnings that were looked for: what ends takes a day, and packages take a lock."""
    if not all(subject.today and subject.is_locked for subject in subjects):
        return frozenset()
    return frozenset((*unknown_names.CODES, *(rule.code for rule in (*RULES, *FOLDER_RULES))))


def unknown_name_warnings(spec: Spec) -> tuple[Problem, ...]:
    """Return the warnings of names in a spec that nothing is known to have, at their lines."""
    return merge_problems(problem for image in spec.images for problem in unknown_names.unknown_names(image))
