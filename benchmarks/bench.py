"""The same questions on the same graphs, by circuit-atlas and by what people use otherwise: make bench.

Prints a table for each graph and writes bench-results/: bench.json, tables.md, growth.svg. Once all graphs and all
peers are measured, the tables and the plot take their places in docs/benchmarks.md. Answers are compared before a time
is printed. Warm medians, client time included; everything on this machine, in one run.
"""

from __future__ import annotations

import json
import math
import platform
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from benchmarks import atlas, beside, explain, first, growth, ingest, many, pictures
from benchmarks.cases import QUESTIONS, SIZES, case_of, graph_of
from benchmarks.peers import PEERS
from benchmarks.peers.atlas_peer import Peer as AtlasPeer
from benchmarks.report import markdown, put_into_page
from benchmarks.worker import Timing, Worker, time_question
from circuit_atlas import Atlas, Connection
from circuit_atlas.ingest import load_graph
from circuit_atlas.server import LocalServer

OUT = Path(__file__).parent.parent / "bench-results"
PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
Record = dict[str, Any]
# Parts that have one table, and need no size and no peer.
WHOLE = {"first": first, "many": many, "beside": beside, "pictures": pictures, "atlas": atlas}
PARTS = ("ingest", "explain", "questions", "growth", *WHOLE)


@click.command()
@click.option("--size", "sizes", multiple=True, type=click.Choice(SIZES), help="Only these; repeatable.")
@click.option("--part", "parts", multiple=True, type=click.Choice(PARTS), help="Only this one.")
@click.option("--peer", "peers", multiple=True, type=click.Choice(list(PEERS)), help="Only these; repeatable.")
def main(sizes: tuple[str, ...], parts: tuple[str, ...], peers: tuple[str, ...]) -> None:
    """Compare circuit-atlas with its peers."""
    OUT.mkdir(exist_ok=True)
    chosen = sizes or tuple(SIZES)
    whole = set(chosen) == set(SIZES) and not peers
    if "ingest" in (parts or PARTS):
        records = ingest_all(chosen)
        if whole:
            put_into_page(PAGE, "ingest", ingest.markdown(records))
    if "explain" in (parts or PARTS):
        records = explain_all()
        write("explain", records)
        put_into_page(PAGE, "explain", explain.markdown(records))
    if "questions" in (parts or PARTS):
        timings = ask_everyone(chosen, peers or tuple(PEERS))
        if whole:
            put_into_page(PAGE, "questions", markdown(timings))
    if "growth" in (parts or PARTS):
        measured = grow(chosen)
        if whole:
            put_into_page(PAGE, "growth", growth.markdown(measured))
            shutil.copy(OUT / "growth.svg", PAGE.parent / "images")
    for part, module in WHOLE.items():
        if part in (parts or PARTS):
            records = measure_part(part, module)
            if part == "atlas":
                atlas.draw(records, PAGE.parent / "images" / "atlas.svg")


def measure_part(part: str, module: Any) -> list[Record]:
    """Run a part that has one table, if it can be run here."""
    with tempfile.TemporaryDirectory() as folder:
        records = list(module.measure(Path(folder)))
    if records:
        click.echo("\n" + module.markdown(records))
        write(part, records)
        put_into_page(PAGE, part, module.markdown(records))
    return records


def ingest_all(sizes: tuple[str, ...]) -> list[Record]:
    """Times of getting the graphs in."""
    records: list[Record] = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            for record in ingest.measure(size, Path(folder)):
                click.echo(f"{size:>6} {record['way']:<32} {ingest.cell(record)}")
                records.append(record)
        write("ingest", records)
    click.echo("\n" + ingest.markdown(records))
    return records


def explain_all() -> list[Record]:
    """Times of explaining features and searching."""
    with tempfile.TemporaryDirectory() as folder:
        records = list(explain.measure(Path(folder)))
    click.echo("\n" + explain.markdown(records))
    return records


def ask_everyone(sizes: tuple[str, ...], peers: tuple[str, ...]) -> list[Record]:
    """Times of the questions."""
    records: list[Record] = []
    with tempfile.TemporaryDirectory() as folder:
        server = LocalServer(Path(folder) / "store")
        connection = server.start()
        for size in sizes:
            records += compare(size, peers, connection, Path(folder))
            write("timings", records)
        server.stop()
    return records


