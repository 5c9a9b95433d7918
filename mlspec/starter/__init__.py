"""A folder of code to the first spec for it: what is there decides, and every guess says why."""

from mlspec.starter.drafting import Draft, Question, draft
from mlspec.starter.folder import Choice, Folder, Wanted, is_read

__all__ = ["Choice", "Draft", "Folder", "Question", "Wanted", "draft", "is_read"]
