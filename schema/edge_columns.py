"""The statement that writes the columns of edges (`:EdgeColumns`).

They are written at ingest; for a graph without them, by the first question that needs them.
"""

# Rows have the properties of `:EdgeColumns`.
WRITE_COLUMNS = """CYPHER 25
UNWIND $rows AS row
MERGE (c:EdgeColumns {graph: row.graph, block: row.block})
SET c += row
"""

BLOCKS_PER_STATEMENT = 8  # about 12 MB
