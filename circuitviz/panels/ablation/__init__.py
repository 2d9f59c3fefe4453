"""Dock for interventions: what the selected nodes write, what changed, and a history to go back to."""
