"""The text of a spec to a :class:`~mlspec.spec.spec.Spec` that knows where each value was written."""
