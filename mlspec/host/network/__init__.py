"""Access to registries and package indexes, with this user's logins and configuration."""
