"""The verdict card: what the measurements of a circuit say, line by line."""
