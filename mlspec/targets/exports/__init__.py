"""The packages of an image in the files of other tools: pip's requirements, PEP 751, conda."""
