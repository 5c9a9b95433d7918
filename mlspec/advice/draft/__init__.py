"""The draft of a first spec for a folder of code: its files decide, and every guess has a reason."""

from mlspec.advice.draft.draft import Draft, Question, draft_spec
from mlspec.advice.draft.folder import Choice, DraftOptions, Folder, is_read
from mlspec.advice.draft.gitignore import gitignore_text, list_ignored

__all__ = [
    "Choice",
    "Draft",
    "Folder",
    "Question",
    "DraftOptions",
    "draft_spec",
    "gitignore_text",
    "is_read",
    "list_ignored",
]
