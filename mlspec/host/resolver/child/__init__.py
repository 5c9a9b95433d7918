"""The resolver: a child process in which pip believes that it stands on the target, and pip-tools compiles.

Run as ``python -I -c START ROOT REPORT``, with the job as JSON on its standard input: it may hold logins, which neither
an argument nor a file may. REPORT is written as JSON: ``pins``, ``held_back``, ``tools``, or ``error``. Only
``host/resolver`` starts it, and nothing imports it: pip's insides are replaced in there, at the places listed in
``identity.become``, each of which is checked to have taken effect before anything is resolved.
"""
