"""Warnings: small functions that read a spec, its plan, its lock and its folder, and a table of all rules."""

from mlspec.advice.lint.files_to_read import is_data, is_read, list_looked_up_paths
from mlspec.advice.lint.subject import Context, Look, Subject, Weight, subjects_of
from mlspec.advice.lint.table import RULES, checked_codes, folder_warnings, merged_warnings, warnings

__all__ = [
    "RULES",
    "Context",
    "Look",
    "Subject",
    "Weight",
    "list_looked_up_paths",
    "checked_codes",
    "folder_warnings",
    "is_data",
    "is_read",
    "merged_warnings",
    "subjects_of",
    "warnings",
]
