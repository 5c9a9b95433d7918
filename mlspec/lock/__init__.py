"""What a spec requires, pinned: read requirements, group them into layers, read and write the lock."""
