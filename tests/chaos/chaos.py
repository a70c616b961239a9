"""`make chaos`: as many kills as fit into a time, with a look at the whole database after each. A fault ends it."""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from support.chaos import Chaos
from support.server import started
from tqdm import tqdm


def main() -> None:
    """Kill until the time is up or the number of kills is reached, and print how many there were of each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0, help="how long")
    parser.add_argument("--rare", type=int, default=10, help="laps between bulk ingests and restores; 0 for none")
    parser.add_argument("--verbose", action="store_true", help="say what is killed")
    parser.add_argument("--kills", type=int, default=sys.maxsize, help="end with the lap that reaches this number")
    arguments = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.WARNING)
    logging.getLogger("support.chaos").setLevel(logging.INFO if arguments.verbose else logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        for server in started(Path(folder) / "store"):
            chaos = Chaos(server, Path(folder))
            print(f"seed {chaos.seed}; SEED={chaos.seed} repeats the moments and kinds of the kills", flush=True)
            try:
                _run(chaos, arguments.seconds, arguments.kills, arguments.rare)
            finally:
                _report(chaos)


def _run(chaos: Chaos, seconds: float, kills: int, rare: int) -> None:
    chaos.undisturbed(rare=rare > 0)
    until, lap = time.monotonic() + seconds, 0
    with tqdm(unit=" kills", disable=None) as bar:
        while time.monotonic() < until and chaos.kills.total() < kills:
            chaos.disturbed_lap(rare=rare > 0 and lap % rare == 0, until=until)
            lap += 1
            bar.update(chaos.kills.total() - bar.n)


def _report(chaos: Chaos) -> None:
    kinds, steps = Counter[str](), Counter[str]()
    for name, number in chaos.kills.items():
        step, _, kind = name.partition(": ")
        kinds[kind] += number
        steps[step] += number
    print(f"{chaos.kills.total()} kills, {chaos.late} of them after the command had ended")
    for counts in (kinds, steps):
        print(", ".join(f"{name} {number}" for name, number in counts.most_common()))


if __name__ == "__main__":
    main()
