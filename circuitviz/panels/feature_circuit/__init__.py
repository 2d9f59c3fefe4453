"""Dock for prompt circuits: the attribution query, its threshold, and where the target's value comes from."""
