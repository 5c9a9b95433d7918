"""The resolver: a child process in which pip-tools compiles requirements, and pip takes the target for its host.

Only ``host/resolver`` starts it, as ``python -I -c START ROOT REPORT``. The job is a line of JSON on standard input: it
may contain logins, which must not be in an argument or a file. The child writes questions to standard output, each a
line of JSON, and reads the answers: for the metadata of a source that has none before a build, and before a download.
It writes REPORT as JSON: ``pins``, ``held_back``, ``tools``, or ``error``.

No other package imports this package, because it replaces functions inside pip. ``identity.become`` lists the replaced
places. Each replacement is checked before the resolution.
"""
