"""Requirements to pins: what is asked of the resolver, commits for git's refs, and in words what failed."""

from mlspec.host.resolver.compile import Compiled, HeldBack, Resolver, compile_requirements
from mlspec.host.resolver.conflicts import NO_WHEEL, UNFIT

__all__ = ["NO_WHEEL", "UNFIT", "Compiled", "HeldBack", "Resolver", "compile_requirements"]
