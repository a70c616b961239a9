"""Arguments of the Python API: what the command line takes, a method takes; the rest is refused by name.

`checks_arguments` decorates a class. Its methods then read their arguments by their annotations: a text where a list is
meant is a list of one, numbers where a list is meant may be ranges, and an argument that does not fit its annotation
raises InvalidArgumentError before anything is asked. Nothing else checks types.
"""

from __future__ import annotations

import builtins
import inspect
import operator
import os
import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache, wraps
from numbers import Real
from types import NoneType, SimpleNamespace, UnionType
from typing import Any, TypeVar, Union, Unpack, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from circuit_atlas.errors import InvalidArgumentError

C = TypeVar("C", bound=type)
F = TypeVar("F", bound=Callable[..., Any])
_LISTS = (Sequence, Iterable, Collection, list)
_RANGE = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")
_FROM_END = re.compile(r"-\d{1,9}")
_LONGEST_RANGE = 100_000
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_WORDS: dict[Any, str] = {int: "a whole number", float: "a number", bool: "True or False", str: "a text"}
_WORDS |= {os.PathLike: "a path", Mapping: "a mapping", NoneType: "None"}
_WORDS_OF_LISTS = {int: "whole numbers, or ranges such as '5-10'", str: "texts"}


_SEVERAL = "; pass several as separate arguments, or as a list with * before it"


class _DoesNotFitError(Exception):
    """A value does not fit an annotation."""


def checks_arguments(cls: C) -> C:
    """Makes the public methods of a class, and its `__init__`, read their arguments by their annotations."""
    for name, value in list(vars(cls).items()):
        if inspect.isfunction(value) and (name == "__init__" or not name.startswith("_")):
            setattr(cls, name, _checked(name, value))
    return cls


def parse_range(text: str) -> range | None:
    """The integers of `5`, `5-10` or `-1`; None if the text is none of them, or means more than 100,000."""
    text = text.strip()
    if _FROM_END.fullmatch(text):
        return range(int(text), int(text) + 1)
    found = _RANGE.fullmatch(text)
    numbers = range(int(found[1]), int(found[2] or found[1]) + 1) if found else range(0)
    return numbers if 0 < len(numbers) <= _LONGEST_RANGE else None


def _checked(name: str, function: F) -> F:
    @cache  # annotations are read at the first call: importing the API should cost nothing
    def known() -> tuple[inspect.Signature, dict[str, Any]]:
        return inspect.signature(function), _annotations(function)

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        bound = _bound(name, *known(), args, kwargs)
        return function(*bound.args, **bound.kwargs)

    return cast(F, call)


def _bound(
    name: str, signature: inspect.Signature, hints: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> inspect.BoundArguments:
    """The arguments of a call by parameter, each as its annotation says."""
    _, *parameters = signature.parameters.values()  # without the object whose method this is
    options = hints.keys() - signature.parameters.keys()
    named = {parameter.name for parameter in parameters if parameter.kind in _NAMED} | options
    unknown = [argument for argument in kwargs if argument not in named]
    if unknown:
        close = get_close_matches(unknown[0], named, 1)
        meant = f"Did you mean {close[0]}? " if close else ""
        listed = ", ".join(sorted(named)) or "no keyword argument"
        raise InvalidArgumentError(f"{name} does not take {unknown[0]!r}", fix=f"{meant}It takes {listed}.")
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        raise InvalidArgumentError(f"{name}: {error}", fix=f"It is called as {name}{_shown(parameters)}.") from None
    for parameter in parameters:
        name, wanted = parameter.name, hints.get(parameter.name, Any)
        if name not in bound.arguments:
            continue
        given = bound.arguments[name]
        if parameter.kind is parameter.VAR_POSITIONAL:
            bound.arguments[name] = tuple(_read(name, value, wanted, _SEVERAL) for value in given)
        elif parameter.kind is parameter.VAR_KEYWORD:
            bound.arguments[name] = {option: _read(option, value, hints[option]) for option, value in given.items()}
        elif given is None and parameter.default == ():  # None stands for an empty list
            bound.arguments[name] = ()
        else:
            bound.arguments[name] = _read(name, given, wanted)
    return bound


def _shown(parameters: list[inspect.Parameter]) -> str:
    bare = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters]
    return str(inspect.Signature(bare))


