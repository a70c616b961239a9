"""An attribution graph in memory, as numpy columns, and the algorithms on it: bounds of paths, counts, influence."""
