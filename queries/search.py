"""Full-text search over explanations, tokens and logits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any
from unicodedata import category

from pydantic import Field

from circuit_atlas.database import Database
from circuit_atlas.errors import CypherError, InvalidArgumentError
from circuit_atlas.queries.age import age_notes
from circuit_atlas.queries.ask import ask
from circuit_atlas.queries.checks import check_layers, check_range
from circuit_atlas.queries.graph_results import Graphs
from circuit_atlas.queries.graphs import find_graph, list_graphs
from circuit_atlas.queries.node_results import TranscoderFeature
from circuit_atlas.queries.one_answer import one_answer
from circuit_atlas.results.answer import Result
from circuit_atlas.results.tables import Cells, LinkedText
from circuit_atlas.results.tidy import Tidy, tidy
from circuit_atlas.schema.limits import SEARCHED_FEATURES, SEARCHED_TOKENS
from circuit_atlas.schema.models import INFLUENCE, Record
from circuit_atlas.suggestions import known_names

_MAX_HITS = 1000
_MAX_PLACES = 1000
_MAX_WORDS = 50
_MAX_TEXT = 2000
_EVERY_LAYER = list(range(1000))
_CUT = (
    f"{{!r}} may be in more than the {SEARCHED_FEATURES:,} explanations, or {SEARCHED_TOKENS:,} tokens and logits, "
    "that were looked at: hits may be missing. Search for more words."
)
_INSIDE = "'\u2019.:,;\u00b7"  # of a word, but not at its ends
_NOT_INSIDE = re.compile(r"(?<!\d)[,;]|[,;](?!\d)|(?<=\d)[:\u00b7]|[:\u00b7](?=\d)")  # `1,000` and `a:b` are words
_KEPT = ("Mn", "Mc", "Me", "Cf", "Pc")  # categories of marks, and of what joins
_SPECIAL = frozenset('+-&|!(){}[]^"~*?:\\/<>=')


class Activation(Record):
    """An activation of a feature, or a token or logit, in one graph."""

    graph: str
    key: str = Field(description="The node's key")
    position: int | None
    activation: float | None = Field(None, description="Of a feature")
    probability: float | None = Field(None, description="Of a logit")
    influence: float | None = Field(None, description=INFLUENCE)


class SearchHit(Record):
    """A feature, token or logit that matches."""

    kind: str = Field(description="`feature`, `token` or `logit`")
    text: str = Field(description="The explanation that contains the words, or the token, blanks included")
    score: float = Field(description="The full-text index's score; to be compared within one answer only")
    feature: TranscoderFeature | None = Field(description="Null for tokens and logits")
    graphs: int = Field(description="Number of graphs in which it is active")
    places: list[Activation] = Field(description="Where it is active, the most influential first")


class SearchResult(Result):
    """The matches of a search, the best first."""

    text: str
    hits: list[SearchHit]

    def table(self) -> tuple[list[str], Cells]:
        """A row per hit, with its most influential activation."""
        rows: Cells = []
        for hit in self.hits:
            at = hit.feature.place if hit.feature else ""
            best = hit.places[0] if hit.places else None
            where = f"{best.graph} {best.key}" if best else ""
            influence = "" if best is None or best.influence is None else f"{best.influence:.4f}"
            text = LinkedText.to(hit.text, hit.feature.page if hit.feature else None)
            rows.append([hit.kind, at, text, str(hit.graphs), where, influence])
        return ["", "feature", "text", "graphs", "most influential in", "influence"], rows

    def _tidy(self) -> dict[str, Tidy]:
        places = (
            tidy(Activation, hit.places, hit=number, kind=hit.kind, text=hit.text)
            for number, hit in enumerate(self.hits)
        )
        return {**super()._tidy(), "places": Tidy.joined(tidy(Activation, [], hit=0, kind="", text=""), *places)}


@one_answer
def search_text(
    database: Database,
    text: str,
    *,
    model: str = "",
    layers: Iterable[int] = (),
    graph: str = "",
    tag: str = "",
    k: int = 10,
    places: int = 5,
    raw: bool = False,
) -> SearchResult:
    """Explanations and labels of features, tokens and logits that contain all words of a text, or words that begin with
    them; if there are none, those that contain some of the words.

    Args:
        database: the database.
        text: words, in any order and case.
        model: only of this language model.
        layers: only features of these layers.
        graph: only what is active in this graph.
        tag: only what is active in graphs with this tag.
        k: how many hits, 1 to 1,000.
        places: of each, how many activations, 0 to 1,000.
        raw: whether `text` is in the syntax of Lucene's query parser, with `"phrases"`, `OR`, `word~` and so on.

    Raises:
        InvalidArgumentError: the text has no word, or an argument is out of range.
        GraphNotFoundError: no such graph is ready.
        CypherError: with `raw`, the text is not valid syntax.
    """
    check_range("k", k, 1, _MAX_HITS)
    check_range("places", places, 0, _MAX_PLACES)
    old = age_notes(database, find_graph(database, graph).properties) if graph else []
    words, wanted_layers = _words(text), check_layers(layers)
    restricted, is_cut = bool(model or wanted_layers or graph or tag), False
    for query in [text] if raw else [lucene_query(words, every=True), lucene_query(words, every=False)]:
        rows = _hits(
            database,
            text=query,
            model=model,
            layers=wanted_layers,
            graph=graph,
            tag=tag,
            k=k,
            max_activations=places,
        )
        is_cut |= rows[0]["is_cut"] if rows else restricted and _is_cut(database, query, wanted_layers)
        if rows:
            break
    unknown: list[str] = []
    if not rows:
        stored = list_graphs(database)
        if stored.notes:
            return SearchResult(text=text, hits=[], notes=stored.notes)
        unknown = _unknown(database, stored, model, tag)
    notes = [] if rows or is_cut else [_nothing(database, text, words, raw=raw, restricted=restricted)]
    if is_cut and (restricted or any(row["feature"] is None for row in rows)):
        notes.append(_CUT.format(text))
    return SearchResult(text=text, hits=[_hit(row, words) for row in rows], notes=[*notes, *unknown, *old])


def _unknown(database: Database, stored: Graphs, model: str, tag: str) -> list[str]:
    """Notes that no graph has the tag or the model that a search was restricted to."""
    notes = list_graphs(database, [tag]).notes if tag else []
    models = {summary.model for summary in stored.graphs}
    if model and model not in models:
        notes.append(f"No graph is of the model {model!r}. {known_names(model, models, command='graphs')}".strip())
    return notes


def _is_cut(database: Database, query: str, layers: Sequence[int]) -> bool:
    """Whether more texts may match than search.text looks at, whatever the search is restricted to. With layers, it
    looks at features only."""
    rows = _hits(database, text=query, layers=_EVERY_LAYER if layers else [], k=1, max_activations=0)
    return bool(rows and rows[0]["is_cut"])


def _hits(database: Database, **parameters: Any) -> list[dict[str, Any]]:
    """Rows of search.text; none in a database that never had a graph, which has no index of texts."""
    try:
        return ask(database, "search.text", **parameters)
    except CypherError:
        if list_graphs(database).graphs:
            raise
        return []


def spelled_alike(
    database: Database, text: str, *, model: str = "", source_set: str = "", features: bool = False
) -> list[str]:
    """Explanations, tokens and logits, or with `features` only explanations, of a set of transcoders if one is given,
    each once, with words that differ from those of a text in up to two letters."""
    words = re.findall(r"\w+", text.lower())[:20]
    if not words:
        return []
    query = " ".join(f"{word}~" for word in words)
    rows = _hits(database, text=query, model=model, k=100, max_activations=0)
    hits = [_hit(row, words) for row in rows]
    return list(
        dict.fromkeys(
            hit.text for hit in hits if (source_set in ("", hit.feature.source_set) if hit.feature else not features)
        )
    )


def _nothing(database: Database, text: str, words: list[str], *, raw: bool, restricted: bool) -> str:
    """Says that a search found nothing, and what else to try."""
    if restricted:
        return f"Nothing contains {text!r} in the model, layers, graph or tag that the search was restricted to."
    alike = [] if raw else spelled_alike(database, " ".join(words))
    spelled = f" Spelled alike: {', '.join(repr(found.strip()) for found in alike[:3])}." if alike else ""
    return f"Nothing contains {text!r}.{spelled}"


def _words(text: str) -> list[str]:
    """The words of a text, split as the index splits them: at blanks and at punctuation, except that inside `3.14` or
    `it's`. It keeps emojis, and no punctuation."""
    text = _NOT_INSIDE.sub(" ", text)
    split = "".join(c if c.isalnum() or c in _INSIDE or _is_emoji(c) or category(c) in _KEPT else " " for c in text)
    words = (word.strip(_INSIDE) for word in split.split())
    return [word for word in words if any(c.isalnum() or _is_emoji(c) for c in word)]


def _is_emoji(character: str) -> bool:
    return "\u2600" <= character <= "\u27bf" or character >= "\U0001f000"


def lucene_query(words: list[str], *, every: bool) -> str:
    """Every word, or any, as it stands or, for half the score, as the beginning of a word; nothing in them is syntax.

    Raises:
        InvalidArgumentError: there are none, or too many.
    """
    if not words or len(words) > _MAX_WORDS or sum(map(len, words)) > _MAX_TEXT:
        raise InvalidArgumentError(
            "no word to search for" if not words else "the text is too long to search for",
            fix=f"Give words with letters or digits, at most {_MAX_WORDS}.",
        )
    escaped = ["".join(f"\\{c}" if c in _SPECIAL else c for c in word.lower()) for word in words]
    return " ".join(f"{'+' if every else ''}({word} {word}*^0.5)" for word in escaped)


def _hit(row: dict[str, Any], words: list[str]) -> SearchHit:
    feature = row["feature"] and TranscoderFeature(**row["feature"])
    texts = [explanation.text for explanation in feature.explanations] if feature else [row["token"] or ""]
    return SearchHit(
        kind=row["kind"],
        text=max(texts, key=lambda text: sum(word.lower() in text.lower() for word in words)),
        score=row["score"],
        feature=feature,
        graphs=row["graphs"],
        places=[Activation(**place) for place in row["activations"]],
    )
