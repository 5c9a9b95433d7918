"""The lock of a spec: read requirements, pin them, group them into layers, read and write the lock files."""
