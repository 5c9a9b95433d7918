"""The plan stage: a spec and its lock become a plan, with every choice made and no text."""
