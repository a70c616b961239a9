"""Explanations of transcoder features: where they come from, which one is shown, and how nodes get their names.

A `:TranscoderFeature` holds its explanations as lists of equal length, best first: `explanations` (text),
`explanation_sources`, `explanation_models`, `explanation_types`, `explanation_dates`. `explanation` is the first.
Sources are ranked: a label given by hand, then what was fetched or imported, then labels in graph files.
"""

from __future__ import annotations

import unicodedata
from itertools import chain

HAND = "hand"
NEURONPEDIA = "neuronpedia"
IMPORTED = "import:"  # followed by the name of the file
FILE = "file:"  # followed by the graph's slug
MAX_EXPLANATIONS = 100  # of one feature
MAX_LENGTH = 1000  # characters of an explanation: names are indexed, which ends at 8,000 bytes
_TURNS = frozenset(map(chr, chain(range(0x202A, 0x202F), range(0x2066, 0x206A))))  # of the direction of writing

LABEL = f"left(trim(coalesce(n.clerp, '')), {MAX_LENGTH})"
"""The label in a graph's file of a node `n`."""
# The name of a node `n` that is an activation of `f`, which has an explanation: a file's own label gives way to an
# explanation, but not to the label in another file.
NAME = f"""CASE
  WHEN f.explanation_sources[0] STARTS WITH '{FILE}' AND {LABEL} <> '' THEN {LABEL}
  ELSE f.explanation END"""

# From `g`, `first` and `stop`: labels that the file of the graph `g` brings, on nodes of these ordinals. Each feature
# is locked before its labels are read, in the same order by everybody. What had none yet gets its name everywhere.
_LABELS = f"""
MATCH (n:Node {{graph: g.name}}) WHERE first <= n.ordinal < stop
MATCH (n)-[:ACTIVATION_OF]->(f:TranscoderFeature)
WHERE NOT {LABEL} IN [''] + coalesce(f.explanations, [])
WITH g, f, n ORDER BY n.ordinal
WITH g, f, collect({LABEL}) AS labels ORDER BY f.layer, f.index
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
_NAMES = f"""
MATCH (n:Node {{graph: g.name}}) WHERE first <= n.ordinal < stop
MATCH (n)-[:ACTIVATION_OF]->(f:TranscoderFeature) WHERE f.explanation IS NOT NULL
WITH n, {NAME} AS name WHERE n.name <> name
SET n.name = name
"""
_GRAPH = "CYPHER 25\nMATCH (g:Graph {name: $graph})\nWITH g, $first AS first, $stop AS stop"
FILE_LABELS = f"{_GRAPH}{_LABELS}"
NAMES = f"{_GRAPH}{_NAMES}"


def clean_text(text: str, length: int = MAX_LENGTH) -> str:
    """A text from elsewhere on one line, without what would act on a terminal, and cut to `length` characters."""
    kept = (" " if c.isspace() or unicodedata.category(c) == "Cc" else c for c in text[: 10 * length])
    words = "".join(c for c in kept if c not in _TURNS and unicodedata.category(c) != "Cs").split()
    whole = " ".join(words)
    return whole if len(whole) <= length else whole[: length - 1] + "…"


def of_all_graphs() -> list[str]:
    """`FILE_LABELS` and `NAMES`, each as one statement about every graph of the database."""
    return [
        f"CYPHER 25\nMATCH (g:Graph) WITH g ORDER BY g.created_at, g.name\n"
        f"CALL (g) {{ WITH g, 0 AS first, g.nodes AS stop{body}}} IN TRANSACTIONS OF 10 ROWS"
        for body in (_LABELS, _NAMES)
    ]
