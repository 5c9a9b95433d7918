"""The files of a lock: what they say as frozen values, and the texts that say it."""
