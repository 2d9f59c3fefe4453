"""Dock with the labels of nodes, edges and groups, their evidence and tests."""
