"""Dock that compares the circuits of one feature over many examples."""
