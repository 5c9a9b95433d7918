"""``python -m mlspec``."""

from mlspec.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
