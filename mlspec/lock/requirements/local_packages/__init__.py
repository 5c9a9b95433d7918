"""Packages in folders of the project: the requirements that are paths, such as ``-e .`` and ``./libs/x[extra]``."""
