"""The data model: what Neo4j holds, under which names, and how a database is brought to it.

`properties` declares every label, relationship and property, `keys` the keys of nodes, `limits` the numbers that are
shared. These import nothing heavy, so that the command line may use them.
"""
