"""Requirements to pins: what is asked of the resolver, commits for git's refs, and in words what failed."""

from mlspec.effects.locker.compilation import Compiled, HeldBack, compile_requirements

__all__ = ["Compiled", "HeldBack", "compile_requirements"]
