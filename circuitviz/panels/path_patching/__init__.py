"""The path patching panel."""
