"""Dock that proposes groups of a prompt circuit's features."""
