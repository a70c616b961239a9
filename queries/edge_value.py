"""The language of edge values: an expression that takes the place of the weight of an edge in a path search.

It is a small part of Cypher: arithmetic, comparisons, `AND`, `OR`, `NOT`, `CASE WHEN`, a few functions, and the numbers
of an edge and of its nodes. It has no subquery, pattern, list or parameter, so its value takes a few steps for each
edge. All numbers are floats: `1 / 2` is 0.5. What is missing is null, as in Cypher.

An expression is read into terms. They become Cypher here, and numpy in `queries/edge_value_arrays.py`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from circuit_atlas.errors import InvalidArgumentError
from circuit_atlas.schema.keys import KIND_NAMES
from circuit_atlas.schema.limits import MAX_WEIGHT
from circuit_atlas.schema.properties import DOUBLE, LABELS, LONG

MAX_LENGTH = 2_000  # characters
MAX_DEPTH = 20  # parentheses, functions and CASEs inside each other

NUMBER, CONDITION, KIND = "a number", "a condition", "a kind of nodes"  # types of terms
_ENDS = ("source", "target")
_PROPERTIES = {name: declared.type for name, declared in LABELS["Node"].properties.items()}
_NUMBERS = (
    "weight",
    "input_sum",
    *(f"{end}.{name}" for end in _ENDS for name, kind in _PROPERTIES.items() if kind in (LONG, DOUBLE)),
)
_NAMES = (*_NUMBERS, *(f"{end}.kind" for end in _ENDS))
# In Cypher: {0} is the first argument, {1} are the others. Where numbers cannot be compared, the greatest is null.
_GREATEST = "reduce(m = {0}, x IN [{1}] | CASE WHEN x > m THEN x WHEN x <= m THEN m END)"
FUNCTIONS = {
    **{name: f"{name}({{0}})" for name in ("abs", "sqrt", "exp", "log", "floor", "ceil")},
    "sign": "toFloat(sign({0}))",
    "coalesce": "coalesce({0}, {1})",
    "greatest": _GREATEST,
    "least": _GREATEST.replace("x > m", "x < m").replace("x <= m", "x >= m"),
}
_KEYWORDS = frozenset({"AND", "OR", "NOT", "CASE", "WHEN", "THEN", "ELSE", "END", "IS", "NULL"})
_EQUALITIES = ("=", "<>")
_COMPARISONS = (*_EQUALITIES, "<", "<=", ">", ">=")
_BLANK = re.compile(r"(?:\s|//[^\n]*)*")
_TOKEN = re.compile(
    r"(?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))"
    r"|(?P<word>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?)"
    r"|(?P<text>'[^'\\]*'|\"[^\"\\]*\")"
    r"|(?P<sign><>|<=|>=|[-+*/%^=<>(),])",
    re.ASCII,
)


@dataclass(frozen=True)
class Number:
    """A number in the expression."""

    value: float
    type = NUMBER

    @property
    def cypher(self) -> str:
        """The term in Cypher, here and below."""
        return repr(self.value)


@dataclass(frozen=True)
class KindName:
    """The name of a kind, with which the kind of a node is compared."""

    kind: str
    type = KIND

    @property
    def cypher(self) -> str:
        return f"'{self.kind}'"


@dataclass(frozen=True)
class Name:
    """A property of each edge: `weight`, `source.layer`, `target.kind`."""

    name: str

    @property
    def type(self) -> str:
        return KIND if self.name.endswith(".kind") else NUMBER

    @property
    def cypher(self) -> str:
        node, _, of_node = self.name.partition(".")
        if of_node == "kind":
            return f"split({node}.key, ':')[0]"
        return f"toFloat({self.name})" if _PROPERTIES.get(of_node) == LONG else self.name


@dataclass(frozen=True)
class Chain:
    """Operands with operators of one precedence between them, from left to right."""

    operators: tuple[str, ...]
    operands: tuple[Term, ...]

    @property
    def type(self) -> str:
        return CONDITION if self.operators[0] in ("AND", "OR") else NUMBER

    @property
    def cypher(self) -> str:
        rest = zip(self.operators, self.operands[1:], strict=True)
        return f"({self.operands[0].cypher}{''.join(f' {operator} {term.cypher}' for operator, term in rest)})"


@dataclass(frozen=True)
class Comparison:
    """Two numbers, or two kinds, compared."""

    operator: str
    left: Term
    right: Term
    type = CONDITION

    @property
    def cypher(self) -> str:
        return f"({self.left.cypher} {self.operator} {self.right.cypher})"


@dataclass(frozen=True)
class IsNull:
    """Whether a number is missing, or when negated, whether it is present."""

    operand: Term
    is_negated: bool
    type = CONDITION

    @property
    def cypher(self) -> str:
        return f"({self.operand.cypher} IS {'NOT ' if self.is_negated else ''}NULL)"


@dataclass(frozen=True)
class Not:
    """The opposite of a condition."""

    operand: Term
    type = CONDITION

    @property
    def cypher(self) -> str:
        return f"(NOT {self.operand.cypher})"


@dataclass(frozen=True)
class Minus:
    """The opposite of a number."""

    operand: Term
    type = NUMBER

    @property
    def cypher(self) -> str:
        return f"(-{self.operand.cypher})"


@dataclass(frozen=True)
class Case:
    """The value of the first condition that is true, else `otherwise`, else null."""

    branches: tuple[tuple[Term, Term], ...]
    otherwise: Term | None
    type = NUMBER

    @property
    def cypher(self) -> str:
        when = "".join(f" WHEN {condition.cypher} THEN {value.cypher}" for condition, value in self.branches)
        return f"CASE{when}{'' if self.otherwise is None else f' ELSE {self.otherwise.cypher}'} END"


@dataclass(frozen=True)
class Call:
    """A function of numbers."""

    function: str
    arguments: tuple[Term, ...]
    type = NUMBER

    @property
    def cypher(self) -> str:
        first, *others = (argument.cypher for argument in self.arguments)
        return FUNCTIONS[self.function].format(first, ", ".join(others))


Term = Number | Name | KindName | Chain | Comparison | IsNull | Not | Minus | Case | Call


@dataclass(frozen=True)
class EdgeValue:
    """An expression as the user wrote it, its term, and the names in it."""

    text: str
    term: Term
    names: frozenset[str] = field(repr=False)

    @property
    def cypher(self) -> str:
        """The expression in Cypher: of the variables `weight`, `input_sum`, `source` and `target`."""
        return self.term.cypher

    def check(self, values: Iterable[float | None]) -> None:
        """Refuse the values of some edges if one is not a number, or too large.

        Raises:
            InvalidArgumentError: one is not.
        """
        for value in values:
            if value is None:
                raise InvalidArgumentError(
                    f"{self.text!r} must be a number for every edge", fix="Wrap it in coalesce(), or add an ELSE."
                )
            if math.isnan(value):
                raise InvalidArgumentError(
                    f"{self.text!r} is not defined for every edge: it may take the square root of a negative number",
                    fix="Give another value there: CASE WHEN ... THEN ... ELSE ... END.",
                )
            if not abs(value) <= MAX_WEIGHT:
                raise InvalidArgumentError(
                    f"{self.text!r} must be finite for every edge, and at most {MAX_WEIGHT:g}",
                    fix="The score of a path adds the values of its edges.",
                )


def parse_edge_value(text: str) -> EdgeValue:
    """Read an expression.

    Args:
        text: the expression, of at most 2,000 characters.

    Raises:
        InvalidArgumentError: it is not one of this language; `where` has the column.
    """
    if len(text) > MAX_LENGTH:
        raise InvalidArgumentError(
            f"an edge value of {len(text):,} characters is too long", fix=f"It has at most {MAX_LENGTH:,}."
        )
    parser = _Parser(_tokens(text))
    return EdgeValue(text, parser.whole(), frozenset(parser.names))


class _Token(NamedTuple):
    """A piece of an expression. The group is number, word, text, sign (keywords, too), or empty at the end."""

    group: str
    text: str
    column: int

    @property
    def shown(self) -> str:
        """For messages."""
        return repr(self.text) if self.group else "the end"


def _tokens(text: str) -> list[_Token]:
    tokens = []
    place = _skip(text, 0)
    while place < len(text):
        match = _TOKEN.match(text, place)
        if not match:
            raise _error(place + 1, f"{text[place]!r} does not belong here")
        is_keyword = match.lastgroup == "word" and match[0].upper() in _KEYWORDS
        group, found = ("sign", match[0].upper()) if is_keyword else (str(match.lastgroup), match[0])
        tokens.append(_Token(group, found, place + 1))
        place = _skip(text, match.end())
    return [*tokens, _Token("", "", len(text) + 1)]


def _skip(text: str, place: int) -> int:
    """The next place that is neither blank nor in a comment."""
    blank = _BLANK.match(text, place)
    return blank.end() if blank else place


def _error(column: int, what: str, fix: str | None = None) -> InvalidArgumentError:
    return InvalidArgumentError(
        what,
        where=f"edge value, column {column}",
        fix=fix or "It has numbers, names, + - * / % ^, comparisons, AND, OR, NOT, CASE WHEN and functions.",
    )


class _Parser:
    """Reads tokens from left to right; each method reads what it is named after. Operators bind as in Cypher."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens, self._place, self._depth = tokens, 0, 0
        self.names: set[str] = set()

    def whole(self) -> Term:
        """The whole expression, which is a number."""
        term = self._typed(NUMBER, self._expression)
        self._expect("", "an operator or the end")
        return term

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place]

    def _take(self) -> _Token:
        token = self._next
        self._place += 1
        return token

    def _accept(self, *signs: str) -> str:
        """The next sign if it is one of these, which is then taken; else an empty text."""
        return self._take().text if self._next.group == "sign" and self._next.text in signs else ""

    def _expect(self, sign: str, shown: str = "") -> None:
        token = self._take()
        if token.group not in ("sign", "") or token.text != sign:
            raise _error(token.column, f"expected {shown or sign}, found {token.shown}")

    def _typed(self, wanted: str, read: Callable[[], Term]) -> Term:
        """The term that `read` reads. It must be of the type `wanted`: a number, a condition or a kind."""
        column = self._next.column
        return _checked(read(), wanted, column)

    def _expression(self) -> Term:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _error(self._next.column, f"expressions are nested more than {MAX_DEPTH} deep")
        term = self._chain(CONDITION, ("OR",), self._conjunction)
        self._depth -= 1
        return term

    def _conjunction(self) -> Term:
        return self._chain(CONDITION, ("AND",), self._negation)

    def _negation(self) -> Term:
        negations = 0
        while self._accept("NOT"):
            negations += 1
        term = self._typed(CONDITION, self._comparison) if negations else self._comparison()
        return Not(term) if negations % 2 else term

    def _comparison(self) -> Term:
        column = self._next.column
        left = self._sum()
        if self._accept("IS"):
            is_negated = bool(self._accept("NOT"))
            self._expect("NULL")
            return IsNull(_checked(left, NUMBER, column), is_negated)
        wanted = KIND if left.type == KIND else NUMBER
        if operator := self._accept(*(_EQUALITIES if wanted == KIND else _COMPARISONS)):
            return Comparison(operator, _checked(left, wanted, column), self._typed(wanted, self._sum))
        return left

    def _sum(self) -> Term:
        return self._chain(NUMBER, ("+", "-"), self._product)

    def _product(self) -> Term:
        return self._chain(NUMBER, ("*", "/", "%"), self._power)

    def _power(self) -> Term:
        return self._chain(NUMBER, ("^",), self._signed)

    def _chain(self, wanted: str, operators: tuple[str, ...], operand: Callable[[], Term]) -> Term:
        column = self._next.column
        operands, between = [operand()], []
        while operator := self._accept(*operators):
            between.append(operator)
            operands.append(self._typed(wanted, operand))
        return Chain(tuple(between), (_checked(operands[0], wanted, column), *operands[1:])) if between else operands[0]

    def _signed(self) -> Term:
        signs = ""
        while sign := self._accept("+", "-"):
            signs += sign
        term = self._typed(NUMBER, self._primary) if signs else self._primary()
        return Minus(term) if signs.count("-") % 2 else term

    def _primary(self) -> Term:
        if self._accept("("):
            term = self._expression()
            self._expect(")")
            return term
        if self._accept("CASE"):
            return self._case()
        token = self._take()
        if token.group == "number":
            return _number(token)
        if token.group == "text":
            return _kind_name(token)
        if token.group != "word":
            raise _error(token.column, f"expected a value, found {token.shown}")
        return self._call(token) if self._accept("(") else self._name(token)

    def _name(self, token: _Token) -> Term:
        if token.text not in _NAMES:
            raise _error(token.column, f"unknown name {token.shown}", f"Names are {', '.join(_NAMES)}.")
        self.names.add(token.text)
        return Name(token.text)

    def _call(self, token: _Token) -> Term:
        name = token.text.lower()
        if name not in FUNCTIONS:
            raise _error(token.column, f"unknown function {token.shown}", f"Functions are {', '.join(FUNCTIONS)}.")
        arguments = [self._typed(NUMBER, self._expression)]
        while self._accept(","):
            arguments.append(self._typed(NUMBER, self._expression))
        self._expect(")")
        takes_one = "{1}" not in FUNCTIONS[name]
        if takes_one != (len(arguments) == 1):
            raise _error(token.column, f"{name} takes {'one number' if takes_one else 'two or more numbers'}")
        return Call(name, tuple(arguments))

    def _case(self) -> Term:
        branches = []
        self._expect("WHEN")
        while True:
            condition = self._typed(CONDITION, self._expression)
            self._expect("THEN")
            branches.append((condition, self._typed(NUMBER, self._expression)))
            if not self._accept("WHEN"):
                break
        otherwise = self._typed(NUMBER, self._expression) if self._accept("ELSE") else None
        self._expect("END")
        return Case(tuple(branches), otherwise)


def _number(token: _Token) -> Number:
    value = float(token.text)
    if math.isinf(value):
        raise _error(token.column, f"{token.text} is too large", "Numbers are float64.")
    return Number(value)


def _kind_name(token: _Token) -> KindName:
    kind = token.text[1:-1]
    if kind not in KIND_NAMES:
        raise _error(token.column, f"{token.text} is not a kind of node", f"Kinds are {', '.join(sorted(KIND_NAMES))}.")
    return KindName(kind)


def _checked(term: Term, wanted: str, column: int) -> Term:
    if term.type != wanted:
        raise _error(column, f"{wanted} is needed here, and this is {term.type}")
    return term
