"""Statements about explanations: which one of a transcoder feature is shown, and how it names nodes.

A `:TranscoderFeature` has its explanations as lists of equal length, best first: `explanations` (text),
`explanation_sources`, `explanation_models`, `explanation_types`, `explanation_dates`. `explanation` is the first.
Sources are ranked: labels given by hand, then what was fetched or imported, then labels in graph files.
"""

from __future__ import annotations

from circuit_atlas.schema.limits import MAX_EXPLANATIONS, MAX_NAME_LENGTH

# Sources of explanations.
HAND = "hand"
NEURONPEDIA = "neuronpedia"
IMPORTED = "import:"  # followed by the name of the file
FILE = "file:"  # followed by the graph's slug

LABEL = f"left(trim(coalesce(n.clerp, '')), {MAX_NAME_LENGTH})"
"""The label of a node `n` in its graph's file; an empty text if it has none."""
# The name of a node `n` that is an activation of `f`, if `f` has an explanation: the explanation, but a label in the
# node's own file goes before labels in other files.
NAME = f"""CASE
  WHEN f.explanation_sources[0] STARTS WITH '{FILE}' AND {LABEL} <> '' THEN {LABEL}
  ELSE f.explanation END"""
UNNAMED = "'feature ' + n.layer + CASE n.component WHEN 'lorsa' THEN '/lorsa/' ELSE '/' END + n.index"
"""The name of a node `n` whose feature has neither an explanation nor a label, as `feature_name` in schema/keys.py."""

# Adds the labels in the file of the graph `g`, those of nodes with ordinals from `first` to before `stop`, to the
# explanations of their features. SET f.layer = f.layer locks a feature before its labels are read; all writers lock
# features in the same order, so they cannot deadlock. If a feature had no explanation before, all its activations get
# their names from the new one.
_LABELS = f"""
MATCH (n:Node {{graph: g.name}}) WHERE first <= n.ordinal < stop
MATCH (n)-[:ACTIVATION_OF]->(f:TranscoderFeature)
WHERE NOT {LABEL} IN [''] + coalesce(f.explanations, [])
WITH g, f, n ORDER BY n.ordinal
WITH g, f, collect({LABEL}) AS labels ORDER BY f.source_set, f.layer, f.index
SET f.layer = f.layer
WITH g, f, labels, coalesce(f.explanations, []) AS known
WITH g, f, known, reduce(new = [], label IN labels | CASE
  WHEN label IN known + new OR size(known) + size(new) >= {MAX_EXPLANATIONS} THEN new ELSE new + label END) AS new
WHERE new <> []
SET f.explanations = known + new, f.explanation = (known + new)[0],
    f.explanation_sources = coalesce(f.explanation_sources, []) + [label IN new | '{FILE}' + g.slug],
    f.explanation_models = coalesce(f.explanation_models, []) + [label IN new | ''],
    f.explanation_types = coalesce(f.explanation_types, []) + [label IN new | ''],
    f.explanation_dates = coalesce(f.explanation_dates, []) + [label IN new | '']
WITH f WHERE known = []
MATCH (f)<-[:ACTIVATION_OF]-(n:Node)
WITH n, {NAME} AS name WHERE n.name <> name
SET n.name = name
"""
# Names the same nodes by the explanations that their features have.
_NAMES = f"""
MATCH (n:Node {{graph: g.name}}) WHERE first <= n.ordinal < stop
MATCH (n)-[:ACTIVATION_OF]->(f:TranscoderFeature) WHERE f.explanation IS NOT NULL
WITH n, {NAME} AS name WHERE n.name <> name
SET n.name = name
"""
_ONE_GRAPH = "CYPHER 25\nMATCH (g:Graph {name: $graph})\nWITH g, $first AS first, $stop AS stop"
FILE_LABELS = f"{_ONE_GRAPH}{_LABELS}"
NAMES = f"{_ONE_GRAPH}{_NAMES}"


def for_all_graphs() -> list[str]:
    """`FILE_LABELS` and `NAMES`, each as one statement about every graph of the database."""
    return [
        f"CYPHER 25\nMATCH (g:Graph) WITH g ORDER BY g.created_at, g.name\n"
        f"CALL (g) {{ WITH g, 0 AS first, g.nodes AS stop{body}}} IN TRANSACTIONS OF 10 ROWS"
        for body in (_LABELS, _NAMES)
    ]
