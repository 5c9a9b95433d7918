"""Parse and validate the text of a spec to a :class:`~mlspec.spec.spec.Spec` that knows the place of each value."""
