"""Dock with the features of the open SAEs and transcoders: a searchable list and a dashboard."""
