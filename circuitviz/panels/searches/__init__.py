"""The searches that run and wait."""
