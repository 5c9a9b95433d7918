"""The metadata of a source, from a build in the engine that leaves no image and no container."""

from __future__ import annotations

from pathlib import Path

from mlspec.build import build_variant
from mlspec.build.build_variant import Extras
from mlspec.build.stream import BuildState
from mlspec.errors import MlspecError
from mlspec.host.engine import engine
from mlspec.host.engine.image_build import follow
from mlspec.host.engine.mirrors import in_reach
from mlspec.host.files.scratch import scratch
from mlspec.host.network import user_configuration
from mlspec.plan.source_builds import MetadataStage
from mlspec.targets.run_script import EPOCH, secret_values


def unusable() -> str:
    """Return the reason why no engine on this host can build, in one line; empty if an engine can build."""
    try:
        engine.require()
    except MlspecError as error:
        return error.problems[0].message
    return ""


def platform_for(wanted: str) -> str:
    """Return the platform to build for: the wanted platform if the engine can run it, else the engine's own."""
    if wanted in engine.builder().platforms:
        return wanted
    native = engine.own_platform()
    return native if native.startswith("linux/") else wanted


def make(stage: MetadataStage, platform: str, context: Path, out: Path, project: Path) -> str:
    """Run the script of a build context on a stage, and write its result into the folder ``out``.

    Secrets of the user's steps come from the environment or from files in ``project``, the folder of the spec. Returns
    the reason in one line if the engine cannot build the stage; empty if the script ran.
    """
    extras = Extras(certificates=user_configuration.certificates(), codename=stage.codename)
    made = build_variant.make_stage_variant(stage, in_reach(user_configuration.configuration()), extras)
    with scratch() as folder:
        dockerfile = folder / "Dockerfile"
        dockerfile.write_text(made.dockerfile, encoding="utf-8")
        words = ["docker", "buildx", "build", "--progress", "plain", "--file", str(dockerfile)]
        words += ["--platform", platform, "--provenance=false", "--build-arg", f"SOURCE_DATE_EPOCH={EPOCH}"]
        for secret, text in made.secrets.items():
            path = folder / secret
            path.touch(mode=0o600)
            path.write_text(text, encoding="utf-8")
            words += ["--secret", f"id={secret},src={path}"]
        words += [word for value in secret_values(stage.secrets) for word in ("--secret", value)]
        words += ["--output", f"type=local,dest={out}", str(context)]
        try:
            code, state = follow(words, project, lambda *_: None)
        except MlspecError as error:
            return error.problems[0].message
    return _reason(state) if code else ""


def _reason(state: BuildState) -> str:
    """Return the error message of a failed build, as one line of at most 200 characters."""
    lines = [line.strip() for line in state.said if line.strip()]
    own_words = [line for line in lines if "E: " in line or line.startswith("ERROR: ")]
    return (own_words or lines or ["it said nothing"])[0][:200]
