"""A graph as numpy columns, and what is computed from them: bounds of paths, influence."""
