"""Dock that shows what a model writes plain and with changed nodes."""
