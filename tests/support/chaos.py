"""Kills clients and servers at random moments of every command that writes, and looks at the whole database after it.

A lap is a row of commands that leads from a store with two graphs back to the same store. The first lap is not
disturbed: the state of the database after each command is what every later lap is compared with. Then each command is
killed at a random moment of the time that it takes. Every part of the database must be as it was before the command, or
as it is after it; the graph that a command writes must be so as a whole. The same command again must complete it, with
nothing left over.
"""

from __future__ import annotations

import json
import logging
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import inf
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import psutil
from support import killed
from support.examples import example_document
from support.program import CONTEXT

from circuit_atlas import Atlas, GraphHandle
from circuit_atlas.export.json_file import write_json
from circuit_atlas.results.answer import Result
from circuit_atlas.server import LocalServer
from circuit_atlas.server.holder import HOME_OPTION
from circuit_atlas.synth import Shape, synthesize

log = logging.getLogger(__name__)

Work = Callable[..., object]
State = dict[tuple[str, str], str]  # by graph (empty for transcoder features) and part
_LONGEST = 300.0  # seconds
_FIRST_LAYER = 12  # of the part of the graphs that is used
_OWN = {"created_at", "published_at", "version", "explained_at", "fetched_at", "explanation_dates"}  # of each run
ANSWERS: dict[str, Callable[[GraphHandle], Result]] = {
    "paths": lambda graph: graph.paths(k=5, max_hops=2),
    "paths from a token": lambda graph: graph.paths(sources=["token:1"], k=5, max_hops=2),
    "count": lambda graph: graph.count(max_hops=2),
}
KINDS = {"client": 0.8, "server": 0.1, "both": 0.1}  # and how often

ANYTHING_LEFT = """
MATCH (n) WHERE NOT n:TranscoderFeature AND NOT n:CircuitAtlas
  AND (n.graph CONTAINS '~' OR n.name CONTAINS '~' OR n:EdgeBatch OR (n:Graph AND n.status <> 'ready')
    OR NOT EXISTS { (:Graph {name: coalesce(n.graph, n.name)}) })
  AND NOT (n:Tag AND EXISTS { (n)<-[:TAGGED]-(:Graph) })
  AND NOT (n:AggregateSums AND EXISTS { (n)<-[:AGGREGATE_SUMS]-(:Graph) })
  AND NOT (n:ActiveFeatures AND EXISTS { (n)<-[:ACTIVE_FEATURES]-(:Graph) })
RETURN count(n) AS left
"""
_GRAPHS = "MATCH (g:Graph {status: 'ready'}) RETURN g.name AS graph, properties(g) AS all ORDER BY graph"
_NODES = """
MATCH (n:Node {graph: $graph}) WHERE n.ordinal >= 0
OPTIONAL MATCH (s)-[r:DIRECT_EFFECT]->(n)
WITH n, s, r ORDER BY n.ordinal, s.ordinal, r.weight
WITH n, count(r) AS effects, sum(r.weight) AS weights, sum(r.weight * s.ordinal) AS places
RETURN n.key AS key, labels(n) AS labels, properties(n) AS all, effects, weights, places ORDER BY key
"""
_GROUPS = """
MATCH (s:Supernode {graph: $graph})-[:GROUPS]->(n) WITH s, n ORDER BY n.ordinal
RETURN 'supernode ' + s.name AS key, collect(n.key) AS members, properties(s) AS all
UNION ALL
MATCH (c:Circuit {graph: $graph})-[:HOLDS]->(n) WITH c, n ORDER BY n.ordinal
RETURN 'circuit ' + c.name AS key, collect(n.key) AS members, properties(c) AS all
UNION ALL
MATCH (:Graph {name: $graph})-[:TAGGED]->(t:Tag) RETURN 'tag ' + t.name AS key, [] AS members, {} AS all
UNION ALL
MATCH (c:EdgeColumns {graph: $graph}) WHERE c.block >= 0
RETURN 'columns ' + c.block AS key, [] AS members, properties(c) AS all
"""
_FEATURES = """
MATCH (f:TranscoderFeature)
RETURN f.model + '/' + f.source_set + '/' + f.layer + '/' + f.index AS key, properties(f) AS all
"""


@dataclass(frozen=True)
class Step:
    """A command of a lap.

    Args:
        name: what it is called in reports.
        work: a function of `support.killed`.
        arguments: its arguments after the store.
        graph: the graph that it writes in one piece; None if each part is written for itself.
        rare: whether it takes so long that most laps leave it out.
    """

    name: str
    work: Work
    arguments: tuple[object, ...] = ()
    graph: str | None = None
    rare: bool = False


