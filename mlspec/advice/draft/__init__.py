"""A folder of code to the first spec for it: what is there decides, and every guess says why."""

from mlspec.advice.draft.draft import Draft, Question, draft
from mlspec.advice.draft.folder import Choice, Folder, Wanted, is_read

__all__ = ["Choice", "Draft", "Folder", "Question", "Wanted", "draft", "is_read"]
