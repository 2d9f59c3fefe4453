"""The panel of a circuit's notes."""
