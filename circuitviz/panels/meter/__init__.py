"""The meter panel."""
