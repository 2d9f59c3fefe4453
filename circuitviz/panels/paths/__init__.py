"""The paths panel."""
