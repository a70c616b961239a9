"""Options about nodes and paths that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from circuit_atlas.arguments import parse_range
from circuit_atlas.cli.options import F, given_options, together
from circuit_atlas.schema.keys import Kind
from circuit_atlas.schema.limits import (
    DEFAULT_HOPS,
    MAX_HOPS,
    SCORES,
    SHOWN_MIN_HOPS,
    SHOWN_SCORE,
    SHOWN_SIGN,
    SIGNS,
)


class IntRange(click.ParamType[range]):
    """`5`, `5-10`, or `-1` for the last position."""

    name = "range"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The integers of a range."""
        found = parse_range(value)
        if found is None:
            self.fail(f"{value!r} is not a number or a range such as 5-10", param, ctx)
        return found


from_option = click.option(
    "--from",
    "sources",
    multiple=True,
    metavar="NODE",
    help="Node where paths begin; repeatable.  [default: all tokens]",
)
to_option = click.option(
    "--to",
    "targets",
    multiple=True,
    metavar="NODE",
    help="Node where paths end; repeatable.  [default: the most probable logit]",
)
explain_option = click.option(
    "--to", "targets", multiple=True, metavar="NODE", help="Node to explain; repeatable.  [default: all logits]"
)


def _weights_by_node(
    _ctx: click.Context, _parameter: click.Parameter, given: tuple[tuple[str, float], ...]
) -> dict[str, float]:
    weights = dict(given)
    if len(weights) < len(given):
        raise click.BadParameter("two weights are given for one node.")
    return weights


minus_option = click.option(
    "--minus", multiple=True, metavar="NODE", help="Subtract this node from the target; repeatable."
)
contrast_options = together(
    minus_option,
    click.option(
        "--weight",
        "weights",
        type=(str, float),
        multiple=True,
        metavar="NODE NUMBER",
        callback=_weights_by_node,
        help="Weight of a node in the sum of targets; repeatable.  [default: 1]",
    ),
)


def _checked_hops(_ctx: click.Context, _parameter: click.Parameter, value: int | None) -> int | None:
    """Refuse --hops beside the other two, whatever their values: the defaults of these may be given, too."""
    if given_options("hops") and given_options("min_hops", "max_hops"):
        raise click.UsageError("--hops cannot be combined with --min-hops and --max-hops.")
    return value


def _hops(fewest: int) -> Callable[[F], F]:
    return together(
        click.option(
            "--max-hops",
            type=click.IntRange(1, MAX_HOPS),
            default=DEFAULT_HOPS,
            show_default=True,
            callback=_checked_hops,
            help="Maximum number of edges of a path.",
        ),
        click.option(
            "--min-hops",
            type=click.IntRange(1, MAX_HOPS),
            default=fewest,
            show_default=True,
            callback=_checked_hops,
            help="Minimum number of edges of a path.",
        ),
        click.option(
            "--hops",
            type=click.IntRange(1, MAX_HOPS),
            callback=_checked_hops,
            help="Paths of exactly this many edges.",
        ),
    )


hops_options = _hops(1)


def _score(default: str) -> Callable[[F], F]:
    return click.option(
        "--score",
        type=click.Choice(SCORES),
        default=default,
        show_default=True,
        help="Mean or sum of weights, the weakest link, or the product of normalised weights.",
    )


def _sign(default: str) -> Callable[[F], F]:
    return click.option(
        "--sign",
        type=click.Choice(tuple(SIGNS)),
        default=default,
        show_default=True,
        help="Only paths that promote the target (an even number of negative weights), or only those that inhibit it.",
    )


score_option = _score("mean")
KIND = click.Choice([kind.value for kind in Kind])
pass_kind_option = click.option(
    "--kind", "kinds", type=KIND, multiple=True, help="Pass only nodes of this kind; repeatable."
)
# Which paths pictures, reports and comparisons show.
shown_paths_options = together(_hops(SHOWN_MIN_HOPS), _score(SHOWN_SCORE), _sign(SHOWN_SIGN), pass_kind_option)
circuit_option = click.option(
    "--circuit", metavar="NAME", help="Use only tokens, logits and the nodes of this stored circuit."
)
# Which of the paths between two nodes are meant.
restriction_options = together(
    _sign("any"),
    pass_kind_option,
    click.option(
        "--layer",
        "layers",
        type=IntRange(),
        multiple=True,
        help="Pass only these layers, 5 or 5-10; repeatable.",
    ),
    click.option(
        "--position",
        "positions",
        type=IntRange(),
        multiple=True,
        help="Pass only these positions (-1 is the last); repeatable.",
    ),
    click.option(
        "--avoid",
        multiple=True,
        metavar="NODE",
        help="Do not visit this node, or a feature such as 20/44686 anywhere; repeatable.",
    ),
    click.option(
        "--must-pass",
        multiple=True,
        metavar="NODE",
        help="Pass this node, or a feature such as 20/44686 anywhere; repeatable; a path must pass all of them.",
    ),
    click.option(
        "--must-pass-any", multiple=True, metavar="NODE", help="Pass one of these nodes or features; repeatable."
    ),
    click.option(
        "--min-weight",
        type=click.FloatRange(0),
        default=0.0,
        help="Follow only edges of this |weight| or more.",
    ),
    circuit_option,
)
edge_value_option = click.option(
    "--edge-value",
    metavar="EXPRESSION",
    help="Expression to score instead of the weight, for instance 'abs(weight) / input_sum'.",
)
