"""The Cypher that writes explanations. Each statement can be repeated without doubling anything."""

from __future__ import annotations

from circuit_atlas.ingest.labels import FILE, HAND, LABEL, NAME, UNNAMED
from circuit_atlas.schema.limits import MAX_EXPLANATIONS
from circuit_atlas.schema.properties import EXPLANATION_LISTS

_FIELDS = ("text", "source", "model", "type", "date")
_KNOWN = ", ".join(
    f"{field}: coalesce(f.{name}[i], '')" for field, name in zip(_FIELDS, EXPLANATION_LISTS, strict=True)
)
_STORED = ", ".join(
    f"f.{name} = CASE WHEN best <> [] THEN [e IN best | e.{field}] END"
    for field, name in zip(_FIELDS, EXPLANATION_LISTS, strict=True)
)

# What `source` said before `date` gives way to what it says now: `rows` of {layer, index, texts, models, types}. Each
# feature is locked before its explanations are read, in the same order by everybody, and with the explanation the names
# of all its activations change.
EXPLAIN = f"""CYPHER 25
UNWIND $rows AS row
MATCH (f:TranscoderFeature {{model: $model, source_set: $source_set, layer: row.layer, index: row.index}})
WITH f, row ORDER BY row.layer, row.index
SET f.layer = f.layer
WITH f, row, [i IN range(0, size(coalesce(f.explanations, [])) - 1) | {{{_KNOWN}}}] AS known
WITH f, row, known, [e IN known WHERE e.source = $source AND e.date = $date] AS now
WITH f, known, now + [i IN range(0, size(row.texts) - 1) WHERE NOT row.texts[i] IN [e IN now | e.text] |
  {{text: row.texts[i], source: $source, model: row.models[i], type: row.types[i], date: $date}}] AS new
WITH f, ([e IN known WHERE e.source = '{HAND}' AND $source <> '{HAND}'] + new
  + [e IN known WHERE NOT e.source IN [$source, '{HAND}'] AND NOT e.source STARTS WITH '{FILE}']
  + [e IN known WHERE e.source STARTS WITH '{FILE}'])[..{MAX_EXPLANATIONS}] AS best
SET f.explanation = best[0].text, {_STORED}, f.fetched_at = coalesce(datetime($fetched_at), f.fetched_at)
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
EXPLAIN_ALL = EXPLAIN.replace("MATCH (f:TranscoderFeature", "MERGE (f:TranscoderFeature", 1)
"""The same also for features that are active in no graph."""

KNOWN = """CYPHER 25
MATCH (f:TranscoderFeature {model: $model, source_set: $source_set}) WHERE f.layer >= 0 AND f.index >= 0
RETURN f.layer AS layer, f.index AS index
"""
