"""The filters panel."""
