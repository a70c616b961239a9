"""The data model: what is stored in Neo4j, under which names, and how a database is brought to it.

`properties` declares every label, relationship and property, `keys` the keys of nodes, `limits` the numbers that are
shared. These import nothing heavy, so that the command line may use them.
"""
