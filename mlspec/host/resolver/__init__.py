"""Requirements to pins: what is asked of the resolver, commits for git's refs, and in words what failed."""

from mlspec.host.resolver.compile import Resolver, compile_requirements

__all__ = ["Resolver", "compile_requirements"]