def grow(sizes: tuple[str, ...]) -> Record:
    """Times of searches by edges, k and hops."""
    with tempfile.TemporaryDirectory() as folder:
        server = LocalServer(Path(folder) / "store")
        measured = growth.measure_growth(server.start(), sizes)
        server.stop()
    click.echo("\n" + growth.markdown(measured))
    write("growth", measured)
    growth.draw(measured, OUT / "growth.svg")
    return measured


def write(part: str, measured: Any) -> None:
    """Put what was measured into bench.json and its table into tables.md."""
    file = OUT / "bench.json"
    known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    machine = {"cpus": platform.machine(), "python": platform.python_version(), "system": platform.platform()}
    known |= {"machine": machine, part: measured}
    file.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    tables = [ingest.markdown(known["ingest"])] if "ingest" in known else []
    tables += [explain.markdown(known["explain"])] if "explain" in known else []
    tables += [markdown(known["timings"])] if "timings" in known else []
    tables += [growth.markdown(known["growth"])] if "growth" in known else []
    tables += [module.markdown(known[name]) for name, module in WHOLE.items() if name in known]
    (OUT / "tables.md").write_text("\n".join(tables), encoding="utf-8")


def compare(size: str, peers: tuple[str, ...], connection: Connection, folder: Path) -> list[Record]:
    """Everyone's times on the graph of a size."""
    data = graph_of(size)
    edges = len(data.edges)
    click.echo(f"\n{size}: {len(data.nodes):,} nodes, {edges:,} edges")
    with Atlas(connection) as atlas:
        started = time.perf_counter()
        load_graph(atlas, data, name=size)
        load = Timing(median=time.perf_counter() - started, runs=1)
    answers: dict[str, Any] = {}
    records = [as_record(size, edges, "circuit-atlas", "load", load)]
    own = AtlasPeer(connection, size)
    for question in QUESTIONS:
        timing = time_question(own, question)
        answers[question] = timing.answer
        records.append(as_record(size, edges, "circuit-atlas", question, timing))
    case_of(data).save(folder / "case.npz")
    for peer in peers:
        for question, timing in ask_all(peer, folder / "case.npz"):
            if timing.failed is None and question != "load" and not same(timing.answer, answers[question]):
                raise SystemExit(f"{peer} disagrees on {question}: {timing.answer} instead of {answers[question]}")
            records.append(as_record(size, edges, peer, question, timing))
            click.echo(f"  {peer:<12} {question:<10} {timing.failed or f'{timing.median:.4f} s'}")
    click.echo("\n" + markdown(records))
    return records


def ask_all(peer: str, case: Path) -> Iterator[tuple[str, Timing]]:
    """A peer's times, by question. One that took too long is not asked anything harder."""
    worker = Worker(peer, case)
    yield "load", worker.loaded
    failed = worker.loaded.failed
    for question in QUESTIONS:
        harder = question.startswith("paths") or question == "count"
        if failed and (harder or (not worker.alive and worker.loaded.failed)):
            yield question, Timing(failed=failed)
            continue
        timing = worker.ask(question)
        failed = timing.failed
        if failed and question in ("neighbors", "subgraph"):
            worker, failed = Worker(peer, case), None
        yield question, timing
    worker.close()


def same(theirs: Any, ours: Any) -> bool:
    """Whether two answers are equal; scores to rounding."""
    if isinstance(ours, list) and ours and isinstance(ours[0], float):
        return len(theirs) == len(ours) and all(
            math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12) for a, b in zip(theirs, ours, strict=True)
        )
    return bool(theirs == ours)


def as_record(size: str, edges: int, system: str, question: str, timing: Timing) -> Record:
    """A line of bench.json; seconds."""
    return {
        "graph": size,
        "edges": edges,
        "system": system,
        "question": question,
        "median": timing.median,
        "fastest": timing.fastest,
        "slowest": timing.slowest,
        "runs": timing.runs,
        "failed": timing.failed,
    }


if __name__ == "__main__":
    main()
