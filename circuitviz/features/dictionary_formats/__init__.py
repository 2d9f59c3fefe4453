"""Forms in which dictionaries are published, one module each; ``registry`` finds that of a folder or file."""
