"""The main function of the child process: read the job, compile with pip-tools for the target, write the report."""

from __future__ import annotations

import functools
import json
import shlex
import sys
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

from pip._internal.models.index import PyPI
from pip._vendor.packaging.version import InvalidVersion
from piptools.scripts.compile import cli

from mlspec.host.resolver.child import lifeline, routing
from mlspec.host.resolver.child.channel import Channel
from mlspec.host.resolver.child.child_errors import MismatchError
from mlspec.host.resolver.child.common_pythons import judge_pins
from mlspec.host.resolver.child.events import replace_silence
from mlspec.host.resolver.child.failure_report import explain_failure
from mlspec.host.resolver.child.identity import become
from mlspec.host.resolver.child.limits import replace_reading
from mlspec.host.resolver.child.pin_records import PinRecords
from mlspec.host.resolver.child.pin_rows import compare_pins
from mlspec.host.resolver.child.routing import with_login
from mlspec.host.resolver.child.seen import Seen
from mlspec.host.resolver.child.target import ResolverTarget
from mlspec.host.resolver.child.upload_times import UploadTimes
from mlspec.host.resolver.child.wheel_metadata import WheelMetadata

MISMATCH = 9
"""Exit code if pip could not be changed to resolve for the target; nothing was resolved then."""


def main() -> int:
    """Resolve the job on standard input, write the report, and return the exit code."""
    channel = Channel()
    job = channel.job()
    lifeline.hold(job["lifeline"])
    target = ResolverTarget(job["python"], job["platform"], job["glibc"])
    route = functools.partial(routing.route, job["indexes"], job["default_index"] or PyPI.simple_url)
    uploads = UploadTimes.of(job)
    records = PinRecords(job, route, uploads)
    seen = Seen(target, channel, WheelMetadata(Path(job["cache"], "metadata")), records, uploads)
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
    except Exception as error:  # the report contains the error; a traceback helps nobody
        told = explain_failure(error, seen, pre="--pre" in job["options"])
        report, code = {"error": {**told, **judge_pins(told, job["exact"], seen)}}, 1
    report["tools"] = {name: installed_version(name) for name in ("pip", "pip-tools")}
    Path(sys.argv[1]).write_text(json.dumps(report), encoding="utf-8")
    return code


def _pip_options(job: dict[str, Any]) -> list[str]:
    """Return pip's options; a login in them stays invisible, because the options never leave this process."""
    default = job["default_index"] or PyPI.simple_url
    pip_options = ["--index-url", default, "--retries", "3", "--timeout", "60", "--no-input"]
    # Many indexes do not serve metadata as separate files. Reading the metadata from the end of each wheel took 8 s for
    # torch and its dependencies; downloading the whole wheels (3 GB) took 24 s on a fast line.
    pip_options += ["--use-feature", "fast-deps"]
    # pip takes the login of a page from these options. The routing, and not this list, chooses the index of a package.
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
