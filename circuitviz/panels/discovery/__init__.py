"""The discovery panel."""
