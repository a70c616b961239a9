"""Queries in Cypher: the catalogue of `.cypher` files under `cypher/`, and the typed functions that ask them.

Functions about one graph take a `graphs.StoredGraph` first, functions about several graphs a `Database`. They are the
methods of `circuit_atlas.GraphHandle` and `circuit_atlas.Atlas`.
"""
