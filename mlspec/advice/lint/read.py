"""Which files of a project rules read."""

from __future__ import annotations

from mlspec.advice.lint.programs import script_of
from mlspec.advice.lint.safety import may_hold_secret
from mlspec.advice.lint.subject import Subject


def is_read(path: str) -> bool:
    """Return whether the text of the file at ``path`` may matter to a rule."""
    return path.endswith((".py", ".sh")) or may_hold_secret(path)


def asked(subject: Subject) -> tuple[str, ...]:
    """Return the paths that rules want to know of, whether they are copied into the image or not."""
    script = script_of(subject)
    named = [entry for entry in subject.settings.include or () if not entry.startswith("!")]
    return (*named, *((script.path,) if script else ()))
