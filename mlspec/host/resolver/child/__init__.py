"""The resolver: a child process in which pip believes that it stands on the target, and pip-tools compiles.

Run as ``python -I -c START ROOT REPORT``, with the job as a line of JSON on its standard input: it may hold logins,
which neither an argument nor a file may. It asks on its standard output, a line of JSON each, and reads the answers:
for the metadata of a source that only a build can tell, and before it downloads. REPORT is written as JSON: ``pins``,
``held_back``, ``tools``, or ``error``. Only
``host/resolver`` starts it, and nothing imports it: pip's insides are replaced in there, at the places listed in
``identity.become``, each of which is checked to have taken effect before anything is resolved.
"""
