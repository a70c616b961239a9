"""Full-text search: what is found, in which order, where it is active; whatever is asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.examples import EXAMPLES, ingest_examples

from circuit_atlas import Atlas
from circuit_atlas.errors import CypherError, GraphNotFoundError, InvalidArgumentError
from circuit_atlas.schema.limits import SEARCHED_FEATURES

COUNT = """
MATCH (n:Feature) WHERE toLower(n.name) CONTAINS 'texas' AND n.graph IN ['dallas', 'night']
RETURN count(DISTINCT [n.layer, n.index]) AS n
"""


def test_search_finds_features_tokens_and_logits(atlas: Atlas, examples: Any) -> None:
    found = atlas.search("texas", graph="dallas", k=1000).hits
    kinds = [hit.kind for hit in found]
    assert kinds.count("logit") == 1
    assert kinds.count("feature") == atlas.cypher(COUNT).rows[0]["n"] > 10
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
    assert all("texas" in hit.text.lower() for hit in found)
    [logit] = [hit for hit in found if hit.kind == "logit"]
    assert (logit.text, logit.graphs, logit.feature) == (" Texas", 1, None)
    assert [(place.graph, place.key) for place in logit.places] == [("dallas", "logit:9447@10")]
    assert logit.places[0].probability == pytest.approx(0.04102, rel=1e-3)
    token = next(hit for hit in atlas.search("dallas", k=100).hits if hit.kind == "token")
    assert {place.graph for place in token.places} == {"dallas", "dallas-llama", "dallas-haiku"}


def test_a_hit_lists_where_it_is_active(atlas: Atlas, examples: Any) -> None:
    """In every graph, the most influential activation first."""
    hit = atlas.search("Texas locations/legal contexts", model="gemma-2-2b", layers=[20], k=1).hits[0]
    assert hit.feature is not None
    assert (hit.feature.layer, hit.feature.index) == (20, 44686)
    nodes = atlas.cypher(
        "MATCH (n:Feature) WHERE n.layer = 20 AND n.index = 44686 AND n.graph IN ['dallas', 'night'] "
        "RETURN n.graph AS graph, n.key AS key, n.influence AS influence, n.activation AS activation "
        "ORDER BY influence DESC"
    ).rows
    assert [(p.graph, p.key, p.influence, p.activation) for p in hit.places] == [tuple(row.values()) for row in nodes]
    assert hit.graphs == len({row["graph"] for row in nodes})
    assert atlas.search("Texas", k=1, places=0).hits[0].places == []


def test_words_may_be_begun_quoted_or_missing(atlas: Atlas, examples: Any) -> None:
    def texts(text: str, **options: Any) -> list[str]:
        return [hit.text for hit in atlas.search(text, graph="dallas", k=100, **options).hits]

    assert texts("LEGAL texas")[0].lower().count("legal") == 1
    assert all("texas" in text.lower() and "legal" in text.lower() for text in texts("legal texas"))
    assert "Texas locations/legal contexts" in texts("tex locat")  # beginnings of words
    assert texts("texas xyzzy") == texts("texas")  # nothing has both
    assert texts("xyzzy") == []
    assert texts('"legal contexts"', raw=True)
    assert texts("texas NOT legal", raw=True) != texts("texas")


def test_hits_can_be_restricted(atlas: Atlas, examples: Any, new_name: Any, run: Any) -> None:
    assert {hit.kind for hit in atlas.search("texas", layers=[20]).hits} == {"feature"}
    assert not atlas.search("texas", model="no such model").hits
    assert atlas.search("capital", model="llama-3.2-1b").hits
    name = new_name()
    atlas.ingest(EXAMPLES / "dallas.json", name=name, tags=["test-search"])
    found = atlas.search("texas", tag="test-search").hits
    assert found
    assert {place.graph for hit in found for place in hit.places} == {name}
    assert not atlas.search("texas", tag="no such tag").hits
    done = run("search", "texas", "--tag", "test-search", "--layer", "20", "-k", "1", "--places", "1")
    [hit] = json.loads(done.stdout)["hits"]
    assert (hit["feature"]["layer"], len(hit["places"]), hit["graphs"]) == (20, 1, 1)


def test_an_unknown_model_or_tag_is_named(atlas: Atlas, examples: Any) -> None:
    found = atlas.search("capital", model="gema-2-2b", tag="analogie")
    assert found.hits == []
    assert any("No graph has the tag 'analogie'" in note for note in found.notes)
    assert any("No graph is of the model 'gema-2-2b'. Did you mean 'gemma-2-2b'?" in note for note in found.notes)


def test_hits_that_the_index_may_have_cut_off_are_told_of(own_atlas: Atlas) -> None:
    ingest_examples(own_atlas, "dallas")
    common = """
    UNWIND range(1, $n) AS i
    CREATE (:TranscoderFeature {model: 'other', source_set: 's', component: 'transcoder', layer: 0, index: i,
      explanation: 'xyzzy', explanations: ['xyzzy'], explanation_sources: ['a'], explanation_dates: ['']})
    """
    own_atlas.cypher(common, {"n": SEARCHED_FEATURES - 1}, write=True)
    assert own_atlas.search("xyzzy", graph="dallas").notes == [
        "Nothing contains 'xyzzy' in the model, layers, graph or tag that the search was restricted to."
    ]
    own_atlas.cypher(common.replace("range(1, $n)", "[0]"), write=True)
    for question in ({"graph": "dallas"}, {"layers": [0], "model": "gemma-2-2b"}):
        [note] = own_atlas.search("xyzzy", **question).notes
        assert "hits may be missing" in note
    found = own_atlas.search("xyzzy", k=3)
    assert (len(found.hits), found.notes) == (3, [])
    assert own_atlas.search("texas", graph="dallas").notes == []


def test_searches_without_words_or_of_unknown_graphs_are_refused(atlas: Atlas, examples: Any) -> None:
    for text in ("", "  ", '"', "- + !", "x " * 51, "x" * 3000):
        with pytest.raises(InvalidArgumentError):
            atlas.search(text)
    with pytest.raises(InvalidArgumentError, match="k cannot be 0"):
        atlas.search("x", k=0)
    with pytest.raises(GraphNotFoundError):
        atlas.search("x", graph="nope")
    with pytest.raises(CypherError):
        atlas.search("x AND", raw=True)


def test_words_are_split_as_in_the_index(atlas: Atlas, examples: Any) -> None:
    plain = atlas.search("texas locations", k=100)
    assert plain.hits
    for text in (
        "texas \u2014 locations",
        "texas-locations",
        "Texas,locations.",
        "(texas/locations)",
        "texas\u00b0locations",
    ):
        assert [hit.text for hit in atlas.search(text, k=100).hits] == [hit.text for hit in plain.hits]


def test_a_raw_text_may_name_a_field_of_the_index(atlas: Atlas, examples: Any) -> None:
    assert {hit.kind for hit in atlas.search("token:Austin", raw=True).hits} == {"logit"}
    assert "token" in {hit.kind for hit in atlas.search("token:Dallas", raw=True).hits}
    assert {hit.kind for hit in atlas.search("explanations:texas", raw=True).hits} == {"feature"}
    assert atlas.search("*:*", raw=True).hits


SYNTAX = ["AND", "OR NOT", "a:b", "[1 TO 2]", "x~2", "*", "a*b", "a\\", "/re/", "'", "a && b", "(", "^2"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=30) | st.sampled_from(SYNTAX))
def test_no_text_is_taken_for_syntax(text: str, atlas: Atlas, examples: Any) -> None:
    try:
        atlas.search(text)
    except InvalidArgumentError:  # no word in it
        assert not any(c.isalnum() for c in text)