@dataclass
class Chaos:
    """A store with two graphs, one of which commands write again and again.

    Args:
        server: its server; it is killed again and again.
        folder: where files are made.
        seed: of the moments and kinds of the kills.
    """

    server: LocalServer
    folder: Path
    seed: int = field(default_factory=lambda: int(os.environ.get("SEED") or random.randrange(1 << 30)))
    kills: Counter[str] = field(default_factory=Counter)  # by command and kind
    late: int = 0  # kills of commands that had ended
    states: list[State] = field(default_factory=list)  # of the undisturbed lap, before each command and at the end
    took: dict[str, float] = field(default_factory=dict)  # seconds of each command, undisturbed

    def __post_init__(self) -> None:
        self.random, self.store = random.Random(self.seed), str(self.server.store.path)
        first, second = (self._write_late_layers(name) for name in ("dallas", "night"))
        self.backup = self.folder / "base.backup"
        write_json(synthesize(Shape(features_per_layer=8), slug="kept"), self.folder / "kept.json")
        for text, names in (("before", ("dallas",)), ("after", ("dallas", "night"))):
            self._write_table(text, names)
        with Atlas(store=self.store) as atlas:
            atlas.ingest(self.folder / "kept.json", name="kept", tags=["kept"])
        self.steps = [
            Step("ingest", killed.ingest, (str(first), False), "g"),
            Step("tag", killed.tag, ("g", "kept")),
            Step("create supernodes", killed.create_supernodes),
            Step("delete a supernode", killed.delete_supernode, (), "g"),
            Step("store a circuit", killed.store_circuit, (), "g"),
            Step("collapse", killed.collapse, (), "g:collapsed"),
            Step("label", killed.label, ("chaos",)),
            Step("explain", killed.explain, (str(self.folder / "before.tsv"),)),
            Step("remove a label", killed.label, (None,)),
            Step("untag", killed.untag, ("g", "kept")),
            Step("ingest --replace", killed.ingest, (str(second), True), "g"),
            Step("explain others", killed.explain, (str(self.folder / "after.tsv"),)),
            Step("delete", killed.delete, (), "g"),
            Step("ingest --bulk", killed.ingest_in_bulk, (str(second),), "bulk", rare=True),
            Step("restore", killed.restore, (str(self.backup),), rare=True),
        ]

    def _write_late_layers(self, name: str) -> Path:
        """The part of a real graph in its later layers: small, so that most of a test is kills and not comparisons."""
        document = example_document(name)
        document["nodes"] = [
            node
            for node in document["nodes"]
            if node["feature_type"] in ("embedding", "logit") or int(node["layer"]) >= _FIRST_LAYER
        ]
        kept = {node["node_id"] for node in document["nodes"]}
        document["links"] = [link for link in document["links"] if {link["source"], link["target"]} <= kept]
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    def _write_table(self, text: str, names: tuple[str, ...]) -> None:
        """Explanations of all features of graphs."""
        documents = [example_document(name) for name in names]
        features = {
            tuple(node["node_id"].split("_")[:2])
            for document in documents
            for node in document["nodes"]
            if node["feature_type"] == "cross layer transcoder"
        }
        lines = ["layer\tindex\tclerp", *(f"{layer}\t{index}\t{text} {index}" for layer, index in sorted(features))]
        (self.folder / f"{text}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def undisturbed(self, *, rare: bool) -> None:
        """A lap, with which all others are compared. Before it, features are explained for the first time.

        Args:
            rare: whether with the commands that take long.
        """
        for name in ("ingest", "explain", "ingest --replace", "explain others", "delete"):
            self.run(next(step for step in self.steps if step.name == name))
        if rare:
            with Atlas(store=self.store) as atlas:
                atlas.backup(self.backup)
        self.states = [self.state()]
        for step in self.lap(rare=rare):
            self.took[step.name] = self.run(step)
            log.info("%s took %.1f s", step.name, self.took[step.name])
            self.states.append(self.state())
        assert self.states[-1] == self.states[0], different(self.states[-1], self.states[0])

    def lap(self, *, rare: bool) -> list[Step]:
        """The commands of a lap. Rare ones stand at its end, and lead back to where they begin."""
        return [step for step in self.steps if rare or not step.rare]

    def disturbed_lap(self, *, rare: bool, until: float = inf) -> None:
        """A lap in which each command is killed once; it ends early when the time is up.

        Args:
            rare: whether with the commands that take long.
            until: when the time is up, on the monotonic clock.
        """
        for number, step in enumerate(self.lap(rare=rare)):
            if time.monotonic() > until:
                break
            [kind] = self.random.choices(list(KINDS), list(KINDS.values()))
            self.disturbed(number, step, kind)

    def start(self, step: Step) -> ForkServerProcess:
        process = CONTEXT.Process(target=step.work, args=(self.store, *step.arguments))
        process.start()
        return process

    def run(self, step: Step) -> float:
        """Run a command to its end; the seconds that it took."""
        began = time.monotonic()
        process = self.start(step)
        process.join(_LONGEST)
        assert process.exitcode == 0, (step.name, self.seed)
        return time.monotonic() - began

    def kill(self, step: Step, kind: str) -> None:
        """Run a command, and kill it, its server or both at a random moment."""
        process = self.start(step)
        process.join(self.random.uniform(0, self.took[step.name]))
        self.late += process.exitcode is not None
        if kind in ("client", "both"):
            process.kill()
        if kind in ("server", "both"):
            for java in self.javas():
                java.kill()
                java.wait(30)
        if kind == "server":
            self.server.start(quiet=True)  # as a person or a cluster would; a client may not notice
        process.join(_LONGEST)
        assert process.exitcode is not None, (step.name, kind, self.seed)
        self.kills[f"{step.name}: {kind}"] += 1

    def javas(self) -> list[psutil.Process]:
        """The server of the store, and Neo4j's AdminTool at work on it."""
        found = []
        for process in psutil.process_iter(["name", "cmdline", "environ"]):
            words = [*(process.info["cmdline"] or ()), *(process.info["environ"] or {}).values()]
            if process.info["name"] == "java" and any(word.removeprefix(HOME_OPTION) == self.store for word in words):
                found.append(process)
        return found

    def disturbed(self, number: int, step: Step, kind: str) -> None:
        """Kill step number `number` of the lap, look at what is stored, and run it again."""
        log.info("killing %s of %r", kind, step.name)
        self.kill(step, kind)
        self.check_and_repeat(number, step, kind)

    def check_and_repeat(self, number: int, step: Step, kind: str) -> None:
        """Look at what step number `number` of the lap has left when it was disturbed, and run it again."""
        self.compare(self.state(), number, step, kind)
        self.run(step)
        with Atlas(store=self.store) as atlas:
            assert atlas.cypher(ANYTHING_LEFT).rows == [{"left": 0}], (step.name, kind, self.seed)
        found, expected = self.state(), self.states[number + 1]
        assert found == expected, (step.name, kind, self.seed, different(found, expected))

    def compare(self, found: State, number: int, step: Step, kind: str) -> None:
        """Every part is as before the step or as after it; the graph that is written in one piece is so as a whole."""
        before, after = self.states[number], self.states[number + 1]
        for part in found.keys() | before.keys() | after.keys():
            if not part[0] and "ingest" in step.name:
                continue  # transcoder features come before the graph is published, and go after it was hidden
            if part[1] in ANSWERS and "explain" in step.name:
                continue  # each feature is explained for itself, and an answer shows several
            assert found.get(part) in (before.get(part), after.get(part)), (step.name, kind, self.seed, part)
        if step.graph:
            parts = [{k: v for k, v in state.items() if k[0] == step.graph} for state in (found, before, after)]
            assert parts[0] in parts[1:], (step.name, kind, self.seed, "a mixture")

    def state(self) -> State:
        """The whole database except times, in parts that can be compared, and its answers to a few questions."""
        with Atlas(store=self.store, timeout=120) as atlas:
            assert not atlas.verify().damaged, self.seed
            return dict(_parts(atlas))


def _parts(atlas: Atlas) -> Iterator[tuple[tuple[str, str], str]]:
    for row in atlas.read(_FEATURES):
        yield ("", row["key"]), _text(row["all"])
    for graph in atlas.read(_GRAPHS):
        name = graph["graph"]
        yield (name, ""), _text(graph["all"])
        for row in atlas.read(_NODES, graph=name) + atlas.read(_GROUPS, graph=name):
            yield (name, row.pop("key")), f"{_text(row.pop('all'))} {row}"
        if name == "g":
            handle = atlas.graph(name)
            for answer, ask in ANSWERS.items():
                yield (name, answer), ask(handle).to_json()


def _text(properties: dict[str, Any]) -> str:
    return str(sorted((name, value) for name, value in properties.items() if name not in _OWN))


def different(found: State, expected: State) -> list[Any]:
    """The first parts that differ, for the message of a failed comparison."""
    parts = [part for part in found.keys() | expected.keys() if found.get(part) != expected.get(part)]
    return [(part, found.get(part), expected.get(part)) for part in sorted(parts)[:3]]
