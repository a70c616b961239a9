"""First questions: each is asked by a new program, of a server that `circuit-atlas server start` has just started, and
again by another program.

Beside them, the programs of `walks`, which do nothing but the recurrence over their own file.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

from benchmarks.cases import SHAPES, case_of
from benchmarks.walks import PROGRAMS
from circuit_atlas.config import STORE_VARIABLE
from circuit_atlas.export.pt_file import write_pt
from circuit_atlas.graph.data import KINDS
from circuit_atlas.graph.packed import PackedEdges
from circuit_atlas.schema.keys import Kind
from circuit_atlas.server import LocalServer
from circuit_atlas.synth import Shape, synthesize

Record = dict[str, Any]
_LIMIT = 120  # seconds
_SOURCE = 3  # position of the token where paths begin
_FROM = ["--from", f"token:{_SOURCE}"]
_NODE = "NODE"  # in a question: the feature that it is about
# Of features that many others act on, and which act on many.
_LAYERS, _POSITION = (12, 13, 14), 5
_LARGEST = "72M"
# 20,000 nodes, the most that a synthetic graph can have.
_SHAPES = {
    **SHAPES,
    _LARGEST: Shape(layers=26, positions=11, features_per_layer=757, logits=10, density=0.7, seed=1),
}
_QUESTIONS = {
    "paths": ["paths", "first"],
    "paths from a token": ["paths", "first", *_FROM],
    "paths, bottleneck": ["paths", "first", "--score", "bottleneck"],
    "paths, product": ["paths", "first", "--score", "product"],
    "paths through three layers": ["paths", "first", "--layer", "3", "--layer", "7", "--layer", "12"],
    "paths of features": ["paths", "first", "--kind", "feature"],
    "paths that avoid a node": ["paths", "first", "--avoid", _NODE],
    "paths that pass a node": ["paths", "first", "--must-pass", _NODE],
    "paths of edges of at least 0.01": ["paths", "first", "--min-weight", "0.01"],
    "paths, edge value abs(weight)": ["paths", "first", "--edge-value", "abs(weight)"],
    "paths from a token, 12 hops": ["paths", "first", *_FROM, "--max-hops", "12"],
    "6 hops, k = 10,000": ["paths", "first", "--max-hops", "6", "-k", "10000", "--timeout", str(_LIMIT)],
    "count from a token": ["count", "first", *_FROM],
    "distribution": ["distribution", "first"],
    "influence": ["influence", "first"],
    "influence on a node": ["influence", "first", "--to", _NODE],
    "view": ["view", "first", "-o", "first.html"],
    "report": ["report", "first", "-o", "first.html"],
    "report in Markdown, picture by Chromium": ["report", "first", "-o", "first.md"],
    "export to .pt": ["export", "first", "exported.pt", "--overwrite"],
    "serve, until it answers": ["serve", "first"],
    "collapse": ["collapse", "first", "--timeout", str(_LIMIT)],
    "compare with a second graph": ["compare", "first", "second", "--timeout", str(_LIMIT)],
}
_EMPTY = re.compile(r'"(paths|contributors)": (\[\]|0\b(?!\.))|"total": 0\b(?!\.)')  # in an answer that found nothing
# They write, or read, the largest graph once more.
_TOO_LONG = ("collapse", "compare with a second graph")
_PROGRAM = """
import sys
from circuit_atlas.cli import main
try:
    main()
finally:
    print(open("/proc/self/status").read(), file=sys.stderr)
