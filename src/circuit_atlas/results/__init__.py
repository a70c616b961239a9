"""Answers: the base of all results, the cells of their tables, and answers as tidy data."""
