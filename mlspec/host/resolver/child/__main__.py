"""The run in the child process: reads the job, lets pip-tools compile as the target, writes the report."""

from __future__ import annotations

import json
import shlex
import sys
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

from pip._internal.models.index import PyPI
from pip._vendor.packaging.version import InvalidVersion
from piptools.scripts.compile import cli

from mlspec.host.resolver.child import lifeline
from mlspec.host.resolver.child.channel import Channel
from mlspec.host.resolver.child.child_errors import MismatchError
from mlspec.host.resolver.child.common_pythons import judge_pins
from mlspec.host.resolver.child.events import replace_silence
from mlspec.host.resolver.child.failure_report import explain_failure
from mlspec.host.resolver.child.identity import become
from mlspec.host.resolver.child.limits import replace_reading
from mlspec.host.resolver.child.pin_rows import compare_pins
from mlspec.host.resolver.child.routing import with_login
from mlspec.host.resolver.child.seen import Seen
from mlspec.host.resolver.child.target import ResolverTarget

MISMATCH = 9
"""The exit code of a runner that could not become the target: then nothing was resolved."""


def main() -> int:
    """Resolve the job on standard input and write the report; returns the exit code."""
    channel = Channel()
    job = channel.job()
    lifeline.hold(job["lifeline"])
    target = ResolverTarget(job["python"], job["platform"], job["glibc"])
    seen = Seen(target, channel)
    code = 0
    try:
        become(target, job, seen)
        replace_reading()
        replace_silence(channel)
        if job["pins"]:
            report = compare_pins(job, seen, _pip_options(job))
        else:
            cli.main(args=_arguments(job), prog_name="mlspec", standalone_mode=False)
            report = seen.report or {"error": {"kind": "other", "message": "pip-tools ended without a result"}}
    except MismatchError as error:
        report, code = {"error": {"kind": "mismatch", "message": str(error)}}, MISMATCH
    except SystemExit as error:
        report, code = {"error": {"kind": "other", "message": f"pip-tools stopped ({error.code})"}}, 1
    except Exception as error:  # the report carries it; a traceback helps nobody
        told = explain_failure(error, seen, pre="--pre" in job["options"])
        report, code = {"error": {**told, **judge_pins(told, job["exact"], seen)}}, 1
    report["tools"] = {name: installed_version(name) for name in ("pip", "pip-tools")}
    Path(sys.argv[1]).write_text(json.dumps(report), encoding="utf-8")
    return code


def _pip_options(job: dict[str, Any]) -> list[str]:
    """Return pip's options; they are passed within this process, so a login in them shows nowhere."""
    default = job["default_index"] or PyPI.simple_url
    pip_options = ["--index-url", default, "--retries", "3", "--timeout", "60", "--no-input"]
    # Many indexes do not serve metadata apart. Reading it out of the end of a wheel took 8 s for torch and what it
    # brings, where fetching every wheel whole (3 GB) took 24 s on a fast line.
    pip_options += ["--use-feature", "fast-deps"]
    # Pip finds the login of a page by the indexes it was given; which of them it asks is routed.
    for index in job["indexes"]:
        pip_options += ["--extra-index-url", with_login(index)]
    for option in job["options"]:
        pip_options += [] if option == "--pre" else shlex.split(option)
    return pip_options + (["--cert", job["cert"]] if job["cert"] else [])


def _arguments(job: dict[str, Any]) -> list[str]:
    """Return pip-compile's arguments."""
    arguments = ["--no-config", "--no-header", "--quiet", "--allow-unsafe", "--strip-extras", "--generate-hashes"]
    arguments += ["--no-emit-index-url", "--no-emit-trusted-host", "--no-emit-find-links", "--no-emit-options"]
    arguments += ["--resolver", "backtracking", "--cache-dir", job["cache"], "--output-file", "compiled.txt"]
    arguments += ["--pre"] if "--pre" in job["options"] else []
    arguments += ["--constraint", "constraints.txt"] if Path("constraints.txt").exists() else []
    for name in job["upgrade_packages"]:
        arguments += ["--upgrade-package", name]
    return [*arguments, "--pip-args", shlex.join(_pip_options(job)), "requirements.in"]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except InvalidVersion as error:
        sys.exit(str(error))
