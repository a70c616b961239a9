"""Reads the pickle of a `.pt`: a machine that knows the operations and names with which torch.save writes an
attribution graph, and no others.

A pickle is a program: it names functions and calls them. Here a name stands for one of the constructors below, which
only hold data, so that there is nothing that a file could call; whatever else it asks for is refused before a step is
taken. torch's own reader of this kind, `weights_only=True`, was broken twice, and importing torch alone takes more
memory than reading a graph may.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from circuit_atlas.errors import UnsafeFileError

DATA_TYPES = {
    "Double": "float64",
    "Float": "float32",
    "Half": "float16",
    "BFloat16": "bfloat16",
    "Long": "int64",
    "Int": "int32",
    "Short": "int16",
    "Char": "int8",
    "Byte": "uint8",
    "Bool": "bool",
}
_PUSHED = frozenset({"BINUNICODE", "SHORT_BINUNICODE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"})
_CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_FIX = "Do not load this file with other tools either, unless you trust whoever made it."


class LogitTarget(NamedTuple):
    """circuit-tracer's class of that name."""

    token_str: str
    vocab_idx: int


class Config:
    """Holds the fields of a model's configuration."""


class Ignored:
    """Stands for what no reader looks at: numpy scalars in old configurations, devices, hooks of tensors."""


class TorchDtype(NamedTuple):
    """`torch.float32` and the like."""

    name: str


class SavedTensor(NamedTuple):
    """Where a tensor's elements lie: `offset`, `shape` and `strides` count elements of a storage."""

    dtype: str
    storage: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Storage(NamedTuple):
    dtype: str
    key: str


class _Name(NamedTuple):
    """What a pickle names in order to call it."""

    make: Callable[..., Any]


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> SavedTensor:
    numbers = isinstance(shape, tuple) and isinstance(strides, tuple) and len(shape) == len(strides)
    if not numbers or not all(type(i) is int and 0 <= i < 1 << 62 for i in (offset, *shape, *strides)):
        raise ValueError("a tensor's place is none")
    return SavedTensor(storage.dtype, storage.key, offset, shape, strides)


def _dict(*arguments: Any) -> dict[Any, Any]:
    if arguments:
        raise ValueError("an ordered dict is made of something")
    return {}


def _ignored(*_: Any) -> Ignored:
    return Ignored()


NAMES: dict[str, Any] = {
    "collections OrderedDict": _Name(_dict),
    "_codecs encode": _Name(_ignored),
    "torch device": _Name(_ignored),
    "torch._utils _rebuild_tensor_v2": _Name(_tensor),
    "circuit_tracer.attribution.targets LogitTarget": _Name(LogitTarget),
    "circuit_tracer.utils.tl_nnsight_mapping UnifiedConfig": _Name(Config),
    "transformer_lens.HookedTransformerConfig HookedTransformerConfig": _Name(Config),
    "transformer_lens.config.HookedTransformerConfig HookedTransformerConfig": _Name(Config),
    "numpy.core.multiarray scalar": _Name(_ignored),
    "numpy._core.multiarray scalar": _Name(_ignored),
    "numpy dtype": _Name(_ignored),
    **{f"torch {name}": TorchDtype(name) for name in DATA_TYPES.values()},
    **{f"torch {kind}Storage": _Storage(name, "") for kind, name in DATA_TYPES.items()},
}


def unpickle(code: bytes, where: str) -> Any:
    """What a pickle of torch.save holds, tensors as `SavedTensor`.

    Raises:
        UnsafeFileError: it asks for a name or an operation that no attribution graph needs.
        ValueError, IndexError, TypeError, KeyError, AttributeError: it is damaged.
    """
    for operation, argument in _steps(code):
        if operation == "GLOBAL" and argument not in NAMES:
            raise _refused(str(argument).replace(" ", "."), where)
        if operation not in _PUSHED and operation not in _CONSTANTS and operation not in _STEPS:
            raise _refused(f"the pickle operation {operation}", where)
    return _Machine().run(_steps(code))


