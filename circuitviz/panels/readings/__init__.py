"""Readings of a prompt and of the selected node; each page has a file of its own."""
