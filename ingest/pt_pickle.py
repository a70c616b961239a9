"""Reads the pickle in a `.pt`: an interpreter of the few operations that torch.save uses for an attribution graph.

A pickle is a program that can name any function and call it. Here a name stands for one of the constructors in `NAMES`,
which only keep data, so there is nothing that a file could call. The whole program is checked before its first step is
run: a file that needs another name or operation is refused.

Why not `pickle.Unpickler` with `find_class` restricted to the same constructors, which would be shorter?

- It runs a program while it reads it, so what comes before a forbidden name has already happened.
- It knows every operation of every protocol, and each works on the values that the program makes: BUILD sets attributes
  or calls `__setstate__`, OBJ and NEWOBJ make instances, EXT looks up a registry. That the constructors stay harmless
  under all of them would have to be shown again for each version of Python.
- It trusts sizes. Its memo is an array, for instance: nine bytes, a list stored under memo index 50,000,000, make it
  reserve 800 MB. The memo here is a dict.

Why not `torch.load(weights_only=True)`? It was broken twice (CVE-2025-32434, CVE-2026-24747), and importing torch takes
seconds and more memory than reading a graph.
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
_MAX_WORK = 4_000_000  # values that calls are given: each costs a few bytes of the file, however many values it takes
_MAX_DIMENSIONS = 8
_LITERALS = frozenset({"BINUNICODE", "SHORT_BINUNICODE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"})
_CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_FIX = "Do not load this file with other tools either, unless you trust its source."


class LogitTarget(NamedTuple):
    """Stands for circuit-tracer's class of that name."""

    token_str: str
    vocab_idx: int


class Config:
    """The fields of a model's configuration, as attributes."""


class Ignored:
    """Stands for what no reader needs: numpy scalars in old configurations, devices, hooks of tensors."""


class TorchDtype(NamedTuple):
    """`torch.float32` and the like."""

    name: str


class SavedTensor(NamedTuple):
    """Where a tensor's elements are: `offset`, `shape` and `strides` count elements of the storage of that key."""

    dtype: str
    storage: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Storage(NamedTuple):
    dtype: str
    key: str


class _Name(NamedTuple):
    """A constructor that a pickle may call."""

    make: Callable[..., Any]


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> SavedTensor:
    numbers = isinstance(shape, tuple) and isinstance(strides, tuple) and len(shape) == len(strides) <= _MAX_DIMENSIONS
    if not numbers or not all(type(i) is int and 0 <= i < 1 << 62 for i in (offset, *shape, *strides)):
        raise ValueError("a tensor has no valid offset, shape and strides")
    return SavedTensor(storage.dtype, storage.key, offset, shape, strides)


def _dict(*arguments: Any) -> dict[Any, Any]:
    if arguments:
        raise ValueError("an OrderedDict is made with arguments")
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
    """The value in a pickle of torch.save; tensors as `SavedTensor`.

    Args:
        code: the pickle.
        where: the file, for messages.

    Raises:
        UnsafeFileError: it asks for a name or an operation that no attribution graph needs.
        ValueError, IndexError, TypeError, KeyError, AttributeError: it is damaged.
    """
    for operation, argument in _steps(code):
        if operation == "GLOBAL" and argument not in NAMES:
            raise _refused(str(argument).replace(" ", "."), where)
        if operation not in _LITERALS and operation not in _CONSTANTS and operation not in _STEPS:
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
    """The state that operations work on. `stack` has the values since the last mark, `below` those between earlier
    marks, `memo` the values that are used again, `left` how many values calls may still be given."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.left = _MAX_WORK

    def run(self, steps: Iterable[tuple[str, Any]]) -> Any:
        for operation, argument in steps:
            if operation in _LITERALS:
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
            raise IndexError("it takes more values than the stack has")
        items = self.stack[-number:]
        del self.stack[-number:]
        return items

    def extend(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not list:
            raise TypeError("it appends to something that is not a list")
        target.extend(items)

    def set_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not dict:
            raise TypeError("it sets items of something that is not a dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, str) and not (type(key) is int and abs(key) < 1 << 31):
                raise TypeError("a key is neither text nor an integer")
            target[key] = value

    def spend(self, values: int) -> None:
        """A short pickle can give the same long list to many calls."""
        self.left -= values
        if self.left < 0:
            raise ValueError("it does more than any graph needs")

    def call(self) -> None:
        name, arguments = self.take(2)
        if not isinstance(name, _Name) or type(arguments) is not tuple:
            raise TypeError("it calls something that cannot be called")
        self.spend(len(arguments))
        self.push(name.make(*arguments))

    def build(self) -> None:
        (state,) = self.take(1)
        made = self.stack[-1]
        if isinstance(made, Config) and isinstance(state, dict):
            self.spend(len(state))
            vars(made).update({name: value for name, value in state.items() if isinstance(name, str)})
        elif not isinstance(made, Config | Ignored):
            raise TypeError("it sets the state of something that has none")

    def storage(self) -> None:
        ((kind, storage, key, *_),) = self.take(1)
        if kind != "storage" or not isinstance(storage, _Storage) or not isinstance(key, str):
            raise TypeError("it refers to something that is not a storage")
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
