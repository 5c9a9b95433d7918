"""The pictures of the files that mlspec writes; installed as ``mlspec.templates``."""
