"""A server on this machine that answers as Neuronpedia's API does, also when it goes wrong."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any

Key = tuple[str, str, int]  # model, layer (20-clt-hp), index


class FakeNeuronpedia:
    """Knows a description for every feature, unless told otherwise; counts what it answers.

    `answers` are taken one by one, before all else: a number is a status, text or bytes a body, a function is called
    with the handler.
    """

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.special: dict[Key, Any] = {}
        self.graphs: dict[str, Any] = {}  # what is said of a graph, by MODEL/SLUG
        self.files: dict[str, Any] = {}  # by path: the content, a status, or a function of the handler
        self.has_batches = True
        self.only_batches = False  # get these answers
        self.asked: Counter[Key] = Counter()
        self.headers: list[dict[str, str]] = []
        self.requests: list[str] = []
        self.lock = Lock()
        self.hold_after: int | None = None  # requests
        self.held, self.go_on = Event(), Event()

    def feature(self, key: Key) -> dict[str, Any] | None:
        """What is said of a feature: its explanations, or all of its answer, or None."""
        model, layer, index = key
        said = self.special.get(
            key,
            [
                {
                    "description": f"about {layer}/{index}",
                    "typeName": "np_max-act-logits",
                    "explanationModelName": "gemini-2.0-flash",
                }
            ],
        )
        if said is None:
            return None
        base = {"modelId": model, "layer": layer, "index": str(index), "activations": [{"values": [0.1]}]}
        return {**base, **said} if isinstance(said, dict) else {**base, "explanations": said}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: FakeNeuronpedia

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/api/features" or not self.fake.has_batches:
            self.reply(404, b"{}")
            return
        assert isinstance(body, list)
        assert all(set(item) == {"modelId", "layer", "index", "maxActsToReturn"} for item in body)
        keys = [(item["modelId"], item["layer"], item["index"]) for item in body]
        self.answer(keys, lambda: [found for key in keys if (found := self.fake.feature(key))])

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path in self.fake.files:
            self.answer([], lambda: None, self.fake.files[path])
            return
        if path.startswith("/api/graph/"):
            self.answer([], lambda: self.fake.graphs.get(path.removeprefix("/api/graph/")))
            return
        _, _, _, model, layer, index = self.path.split("/")
        key = (model, layer, int(index))
        self.answer([key], lambda: self.fake.feature(key))

    def answer(self, keys: list[Key], content: Callable[[], Any], file: Any = None) -> None:
        fake = self.fake
        with fake.lock:
            fake.headers.append(dict(self.headers))
            fake.requests.append(f"{self.command} {self.path}")
            fake.asked.update(keys)
            takes = fake.answers and file is None and (self.command == "POST" or not fake.only_batches)
            special = fake.answers.pop(0) if takes else file
            is_held = fake.hold_after is not None and len(fake.requests) > fake.hold_after
        if is_held:
            fake.held.set()
            fake.go_on.wait(60)
        if callable(special):
            special(self)
        elif isinstance(special, int):
            self.reply(special, b'{"error": "as told"}')
        elif special is not None:
            self.reply(200, special)
        else:
            found = content()
            self.reply(404 if found is None else 200, json.dumps(found).encode())

    def reply(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A client that goes away is no news."""


@contextmanager
def fake_neuronpedia() -> Iterator[tuple[FakeNeuronpedia, str]]:
    """The server and its address."""
    fake = FakeNeuronpedia()
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"fake": fake}))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield fake, f"http://127.0.0.1:{server.server_port}"
    finally:
        fake.go_on.set()
        server.shutdown()
        server.server_close()
        thread.join()


def main() -> None:
    """Print the address, answer until standard input ends, then print what was asked: requests, features, and how
    many of these more than once."""
    with fake_neuronpedia() as (fake, url):
        print(url, flush=True)
        sys.stdin.read()
        more_than_once = sum(count > 1 for count in fake.asked.values())
        print(json.dumps([len(fake.requests), len(fake.asked), more_than_once]), flush=True)


if __name__ == "__main__":
    main()
