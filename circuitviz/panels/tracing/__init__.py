"""Pages of the Traces panel: what many circuits of one feature have in common."""
