"""Which properties each label has in the database, and of which type; where types have to be known before values."""

from __future__ import annotations

STRING, LONG, DOUBLE, BOOLEAN, DATETIME = "string", "long", "double", "boolean", "datetime"
STRINGS, LONGS, DOUBLES = "string[]", "long[]", "double[]"

_GRAPH_TEXTS = (
    "name",
    "status",
    "slug",
    "prompt",
    "model",
    "source_set",
    "scan",
    "source_format",
    "file_metadata",
    "file_qparams",
    "file_extra",
    "file_form",
    "content_hash",
    "collapsed_from",
    "collapsed_weights",
    "collapsed_state",
)
_GRAPH_NUMBERS = (
    "n_layers",
    "n_pos",
    "active_features",
    "vocab_size",
    "nodes",
    "edges",
    "feature_nodes",
    "error_nodes",
    "token_nodes",
    "logit_nodes",
    "other_nodes",
    "zero_links",
)
_GRAPH_FLOATS = (
    "node_threshold",
    "edge_threshold",
    "density",
    "weight_min",
    "weight_max",
    "replacement_score",
    "completeness_score",
)

EXPLANATION_LISTS = (
    "explanations",
    "explanation_sources",
    "explanation_models",
    "explanation_types",
    "explanation_dates",
)

PROPERTIES: dict[str, dict[str, str]] = {
    "Graph": {
        **dict.fromkeys(_GRAPH_TEXTS, STRING),
        **dict.fromkeys(_GRAPH_NUMBERS, LONG),
        **dict.fromkeys(_GRAPH_FLOATS, DOUBLE),
        **dict.fromkeys(("tokens", "warnings"), STRINGS),
        "acyclic": BOOLEAN,
        **dict.fromkeys(("created_at", "published_at"), DATETIME),
    },
    "Node": {
        **dict.fromkeys(("graph", "key", "name", "token", "clerp", "source_id"), STRING),
        **dict.fromkeys(("js_node_id", "feature_type", "extra"), STRING),
        **dict.fromkeys(("ordinal", "layer", "position", "index"), LONG),
        **dict.fromkeys(("activation", "probability", "cumulative_influence", "influence", "input_sum"), DOUBLE),
        "pinned": BOOLEAN,
    },
    "TranscoderFeature": {
        **dict.fromkeys(("model", "source_set", "explanation"), STRING),
        **dict.fromkeys(("layer", "index"), LONG),
        **dict.fromkeys(EXPLANATION_LISTS, STRINGS),
        "fetched_at": DATETIME,
    },
    "Supernode": {**dict.fromkeys(("graph", "name", "source", "rule"), STRING), "order": LONG},
    "Tag": {"name": STRING},
    "ActiveFeatures": {
        "block": LONG,
        **dict.fromkeys(("layers", "positions", "indices", "ordinals"), LONGS),
        "activations": DOUBLES,
    },
    "PathBounds": {
        **dict.fromkeys(("graph", "sources"), STRING),
        **dict.fromkeys(("sign", "hops", "block"), LONG),
        "sums": DOUBLES,
    },
    "PathSteps": {
        **dict.fromkeys(("graph", "sources"), STRING),
        **dict.fromkeys(("sign", "ordinal"), LONG),
        "inputs": LONGS,
        **dict.fromkeys(("weights", "floors"), DOUBLES),
        "input_sum": DOUBLE,
    },
    "PathCounts": {
        "graph": STRING,
        **dict.fromkeys(("hops", "block"), LONG),
        **dict.fromkeys(("low", "mid", "high"), LONGS),
    },
    "CircuitAtlas": {"id": STRING, "schema_version": LONG},
}
"""Of every label: property -> type, in the words of Neo4j's importer."""
EMPTY = "empty"  # of a node on its way through the importer: names of its properties that are empty texts
