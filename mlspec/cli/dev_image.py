"""The image of ``mlspec dev``: locked and built where needed, and ready to run with the project mounted."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from mlspec import api
from mlspec.build.view import format_seconds
from mlspec.cli.build import choose_platforms
from mlspec.cli.build_one import build_image, build_silently, prepare_with_mirrors
from mlspec.cli.build_podman import build_with_podman
from mlspec.cli.options import wish_of
from mlspec.cli.specs import find_folder_warnings, finish, rendered_of, today
from mlspec.cli.terminal import say, show
from mlspec.errors import MlspecError, Problem, SpecError
from mlspec.host.cache.witness import Witness, witness_reads
from mlspec.host.engine import container_run
from mlspec.host.engine.podman import require_podman
from mlspec.host.files.generated import find_edits
from mlspec.host.files.turns import alone
from mlspec.host.live.mount_points import provide_mount_points
from mlspec.host.live.ready_image import ReadyImage, find_build_reason, list_inputs, ready_image
from mlspec.host.rendered import Rendered
from mlspec.plan.plan import Plan
from mlspec.targets.build_options import BuildOptions
from mlspec.targets.run_caller import EngineName


class DevImage:
    """One image of the spec in ``path``; after :meth:`prepare`, ``ready`` and ``environment`` are what a run needs."""

    ready: ReadyImage
    environment: Mapping[str, str]

    def __init__(self, path: Path, file: str | None, image: str | None, engine: EngineName) -> None:
        self._path, self._file, self._key, self._engine = path, file, image, engine
        self._shown: set[Problem] = set()

    @property
    def folder(self) -> Path:
        """The folder of the spec."""
        return self._path.parent

    def prepare(self) -> None:
        """Lock, write and build what is not current. Raises SpecError or ToolError."""
        from mlspec.spec.spec import choose_image

        choose_image(api.load(self._path), self._key)
        if self._engine == "podman":
            require_podman()
        with witness_reads() as witness:
            finish(self._path)
            with alone(self._path, say):
                rendered = rendered_of(self._path, wish_of())
                self._shown.update(rendered.warnings)
                written = _write(rendered)
        if written:
            say(f"wrote {written}")
        plan = self._plan(rendered)
        reason = find_build_reason(rendered, plan, self._engine)
        # A package of the project may have new modules since the last build, and only a build finds that out.
        if reason or plan.project:
            if reason:
                say(f"building, because {reason}")
                for warning in find_folder_warnings(rendered):
                    show(warning)
            self._build(rendered, plan, silently=not reason)
        self._make_ready(rendered, plan, witness)

    def renew(self, *, always: bool) -> str:
        """Lock, write and build after an edit, if needed or ``always``; return what was done, or an empty text.

        Raises SpecError or ToolError. Then everything is as it was, but the files that were read are watched, too.
        """
        began = time.monotonic()
        with witness_reads() as witness, alone(self._path, say):
            try:
                rendered = api.render(self._path, wish_of(), today=today())
            except MlspecError:
                self._watch_too(witness)
                raise
            for warning in rendered.warnings:
                if warning not in self._shown:
                    show(warning)
            self._shown.update(rendered.warnings)
            written = _write(rendered)
        plan = self._plan(rendered)
        if not (written or always or find_build_reason(rendered, plan, self._engine)):
            return ""
        self._build(rendered, plan, silently=True)
        self._make_ready(rendered, plan, witness, is_first=False)
        changes = ", ".join(rendered.locked.changes[:3])
        more = f" and {len(rendered.locked.changes) - 3} more" if len(rendered.locked.changes) > 3 else ""
        done = "locked and built" if rendered.locked.changes else "built"
        return f"{done} in {format_seconds(time.monotonic() - began)}{f' ({changes}{more})' if changes else ''}"

    def _watch_too(self, witness: Witness) -> None:
        files = self.ready.files
        inputs = files.inputs | list_inputs(self.folder, witness)
        if inputs != files.inputs:
            self.ready = replace(self.ready, files=replace(files, inputs=inputs))

    def _plan(self, rendered: Rendered) -> Plan:
        plan = rendered.plan(self._key)
        (platform,) = choose_platforms(rendered, [plan], (), push=False, engine_name=self._engine)[plan.key]
        return replace(plan, platform=platform)

    def _build(self, rendered: Rendered, plan: Plan, *, silently: bool) -> None:
        options = BuildOptions(platforms=(plan.platform,), labels=api.labels(rendered, plan))
        if self._engine == "podman":
            build_with_podman(rendered, plan, options, self._file, silently=silently)
            return
        with prepare_with_mirrors(rendered, plan, options) as image:
            if silently:
                build_silently(image)
            else:
                build_image(image, (), self._file)

    def _make_ready(self, rendered: Rendered, plan: Plan, witness: Witness, *, is_first: bool = True) -> None:
        ready = ready_image(rendered, plan, witness, self._engine)
        for warning in ready.warnings:
            if warning not in self._shown:
                show(warning)
        self._shown.update(ready.warnings)
        # The old container still has the ports.
        checked = ready.prepared if is_first else replace(ready.prepared, ports=())
        environment = container_run.provide_all(checked, rendered.folder, show)
        if made := provide_mount_points(ready, rendered.folder):
            say(f"made {', '.join(made)} in the project: mounts of the spec need a place there")
        self.ready, self.environment = ready, environment


def _write(rendered: Rendered) -> str:
    """Write the outdated files of a spec and return their names; raises SpecError for an edited file."""
    changed = api.stale(rendered)
    if changed and (edits := find_edits(rendered.files)):
        raise SpecError(*edits)
    return ", ".join(artifact.path for artifact in api.write(rendered)) if changed else ""
