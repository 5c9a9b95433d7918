"""A compiler from a short, declarative description of an ML environment to a Dockerfile."""

TYPE_CHECKING = False  # typing alone would take longer than an answer that is known

if TYPE_CHECKING:
    from mlspec.api import diff, load, render, stale, write
    from mlspec.errors import LockError, MlspecError, Problem, SpecError, ToolError
    from mlspec.host.rendered import Rendered
    from mlspec.lock.state import LockOptions

__all__ = [
    "LockError",
    "LockOptions",
    "MlspecError",
    "Problem",
    "Rendered",
    "SpecError",
    "ToolError",
    "diff",
    "load",
    "render",
    "stale",
    "write",
]

_HOMES = {name: "mlspec.errors" for name in ("LockError", "MlspecError", "Problem", "SpecError", "ToolError")}
_HOMES |= {"LockOptions": "mlspec.lock.state", "Rendered": "mlspec.host.rendered"}


def __getattr__(name: str) -> object:
    # Imported on first use: `mlspec --help` needs none of it, and pydantic alone takes longer than Python to start.
    from importlib import import_module, metadata

    if name == "__version__":
        return metadata.version("mlspec")
    if name in __all__:
        return getattr(import_module(_HOMES.get(name, "mlspec.api")), name)
    raise AttributeError(f"module 'mlspec' has no attribute {name!r}")