def _annotations(function: Callable[..., Any]) -> dict[str, Any]:
    """The type of each parameter; of `**options`, those of its TypedDict."""
    function = inspect.unwrap(function)
    hints = _hints(function, function.__globals__)
    for name, wanted in list(hints.items()):
        if get_origin(wanted) is Unpack:
            [options] = get_args(wanted)
            del hints[name]
            hints |= _hints(options, vars(sys.modules[options.__module__]))
    return hints


def _hints(holder: Any, names: dict[str, Any]) -> dict[str, Any]:
    of_parameters = {name: wanted for name, wanted in holder.__annotations__.items() if name != "return"}
    return get_type_hints(SimpleNamespace(__annotations__=of_parameters), localns=_Names(vars(builtins) | names))


class _Names(dict[str, Any]):
    """The names of a module. What only type checkers import, such as torch, stands for anything."""

    def __missing__(self, name: str) -> Any:
        return _Anything


class _AnythingMeta(type):
    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Any


class _Anything(metaclass=_AnythingMeta):
    """A type that is not known when the program runs."""


def _read(name: str, value: Any, wanted: Any, more: str = "") -> Any:
    try:
        return _fitted(value, wanted)
    except _DoesNotFitError as error:
        part = f"contain {error.args[0]!r:.80}" if error.args else f"be {value!r:.80}"
        raise InvalidArgumentError(f"{name} cannot {part}", fix=f"It must be {_words(wanted)}{more}.") from None


def _fitted(value: Any, wanted: Any) -> Any:
    """A value as an annotation means it."""
    origin = get_origin(wanted) or wanted
    if origin in (Union, UnionType):
        return _fitted_to_one(value, get_args(wanted))
    if origin in _LISTS:
        return _list(value, *get_args(wanted))
    if origin is int and not isinstance(value, bool) and hasattr(value, "__index__"):
        return _converted(operator.index, value)  # numpy's integers, too
    if origin is float and not isinstance(value, bool) and isinstance(value, Real):
        return _converted(float, value)
    is_known = isinstance(origin, type) and origin not in (Any, _Anything)
    if is_known and (not isinstance(value, origin) or (origin is int and isinstance(value, bool))):
        raise _DoesNotFitError
    return value


def _converted(to_number: Callable[[Any], Any], value: Any) -> Any:
    try:
        return to_number(value)
    except (TypeError, OverflowError):  # an array of several numbers, a number that is too large
        raise _DoesNotFitError from None


def _fitted_to_one(value: Any, wanted: Iterable[Any]) -> Any:
    failed = _DoesNotFitError()
    if isinstance(value, tuple(one for one in wanted if isinstance(one, type) and issubclass(one, BaseModel))):
        return value  # an answer is not a list of what it has
    for one in wanted:
        try:
            return _fitted(value, one)
        except _DoesNotFitError as error:
            failed = error if error.args else failed
    raise failed


def _list(value: Any, wanted: Any) -> Any:
    """The items of a list; a text, a path or a number is the only one."""
    if value is None or isinstance(value, Mapping | bytes | bytearray):
        raise _DoesNotFitError
    is_one = isinstance(value, str | os.PathLike) or not isinstance(value, Iterable) or getattr(value, "ndim", 1) == 0
    items = [value] if is_one else value
    if wanted is Any:
        if not isinstance(items, Sequence):
            raise _DoesNotFitError
        return items
    found: list[Any] = []
    for item in items:
        try:
            found += _integers(item) if wanted is int else [_fitted(item, wanted)]
        except _DoesNotFitError:
            raise _DoesNotFitError(*([] if is_one else [item])) from None
    return found


def _integers(item: Any) -> Iterable[int]:
    """The integers that one item of a list means: an integer, a range, or a text of the command line."""
    if isinstance(item, range) and len(item) <= _LONGEST_RANGE:
        return item
    numbers = parse_range(item) if isinstance(item, str) else None
    return [_fitted(item, int)] if numbers is None else numbers


def _words(wanted: Any) -> str:
    origin, inner = get_origin(wanted) or wanted, get_args(wanted)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(_words(one) for one in inner))
    if origin in _LISTS:
        return f"a list of {_WORDS_OF_LISTS.get(inner[0]) or _words(inner[0])}"
    return _WORDS.get(origin) or str(getattr(origin, "__name__", origin))
