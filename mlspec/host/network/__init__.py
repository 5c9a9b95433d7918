"""Registries, indexes, logins and the user's configuration of them."""