def _steps(code: bytes) -> Iterator[tuple[str, Any]]:
    return ((opcode.name, argument) for opcode, argument, _ in pickletools.genops(code))


def _refused(name: str, where: str) -> UnsafeFileError:
    return UnsafeFileError(
        f"it asks for {name}, which no attribution graph needs and which could run code; it was not loaded",
        where=where,
        fix=_FIX,
    )


class _Machine:
    """Values that the operations work on: `stack` above the last mark, `below` it those of earlier marks."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def run(self, steps: Iterable[tuple[str, Any]]) -> Any:
        for operation, argument in steps:
            if operation in _PUSHED:
                self.push(argument)
            elif operation in _CONSTANTS:
                self.push(_CONSTANTS[operation])
            else:
                _STEPS[operation](self, argument)
        return self.stack.pop()

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def mark(self) -> None:
        self.below.append(self.stack)
        self.stack = []

    def marked(self) -> list[Any]:
        items, self.stack = self.stack, self.below.pop()
        return items

    def take(self, number: int) -> list[Any]:
        if len(self.stack) < number:
            raise IndexError("it takes more than there is")
        items = self.stack[-number:]
        del self.stack[-number:]
        return items

    def extend(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not list:
            raise TypeError("it appends to what is no list")
        target.extend(items)

    def set_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not dict:
            raise TypeError("it sets items of what is no dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, str) and not (type(key) is int and abs(key) < 1 << 31):
                raise TypeError("a key is neither text nor a number")
            target[key] = value

    def call(self) -> None:
        name, arguments = self.take(2)
        if not isinstance(name, _Name) or type(arguments) is not tuple:
            raise TypeError("it calls what cannot be called")
        self.push(name.make(*arguments))

    def build(self) -> None:
        (state,) = self.take(1)
        made = self.stack[-1]
        if isinstance(made, Config) and isinstance(state, dict):
            vars(made).update({name: value for name, value in state.items() if isinstance(name, str)})
        elif not isinstance(made, Config | Ignored):
            raise TypeError("it gives a state to what has none")

    def storage(self) -> None:
        ((kind, storage, key, *_),) = self.take(1)
        if kind != "storage" or not isinstance(storage, _Storage) or not isinstance(key, str):
            raise TypeError("it refers to what is no storage")
        self.push(storage._replace(key=key))


_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda machine, _: None,
    "STOP": lambda machine, _: None,
    "MARK": lambda machine, _: machine.mark(),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.marked())),
    "TUPLE1": lambda machine, _: machine.push(tuple(machine.take(1))),
    "TUPLE2": lambda machine, _: machine.push(tuple(machine.take(2))),
    "TUPLE3": lambda machine, _: machine.push(tuple(machine.take(3))),
    "APPEND": lambda machine, _: machine.extend(machine.take(1)),
    "APPENDS": lambda machine, _: machine.extend(machine.marked()),
    "SETITEM": lambda machine, _: machine.set_items(machine.take(2)),
    "SETITEMS": lambda machine, _: machine.set_items(machine.marked()),
    "BINPUT": lambda machine, index: machine.memo.__setitem__(index, machine.stack[-1]),
    "LONG_BINPUT": lambda machine, index: machine.memo.__setitem__(index, machine.stack[-1]),
    "BINGET": lambda machine, index: machine.push(machine.memo[index]),
    "LONG_BINGET": lambda machine, index: machine.push(machine.memo[index]),
    "GLOBAL": lambda machine, name: machine.push(NAMES[name]),
    "REDUCE": lambda machine, _: machine.call(),
    "NEWOBJ": lambda machine, _: machine.call(),
    "BUILD": lambda machine, _: machine.build(),
    "BINPERSID": lambda machine, _: machine.storage(),
}
