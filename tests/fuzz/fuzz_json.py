"""Fuzzes the reader of JSON graphs: `python tests/fuzz/fuzz_json.py [libFuzzer's options] [corpus]`."""

from __future__ import annotations

import gzip
import json
from typing import Any

import atheris
from guard import check, fuzz, read_json

_NODE_TYPES = ["cross layer transcoder", "transcoder", "mlp reconstruction error", "embedding", "logit", "new", None]
_IDS = ["0_1_0", "1_2_1", "E_5_0", "0_0_1", "1_-1_1", "27_9_1", "_", "1_2_1", "E_-1_-1", "99999999_1_1"]
_ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    1 << 63,
    10**400,
    0.5,
    1e308,
    -0.0,
    "",
    "x" * 1000,
    "1",
    "\ud800",
    'Output "a" (p=0.5)',
    [],
    [[]],
    ["a", "b"],
    [["g", "1_2_1"]],
    {},
    {"a": {}},
    '["1_2_1"]',
]
_PLACES = ["node_id", "layer", "ctx_idx", "feature_type", "jsNodeId", "clerp", "influence", "activation", "token_prob"]
_FIELDS = [
    "slug",
    "scan",
    "prompt",
    "prompt_tokens",
    "node_threshold",
    "info",
    "feature_details",
    "pruning_settings",
    "supernodes",
    "pinnedIds",
    "clickedId",
]


def document(data: atheris.FuzzedDataProvider) -> dict[str, Any]:
    """A graph that is nearly right: odd values in random places."""

    def odd(usual: Any) -> Any:
        return data.PickValueInList(_ODD) if data.ConsumeIntInRange(0, 9) == 0 else usual

    def number() -> Any:
        return odd(data.ConsumeFloat())

    nodes = [
        {
            "node_id": odd(data.PickValueInList(_IDS)),
            "feature_type": odd(data.PickValueInList(_NODE_TYPES)),
            "layer": odd(data.PickValueInList(["E", "0", "1", "27", 1])),
            "ctx_idx": odd(data.ConsumeIntInRange(0, 3)),
            "activation": number(),
            **{data.PickValueInList(_PLACES): odd(None) for _ in range(data.ConsumeIntInRange(0, 2))},
        }
        for _ in range(data.ConsumeIntInRange(0, 8))
    ]
    links = [
        {"source": odd(data.PickValueInList(_IDS)), "target": odd(data.PickValueInList(_IDS)), "weight": number()}
        for _ in range(data.ConsumeIntInRange(0, 8))
    ]
    settings = [{name: odd("a") for name in _FIELDS if data.ConsumeBool()} for _ in range(2)]
    return {"metadata": odd(settings[0]), "qParams": odd(settings[1]), "nodes": odd(nodes), "links": odd(links)}


def damaged(content: bytes, data: atheris.FuzzedDataProvider) -> bytes:
    """The content, cut or with a byte changed, or as it is."""
    place, made = data.ConsumeIntInRange(0, len(content) - 1), bytearray(content)
    made[place] = data.ConsumeIntInRange(0, 255)
    return bytes(made if data.ConsumeBool() else content[: place + 1])


def one_input(content: bytes) -> None:
    """Half of the inputs are bytes as they come, a quarter graphs made of them, a quarter those packed and damaged."""
    if content[:1] < b"\x80":
        check(read_json, content[1:], "fuzz.json")
        return
    data = atheris.FuzzedDataProvider(content[1:])
    made = json.dumps(document(data)).encode()
    check(read_json, made if content[:1] < b"\xc0" else damaged(gzip.compress(made), data), "fuzz.json")


if __name__ == "__main__":
    fuzz(one_input)
