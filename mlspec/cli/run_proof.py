"""Runs that were prepared before: where all that they followed from is unchanged, they are taken from the cache."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlspec.cli.quick import as_shown, using
from mlspec.cli.terminal import say
from mlspec.host.cache.notices import is_known
from mlspec.host.cache.proofs import RUN, proofs
from mlspec.host.files.find import find_specs, is_above

if TYPE_CHECKING:
    from mlspec.host.cache.witness import Witness
    from mlspec.host.engine.prepared_run import PreparedRun


def recall_run(file: str | None, image: str | None, *, is_told: bool) -> tuple[Path, PreparedRun] | None:
    """Return the folder of a spec and how its image is run; None where that is not proven.

    With ``is_told``, that is also so while a warning of lost results may have to be said.
    """
    from mlspec.host.engine.prepared_run import parse_run

    try:
        specs = [as_shown(spec) for spec in find_specs([file] if file else [])]
    except (FileNotFoundError, ValueError):
        return None
    # In a question, a space would end the name of the image.
    if len(specs) != 1 or " " in (image or ""):
        return None
    proven = proofs().recall(_question(image), specs[0])
    if proven is None:
        return None
    folder, prepared = Path(specs[0]).parent, parse_run(proven[0])
    if is_told and not is_known(losses_subject(folder, prepared)):
        return None
    if not file and is_above(specs[0]):
        say(using(specs[0]))
    return folder, prepared


def keep_run(path: Path, image: str | None, witness: Witness, prepared: PreparedRun) -> None:
    """Keep the prepared run of an image, if the files that ``witness`` read decide it alone."""
    from mlspec.host.cache.witness import real_place, variable, witness_reads
    from mlspec.host.engine.prepared_run import dump_run

    # What a run needs of this host names its places whole.
    with witness_reads() as places:
        real_place(str(path.parent))
        for name in ("HOME", "USERPROFILE"):
            variable(name)
    witness.join(places)
    known = proofs()
    known.keep(_question(image), path.as_posix(), witness, answer=dump_run(prepared))
    known.save()


def losses_subject(folder: Path, prepared: PreparedRun) -> str:
    """Return the subject under which it is remembered that the results which a run loses were told."""
    return f"results\n{folder.resolve()}\n{prepared.plan_digest}"


def _question(image: str | None) -> str:
    return f"{RUN}:{image or ''}"
