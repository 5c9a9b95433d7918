"""A warm-up for forks: the import of this module does the work that each process otherwise does once.

The work is the import of all modules, and the preparation of pydantic's validators and of the templates. Drawing reads
no clock and no environment, so forks inherit nothing from another test.
"""

from __future__ import annotations

from importlib import import_module

from mlspec.lock.image_facts import ImageFacts
from mlspec.plan import plan
from mlspec.spec import document, spec
from mlspec.spec.targets import OPTIONAL_TARGETS
from mlspec.targets import registry
from tests.support.places import PROJECT

# The resolver process is forked from another server.
_PARTS = (path.relative_to(PROJECT).with_suffix("").parts for path in sorted((PROJECT / "mlspec").rglob("*.py")))
for _parts in _PARTS:
    if "child" not in _parts:
        import_module(".".join(_parts).removesuffix(".__init__"))

_TEXT = "python: 3.12\nbase: slim-bookworm\nentrypoint: python train.py\ntargets: [compose, kubernetes]\n"
_FACTS = ImageFacts(
    project="warm", base=f"python:3.12-slim-bookworm@sha256:{'0' * 64}", is_official=True, layers=("rest",)
)

_plans = [plan.resolve("mlspec.yaml", image, _FACTS) for image in spec.validate(document.parse(_TEXT, "x.yaml")).images]
registry.emit_all(_plans, [*registry.ALWAYS, *OPTIONAL_TARGETS])
