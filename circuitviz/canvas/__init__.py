"""The picture of a circuit, its colours, and the view that one works in."""
