"""The Cypher that writes explanations. Each statement can be repeated: the result is the same."""

from __future__ import annotations

from circuit_atlas.ingest.labels import FILE, HAND, LABEL, NAME, UNNAMED
from circuit_atlas.schema.limits import MAX_EXPLANATIONS
from circuit_atlas.schema.properties import EXPLANATION_LISTS

_FIELDS = ("text", "source", "model", "type", "date")
# The explanation at place `i` of the lists of a feature `f`, as the fields of a map.
_FIELDS_AT_I = ", ".join(
    f"{field}: coalesce(f.{name}[i], '')" for field, name in zip(_FIELDS, EXPLANATION_LISTS, strict=True)
)
# Lists of a feature, from the list of maps `best`. Null removes the property.
_LISTS_OF_BEST = ", ".join(
    f"f.{name} = CASE WHEN best <> [] THEN [e IN best | e.{field}] END"
    for field, name in zip(_FIELDS, EXPLANATION_LISTS, strict=True)
)

# Gives features the explanations of `rows`, which are maps of layer, index, texts, models and types. They replace what
# the same source said before `date`. Step by step:
# - `SET f.layer = f.layer` changes nothing, but locks the feature before its explanations are read. Everybody locks in
#   the same order, so that two writers cannot wait for each other.
# - `known` has all explanations of the feature. `now` has those that this source gave in this run, in earlier batches;
#   `new` adds those of the row.
# - `best` ranks them: labels by hand, the new ones, those of other sources, labels of graph files.
# - The feature's activations get its first explanation as their name, or the name that they had without one.
EXPLAIN = f"""CYPHER 25
UNWIND $rows AS row
MATCH (f:TranscoderFeature {{model: $model, source_set: $source_set, layer: row.layer, index: row.index}})
WITH f, row ORDER BY row.layer, row.index
SET f.layer = f.layer
WITH f, row, [i IN range(0, size(coalesce(f.explanations, [])) - 1) | {{{_FIELDS_AT_I}}}] AS known
WITH f, row, known, [e IN known WHERE e.source = $source AND e.date = $date] AS now
WITH f, known, now + [i IN range(0, size(row.texts) - 1) WHERE NOT row.texts[i] IN [e IN now | e.text] |
  {{text: row.texts[i], source: $source, model: row.models[i], type: row.types[i], date: $date}}] AS new
WITH f, ([e IN known WHERE e.source = '{HAND}' AND $source <> '{HAND}'] + new
  + [e IN known WHERE NOT e.source IN [$source, '{HAND}'] AND NOT e.source STARTS WITH '{FILE}']
  + [e IN known WHERE e.source STARTS WITH '{FILE}'])[..{MAX_EXPLANATIONS}] AS best
SET f.explanation = best[0].text, {_LISTS_OF_BEST}, f.fetched_at = coalesce(datetime($fetched_at), f.fetched_at)
WITH f
CALL (f) {{
  MATCH (f)<-[:ACTIVATION_OF]-(n:Node)
  WITH n, {LABEL} AS label, {NAME} AS name
  WITH n, coalesce(name, CASE label WHEN '' THEN {UNNAMED} ELSE label END) AS name
  WHERE n.name <> name
  SET n.name = name
  RETURN count(n) AS renamed
}}
RETURN count(f) AS features, sum(renamed) AS renamed
"""
# The same, also for features that are active in no graph.
EXPLAIN_ALL = EXPLAIN.replace("MATCH (f:TranscoderFeature", "MERGE (f:TranscoderFeature", 1)

# The features of a source set that the database has. The conditions are always true: with them, the planner takes the
# index of the feature's key.
STORED_FEATURES = """CYPHER 25
MATCH (f:TranscoderFeature {model: $model, source_set: $source_set}) WHERE f.layer >= 0 AND f.index >= 0
RETURN f.layer AS layer, f.index AS index
"""
