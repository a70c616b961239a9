"""Edge values in numpy: the same numbers as the Cypher of `queries/edge_value.py`, for many edges at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from circuit_atlas.graph.data import Bool, Float64
from circuit_atlas.queries.edge_value import (
    Call,
    Case,
    Chain,
    Comparison,
    EdgeValue,
    IsNull,
    KindName,
    Minus,
    Name,
    Not,
    Number,
    Term,
)

Array = np.ndarray[Any, Any]


def _power(base: Array, exponent: Array) -> Array:
    """As in Java: where C's `pow` says 1, for 1 to the power of NaN and for 1 or -1 to an infinite power, it is NaN."""
    undefined = (np.isnan(exponent) & (base == 1)) | (np.isinf(exponent) & (np.abs(base) == 1))
    return np.where(undefined, np.nan, np.power(base, exponent))


_YES, _NO = np.asarray(True), np.asarray(False)
_BINARY: dict[str, Callable[[Array, Array], Array]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,  # the sign of the dividend, as in Cypher
    "^": _power,
    "=": np.equal,
    "<>": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
_UNARY = {"abs": np.abs, "sqrt": np.sqrt, "exp": np.exp, "log": np.log, "floor": np.floor, "ceil": np.ceil}


class _Values(NamedTuple):
    """A value for each edge, and whether it is known: where it is not, it is null."""

    value: Array
    known: Array


def edge_values(expression: EdgeValue, columns: Mapping[str, Array]) -> tuple[Float64, Bool]:
    """The value of each edge, float64 (m,), NaN where it is not defined or null; and whether it is not null, bool (m,).

    Args:
        expression: the expression.
        columns: for `weight` and each name in the expression, an array (m,): numbers, NaN where a node has none; the
            names of kinds for `source.kind` and `target.kind`.
    """
    with np.errstate(all="ignore"):
        found = _evaluate(expression.term, columns)
    shape = columns["weight"].shape
    values = np.where(found.known, found.value, np.nan)
    return np.broadcast_to(values, shape), np.broadcast_to(found.known, shape)


def _evaluate(term: Term, columns: Mapping[str, Array]) -> _Values:
    def of(part: Term) -> _Values:
        return _evaluate(part, columns)

    match term:
        case Number(value) | KindName(value):
            return _Values(np.asarray(value), _YES)
        case Name(name):
            column = columns[name]
            return _Values(column, _YES if column.dtype.kind == "U" else ~np.isnan(column))
        case Chain(operators, operands):
            found = of(operands[0])
            for operator, operand in zip(operators, operands[1:], strict=True):
                found = _combined(operator, found, of(operand))
            return found
        case Comparison(operator, left, right):
            return _combined(operator, of(left), of(right))
        case IsNull(operand, is_negated):
            return _Values(of(operand).known == is_negated, _YES)
        case Not(operand) | Minus(operand):
            found = of(operand)
            return _Values(~found.value if isinstance(term, Not) else _opposite(operand, found.value), found.known)
        case Call(function, arguments):
            return _called(function, [of(argument) for argument in arguments])
        case Case(branches, otherwise):
            found = _Values(np.asarray(np.nan), _NO) if otherwise is None else of(otherwise)
            for condition, branch in reversed(branches):
                found = _chosen(_is_true(of(condition)), of(branch), found)
            return found


def _opposite(term: Term, value: Array) -> Array:
    """As in Cypher: `-0` is -0, and the opposite of anything else that is 0 is 0."""
    return -value if isinstance(term, Number) else 0 - value


def _combined(operator: str, left: _Values, right: _Values) -> _Values:
    if operator == "AND":
        true = _is_true(left) & _is_true(right)
        return _Values(true, true | _is_false(left) | _is_false(right))
    if operator == "OR":
        true = _is_true(left) | _is_true(right)
        return _Values(true, true | (_is_false(left) & _is_false(right)))
    return _Values(_BINARY[operator](left.value, right.value), left.known & right.known)


def _called(function: str, arguments: list[_Values]) -> _Values:
    first = arguments[0]
    match function:
        case "coalesce":
            return reduce(lambda found, other: _chosen(found.known, found, other), arguments)
        case "greatest":
            return reduce(lambda found, other: _extreme(">", found, other), arguments)
        case "least":
            return reduce(lambda found, other: _extreme("<", found, other), arguments)
        case "sign":  # of NaN it is 0 in Cypher
            return _Values(np.nan_to_num(np.sign(first.value)), first.known)
        case _:
            return _Values(_UNARY[function](first.value), first.known)


def _extreme(operator: str, found: _Values, other: _Values) -> _Values:
    """The greater or the lesser of two numbers; null if they cannot be compared."""
    both = found.known & other.known & ~np.isnan(found.value) & ~np.isnan(other.value)
    better = _BINARY[operator](other.value, found.value)
    return _Values(np.where(better, other.value, found.value), both)


def _chosen(condition: Array, then: _Values, otherwise: _Values) -> _Values:
    return _Values(np.where(condition, then.value, otherwise.value), np.where(condition, then.known, otherwise.known))


def _is_true(condition: _Values) -> Array:
    return condition.known & condition.value


def _is_false(condition: _Values) -> Array:
    return condition.known & ~condition.value
