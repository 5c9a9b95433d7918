"""The import of other tools' files to a spec: a reader for each format, and a report on every line."""
