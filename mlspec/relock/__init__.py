"""A spec and what was locked before to a lock that is right for it now."""

from mlspec.relock.images import locked, outlined, with_files
from mlspec.relock.requirements import indexes_of
from mlspec.relock.work import NOT_CURRENT, Contents, Locked, Wish

__all__ = ["NOT_CURRENT", "Contents", "Locked", "Wish", "indexes_of", "locked", "outlined", "with_files"]
