"""The name of a node: what Neo4j Browser shows and a person types."""

from __future__ import annotations

from circuit_atlas.schema.keys import Kind

from circuit_atlas.graph.data import KINDS, NodeColumns


def node_name(nodes: NodeColumns, i: int, tokens: list[str]) -> str:
    """Label, token or logit text of node `i`; what it is and where, when the file does not label it."""
    if nodes.is_supernode(i):
        return visible(nodes.label[i]) or "supernode"
    match KINDS[nodes.kind[i]]:
        case Kind.FEATURE:
            return (nodes.label[i] or "").strip() or f"feature {nodes.layer[i]}/{nodes.index[i]}"
        case Kind.ERROR:
            return f"error {nodes.layer[i]} on {visible(_token_at(tokens, int(nodes.position[i])))}"
        case Kind.TOKEN:
            return visible(nodes.token[i]) or f"token {nodes.index[i]}"
        case Kind.LOGIT:
            return visible(nodes.token[i]) or f"logit {nodes.index[i]}"
        case _:
            return (nodes.label[i] or "").strip() or f"{nodes.feature_type[i] or 'node'} {nodes.source_id[i]}"


def visible(token: str | None) -> str:
    """A token as a person reads it: without the blanks around it, blanks alone in quotes."""
    if not token:
        return ""
    return token.strip() or repr(token)


def _token_at(tokens: list[str], position: int) -> str:
    return tokens[position] if 0 <= position < len(tokens) else f"position {position}"
