"""Which files of a project rules read."""

from __future__ import annotations

from mlspec.rules.subject import Subject


def is_read(path: str) -> bool:
    """Return whether the text of the file at ``path`` may matter to a rule."""
    return path.endswith(".py")


def asked(subject: Subject) -> tuple[str, ...]:
    """Return the paths that rules want to know of, whether they are copied into the image or not."""
    include = subject.settings.include or ()
    return tuple(entry for entry in include if not entry.startswith("!"))
