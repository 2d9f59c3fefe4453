"""The Compare panel: one page for each kind of comparison."""
