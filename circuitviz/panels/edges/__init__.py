"""The edges panel."""
