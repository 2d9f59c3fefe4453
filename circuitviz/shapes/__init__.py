"""A circuit, a plot or a legend as a list of drawing primitives, for screen and paper."""