"""


def measure(folder: Path) -> Iterator[Record]:
    """Seconds and memory of every question, for each synthetic graph."""
    for size in _SHAPES:
        yield from measure_size(size, folder / size)


def measure_size(size: str, folder: Path) -> Iterator[Record]:
    """Seconds and memory of every question about the graph of a size."""
    folder.mkdir()
    data = synthesize(_SHAPES[size], slug=size)
    edges = len(data.edges)
    write_pt(data, folder / "first.pt")
    server = LocalServer(folder / "store")
    server.start(quiet=True)

    is_there = (data.nodes.kind == KINDS.index(Kind.FEATURE)) & (data.nodes.position == _POSITION)
    features = [data.nodes.key(int(np.flatnonzero(is_there & (data.nodes.layer == layer))[0])) for layer in _LAYERS]

    def ask(arguments: list[str]) -> Record:
        named = [features[0] if word == _NODE else word for word in arguments]
        return _timed([sys.executable, "-c", _PROGRAM, *named], folder)

    ingest = ask(["ingest", "first.pt", "--bulk", "--name", "first"])
    answer = ask(_QUESTIONS["paths"])
    whole = None if None in (ingest["seconds"], answer["seconds"]) else ingest["seconds"] + answer["seconds"]
    yield {"edges": edges, "question": "file to first answer, --bulk", "new": {**ingest, "seconds": whole}}
    (folder / "first.pt").unlink()
    ask(["supernodes", "create", "first", "group", *features])
    for question, arguments in _QUESTIONS.items():
        if size == _LARGEST and question in _TOO_LONG:
            continue
        if "second" in arguments:
            write_pt(synthesize(replace(_SHAPES[size], seed=2), slug="second"), folder / "second.pt")
            ask(["ingest", "second.pt", "--bulk", "--name", "second"])
        server.stop()
        start = ask(["server", "start"])
        yield {"edges": edges, "question": question, "new": ask(arguments), "again": ask(arguments)}
    yield {"edges": edges, "question": "server start", "new": start}
    server.stop()
    case, packed = case_of(data), PackedEdges.of(data.edges, len(data.nodes))
    for program, (write, _) in PROGRAMS.items():
        file = folder / program
        write(case, packed, file)
        file = next(folder.glob(f"{program}*"))
        for hops in (4, 12):
            command = [sys.executable, "-m", "benchmarks.walks", program, str(file), str(hops)]
            timing = _timed([*command, str(case.tokens[_SOURCE])])
            yield {"edges": edges, "question": f"{program}, {hops} hops from a token", "again": timing}
        file.unlink()


def _timed(command: list[str], folder: Path | None = None) -> Record:
    """Seconds of a program from start to end, None if it fails or finds nothing; MB of memory at most, if it says so.

    With a folder, the program runs in it and uses the store in it. `serve` goes on until it is terminated: its time
    ends when it says its address.
    """
    environment = None if folder is None else {**os.environ, STORE_VARIABLE: str(folder / "store")}
    started = time.perf_counter()
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        try:
            assert program.stdout is not None
            address = program.stdout.readline() if "serve" in command else ""
            served = time.perf_counter() - started
            if address:
                program.terminate()
            output, errors = program.communicate(timeout=10 * _LIMIT)
        finally:
            program.kill()
    seconds = served if address else time.perf_counter() - started
    is_answered = bool(address) or (program.returncode == 0 and not _EMPTY.search(output))
    if not is_answered:
        print(" ".join(command[-6:]), errors[:500] if program.returncode else "found nothing", file=sys.stderr)
    peak = [int(line.split()[1]) / 1024 for line in errors.splitlines() if line.startswith("VmHWM:")]
    return {"seconds": seconds if is_answered else None, "memory": peak[0] if peak else None}


def markdown(records: list[Record]) -> str:
    """A row for each question; for each graph the seconds in a new server, in one that has answered before, and the
    most memory of the program.
    """
    graphs = list(dict.fromkeys(f"{record['edges']:,} edges" for record in records))
    rows: dict[str, dict[str, str]] = {}
    for record in records:
        timings = [record[name] for name in ("new", "again") if name in record]
        parts = [_seconds(timing["seconds"]) for timing in timings]
        if timings[0]["memory"] is not None:
            parts.append(f"{timings[0]['memory']:,.0f} MB")
        rows.setdefault(record["question"], {})[f"{record['edges']:,} edges"] = "; ".join(parts)
    table = [[question, *(cells.get(graph, "") for graph in graphs)] for question, cells in rows.items()]
    heads = ["s; s again; memory", *graphs]
    return str(tabulate(table, heads, tablefmt="github", disable_numparse=True)) + "\n"


def _seconds(value: float | None) -> str:
    return "failed" if value is None else f"{value:.2f}"
