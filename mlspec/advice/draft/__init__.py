"""A folder of code to the first spec for it: what is there decides, and every guess says why."""

from mlspec.advice.draft.draft import Draft, Question, draft
from mlspec.advice.draft.folder import Choice, DraftOptions, Folder, is_read
from mlspec.advice.draft.gitignore import gitignore_text, list_ignored

__all__ = [
    "Choice",
    "Draft",
    "Folder",
    "Question",
    "DraftOptions",
    "draft",
    "gitignore_text",
    "is_read",
    "list_ignored",
]
