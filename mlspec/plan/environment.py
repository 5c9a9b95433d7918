"""The environment variables of an image."""

from __future__ import annotations

from mlspec.facts.torch import least_driver
from mlspec.plan.folders import CACHE, HOME, VENV
from mlspec.plan.packages import PackagesPlan
from mlspec.spec.keys import Settings

Variables = tuple[tuple[str, str], ...]


def plan_default_variables(settings: Settings, packages: PackagesPlan) -> Variables:
    """Return the environment variables that a container needs, without those that the spec sets.

    PATH refers to its former value. A PATH in the spec is set after this one.
    """
    defaults = {
        **({"VIRTUAL_ENV": VENV} if packages.installer else {}),
        # Python would buffer its output if it is not a terminal, and the log would show the output late.
        "PYTHONUNBUFFERED": "1",
        "HOME": HOME,
        "USER": "app",
        "LOGNAME": "app",
        "XDG_CACHE_HOME": CACHE,
        **(_nvidia_variables(packages.cuda) if settings.accelerator.is_cuda else {}),
    }
    path = (("PATH", f"{VENV}/bin:$PATH"),) if packages.installer else ()
    return (*path, *((name, value) for name, value in defaults.items() if name not in settings.environment))


def _nvidia_variables(cuda: str) -> dict[str, str]:
    # NVIDIA's container runtime reads these; the official CUDA images set them, slim Python images do not.
    variables = {"NVIDIA_VISIBLE_DEVICES": "all", "NVIDIA_DRIVER_CAPABILITIES": "compute,utility"}
    return variables | ({"NVIDIA_REQUIRE_CUDA": _cuda_requirement(cuda)} if cuda else {})


def _cuda_requirement(cuda: str) -> str:
    # Blanks mean "or". A driver of the same major version's first CUDA runs the later ones too, and a demand for the
    # whole version would refuse hosts that can: docs.nvidia.com/deploy/cuda-compatibility, minor version compatibility.
    driver = least_driver(cuda)
    return f"cuda>={cuda}" + (f" driver>={'.'.join(driver.split('.')[:2])}" if driver else "")
