"""How alike graphs are, and groups of graphs that are alike.

Each of n graphs has a weight for each of m things, 0 for what it lacks: a sparse matrix of shape (n, m). Two measures
compare two of its rows, u and v:

    jaccard  sum of min(u, v) / sum of max(u, v): weighted Jaccard (Ruzicka 1958). A weight of another sign in the other
             graph counts as two things, of which each graph has one: in [0, 1].
    cosine   u . v / (|u| |v|): in [-1, 1], and in [0, 1] where no weight is negative.

A graph of which all weights are 0 is like no other graph, and like itself.

Groups are cut from a tree that average linkage makes (UPGMA, Sokal and Michener 1958): the distance of two groups is
the mean of 1 - similarity over all pairs of their graphs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from circuit_atlas.graph.data import Bool, Float64, Int64
from circuit_atlas.graph.intervals import CONFIDENCE, FEWEST, Mean
from circuit_atlas.graph.packed import PackedEdges
from circuit_atlas.graph.ranges import places_of
from circuit_atlas.schema.keys import split_position
from circuit_atlas.schema.limits import MEASURES

JACCARD, COSINE = MEASURES
_MAX_CHOSEN = 20  # groups, where their number is chosen
_RESAMPLES = 1_000  # for intervals
_TREES = 100  # resamples that are clustered again; as many as Hennig's own program makes
_COMMON = 1 / 8  # share of the graphs: a thing that more of them have is compared as a column without gaps
_CELLS = 1 << 18  # of such columns at once
_NEARLY = 1e-9  # rounding of similarities
_SEED = 0


class GraphWeights:
    """Collects the weights of graphs, one after the other: of transcoder features, the sum of the influences of a
    feature's nodes; and of the direct effects of features on features, the sum of the weights between the nodes of
    both."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}  # of the identity of each feature
        self._features: list[tuple[Int64, Float64]] = []
        self._edges: list[tuple[Int64, Float64]] = []

    def add(self, identity: Sequence[str], influence: Float64, edges: PackedEdges | None = None) -> None:
        """Add a graph.

        Args:
            identity: what each of its nodes is aligned by, see `compare`.
            influence: float64, the influence of each node.
            edges: its direct effects, if they are compared.
        """
        number = np.array([self._number(text) for text in identity], np.int64)
        found = number >= 0
        self._features.append((number[found], influence[found]))
        if edges is not None:
            target, source = np.repeat(number, edges.inputs), number[edges.source]
            found = (target >= 0) & (source >= 0)
            pair = target[found] << 32 | source[found]
            self._edges.append((pair, edges.weight[found].astype(np.float64)))

    def features(self) -> Any:
        """The weights of features, see `weight_matrix`."""
        return weight_matrix(self._features)[1]

    def edges(self) -> Any:
        """The weights of edges, see `weight_matrix`."""
        return weight_matrix(self._edges)[1]

    def of(self, by: str) -> Any:
        """The weights of features or of edges; `by` is one of `SIMILAR_BY`."""
        return self.features() if by == "feature" else self.edges()

    def features_anywhere(self) -> tuple[list[str], Any]:
        """Keys of features without position, such as feature:20/44686, and their weights whatever the position."""
        keys: dict[str, int] = {}
        anywhere = (split_position(identity)[0] for identity in self._numbers)
        number = np.array([keys.setdefault(key, len(keys)) for key in anywhere], np.int64)
        used, matrix = weight_matrix([(number[numbers], weights) for numbers, weights in self._features])
        names = list(keys)
        return [names[i] for i in used.tolist()], matrix

    def _number(self, identity: str) -> int:
        """The number of a feature; -1 for what is none."""
        return self._numbers.setdefault(identity, len(self._numbers)) if identity.startswith("feature:") else -1


def weight_matrix(rows: Sequence[tuple[Int64, Float64]]) -> tuple[Int64, Any]:
    """The weights of n graphs as one matrix.

    Args:
        rows: for each graph, the numbers of what it has, int64 (k,), and weights, float64 (k,); those of the same
            number are added up.

    Returns:
        The numbers of what has a weight other than 0 in some graph, int64 (m,), in order, and the matrix: a
        scipy.sparse.csr_array (n, m) of float64, without zeros.
    """
    from scipy import sparse

    length = [len(numbers) for numbers, _ in rows]
    numbers, column = np.unique(np.concatenate([np.zeros(0, np.int64), *(row[0] for row in rows)]), return_inverse=True)
    weights = np.concatenate([np.zeros(0), *(row[1] for row in rows)])
    at = (np.repeat(np.arange(len(rows)), length), column)
    matrix = sparse.csr_array((weights, at), shape=(len(rows), len(numbers)))  # adds up what is at the same place
    matrix.eliminate_zeros()
    used = np.unique(matrix.indices)
    return numbers[used], matrix[:, used]


def similarities(weights: Any, measure: str) -> Float64:
    """The similarity of each two graphs, float64 (n, n), symmetric, 1 on the diagonal; see the module's text.

    Args:
        weights: scipy.sparse.csr_array (n, m).
        measure: one of `MEASURES`.
    """
    if measure == COSINE:
        unit = _unit(weights)
        found: Float64 = np.clip((unit @ unit.T).toarray(), -1.0, 1.0)
    else:
        parts = _by_sign(weights)
        found = _jaccard(_sums_of_smaller(parts), parts.sum(axis=1))
    np.fill_diagonal(found, 1.0)
    return found


def similarities_to(weights: Any, one: int, measure: str) -> Float64:
    """The similarity of each graph to one of them: a row of `similarities`, float64 (n,)."""
    if measure == COSINE:
        unit = _unit(weights)
        found: Float64 = np.clip((unit @ unit[[one]].T).toarray()[:, 0], -1.0, 1.0)
    else:
        parts = _by_sign(weights)
        total = parts.sum(axis=1)
        smaller = np.minimum(parts.data, parts[[one]].toarray()[0][parts.indices])
        row = np.repeat(np.arange(len(total)), np.diff(parts.indptr))
        both = np.bincount(row, smaller, len(total)).astype(np.float64)
        found = _jaccard(both[None], total, np.array([total[one]]))[0]
    found[one] = 1.0
    return found


def _unit(weights: Any) -> Any:
    """The rows with length 1; those without a weight stay as they are."""
    from scipy import sparse

    def divided(rows: Any, numbers: Float64) -> Any:
        return sparse.diags_array(np.divide(1.0, numbers, out=np.zeros(len(numbers)), where=numbers > 0)).tocsr() @ rows

    largest = np.zeros(weights.shape[0])
    np.maximum.at(largest, np.repeat(np.arange(len(largest)), np.diff(weights.indptr)), np.abs(weights.data))
    rows = divided(weights, largest)  # the square of a small weight would be 0
    return divided(rows, np.sqrt((rows**2).sum(axis=1)))


def _by_sign(weights: Any) -> Any:
    """Positive and negative weights as different things, (n, 2 m), none negative."""
    from scipy import sparse

    if not (weights.data < 0).any():
        return weights
    return sparse.hstack([weights.maximum(0), (-weights).maximum(0)], format="csr")


def _jaccard(smaller: Float64, total: Float64, of_row: Float64 | None = None) -> Float64:
    """Jaccard similarities from the sums of the smaller weights, (r, n), and of all weights of each graph, (n,)."""
    both = (total if of_row is None else of_row)[:, None] + total
    larger = both - smaller
    return np.clip(np.divide(smaller, larger, out=np.zeros(smaller.shape), where=larger > 0), 0.0, 1.0)


def _sums_of_smaller(weights: Any) -> Float64:
    """The sum of the smaller of the weights of each two graphs, float64 (n, n).

    What one graph alone has adds nothing. What few have is looked at graph by graph, beside the others that have it.
    What many have is quicker without gaps: min(u, v) = (u + v - |u - v|) / 2.
    """
    from scipy.spatial.distance import pdist, squareform

    n = weights.shape[0]
    columns = weights.tocsc()
    graphs = np.diff(columns.indptr)
    found = np.zeros((n, n))
    common = np.flatnonzero(graphs > max(n * _COMMON, 1))
    step = max(_CELLS // max(n, 1), 1)
    for first in range(0, len(common), step):
        dense = columns[:, common[first : first + step]].toarray()
        total = dense.sum(axis=1)
        found += (total[:, None] + total - squareform(pdist(dense, "cityblock"))) / 2
    rare = columns[:, np.flatnonzero((graphs > 1) & (graphs <= n * _COMMON))]
    by_row, sizes = rare.tocsr(), np.diff(rare.indptr)
    for i in range(n):
        mine = slice(by_row.indptr[i], by_row.indptr[i + 1])
        count = sizes[by_row.indices[mine]]
        places = places_of(rare.indptr[by_row.indices[mine]], count)
        smaller = np.minimum(rare.data[places], np.repeat(by_row.data[mine], count))
        found[i] += np.bincount(rare.indices[places], smaller, n)
    return (found + found.T) / 2  # sums in another order differ in their last digits


class Rule(NamedTuple):
    """How a tree is cut: into at most `groups`, or where the mean similarity of two groups is less than `threshold`."""

    groups: int | None = None
    threshold: float | None = None

    def cut(self, tree: Float64) -> Int64:
        """The number of the group of each graph, int64 (n,), from 0, in the order of the tree's leaves."""
        from scipy.cluster.hierarchy import fcluster, leaves_list

        if self.threshold is not None:
            found = fcluster(tree, 1 - self.threshold + _NEARLY, "distance")
        else:
            found = fcluster(tree, self.groups, "maxclust")
            # Graphs that are the same stay together; scipy parts them if there are no more graphs than groups.
            same = fcluster(tree, _NEARLY, "distance")
            if found.max() > same.max():
                found = same
        in_order = dict.fromkeys(found[leaves_list(tree)].tolist())
        number = {label: i for i, label in enumerate(in_order)}
        return np.array([number[label] for label in found.tolist()], np.int64)


def tree_of(similarity: Float64) -> Float64:
    """The tree of n graphs, n > 1, as scipy.cluster.hierarchy has it: float64 (n - 1, 4), a row for each two groups
    that become one, with their numbers, their distance and the number of graphs."""
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    return np.asarray(linkage(squareform(1 - similarity, checks=False), "average"))


def leaves(tree: Float64) -> Int64:
    """The graphs in the order of the tree, int64 (n,): the graphs of a group are side by side."""
    from scipy.cluster.hierarchy import leaves_list

    return np.asarray(leaves_list(tree), np.int64)


def chosen_rule(tree: Float64, similarity: Float64) -> Rule:
    """The number of groups, 2 to 20 and fewer than graphs, that has the largest mean silhouette; of two graphs, 1."""
    rules = [Rule(groups=number) for number in range(2, min(_MAX_CHOSEN, len(similarity) - 1) + 1)]
    return max(rules, key=lambda rule: silhouette(similarity, rule.cut(tree)), default=Rule(groups=1))


def silhouette(similarity: Float64, group: Int64) -> float:
    """The mean silhouette of n graphs in groups (Rousseeuw 1987): of each, (b - a) / max(a, b), with its mean distance
    a from the others of its group and b from the nearest other group; 0 for a graph that is alone, and for one group.

    Args:
        similarity: float64 (n, n).
        group: int64 (n,): the group of each graph, from 0.
    """
    n, count = len(group), np.bincount(group)
    if len(count) < 2:
        return 0.0
    member = np.eye(len(count))[group]
    total = (1 - similarity) @ member  # of each graph to each group; it is at distance 0 from itself
    own = total[np.arange(n), group] / np.maximum(count[group] - 1, 1)
    other = np.where(member > 0, np.inf, total / count).min(axis=1)
    larger = np.maximum(own, other)
    score = np.divide(other - own, larger, out=np.zeros(n), where=larger > 0)
    return float(np.where(count[group] > 1, score, 0.0).mean())


def mean_within(similarity: Float64, members: Int64) -> Mean:
    """The mean similarity of the pairs of graphs of a group, with a 95 % interval by bootstrap (Efron 1979): graphs are
    drawn from the group with replacement, as many as it has, 1,000 times, and the interval has the ends of the middle
    95 % of the means. A graph that was drawn twice makes no pair with itself, which would be alike.

    Args:
        similarity: float64 (n, n).
        members: int64 (g,): the graphs of the group.
    """
    among = similarity[np.ix_(members, members)].copy()
    np.fill_diagonal(among, 0.0)
    g = len(members)
    if g < 2:
        return Mean(None)
    mean = float(among.sum() / (g * (g - 1)))
    if g < FEWEST:
        return Mean(mean)
    drawn = _draws(g, np.random.default_rng(_SEED))
    pairs = g**2 - (drawn**2).sum(axis=1)
    is_mixed = pairs > 0  # else one graph was drawn every time
    return _with_interval(mean, ((drawn @ among) * drawn).sum(axis=1)[is_mixed] / pairs[is_mixed])


def mean_between(similarity: Float64, members: Int64, others: Int64) -> Mean:
    """The mean similarity of the graphs of a group to others, with an interval as in `mean_within`; both are drawn from
    with replacement.

    Args:
        similarity: float64 (n, n).
        members: int64 (g,): the graphs of the group.
        others: int64 (r,): the other graphs.
    """
    among = similarity[np.ix_(members, others)]
    if not among.size:
        return Mean(None)
    mean = float(among.mean())
    if min(among.shape) < FEWEST:
        return Mean(mean)
    random = np.random.default_rng(_SEED)
    drawn, beside = (_draws(size, random) for size in among.shape)
    return _with_interval(mean, ((drawn @ among) * beside).sum(axis=1) / among.size)


def _draws(size: int, random: np.random.Generator) -> Float64:
    """How often each of some graphs is drawn in each resample, float64 (resamples, size)."""
    return random.multinomial(size, np.full(size, 1 / size), _RESAMPLES).astype(np.float64)


def _with_interval(mean: float, means: Float64) -> Mean:
    rest = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [rest, 1 - rest])
    return Mean(mean, float(low), float(high))


def stabilities(similarity: Float64, group: Int64, rule: Rule) -> Float64:
    """How stable each of c groups is, float64 (c,), 0 to 1 (Hennig 2007, clusterwise Jaccard): graphs are drawn with
    replacement, as many as there are, 100 times. Those that were drawn, each once, are clustered again by the same
    rule. Of a group, its graphs among them are compared with the new group that is most like it: how many both have
    over how many either has. The stability is the mean over the draws of two graphs or more that have one of the group.

    Args:
        similarity: float64 (n, n).
        group: int64 (n,): the group of each graph, from 0.
        rule: how groups were cut.
    """
    n, c = len(group), int(group.max()) + 1
    random = np.random.default_rng(_SEED)
    total, draws = np.zeros(c), np.zeros(c)
    for _ in range(_TREES):
        drawn = np.unique(random.integers(0, n, n))
        if len(drawn) < 2:
            continue
        again = rule.cut(tree_of(similarity[np.ix_(drawn, drawn)]))
        both = np.zeros((c, int(again.max()) + 1))
        np.add.at(both, (group[drawn], again), 1)
        either = both.sum(axis=1)[:, None] + both.sum(axis=0) - both
        total += (both / either).max(axis=1)
        draws += both.sum(axis=1) > 0
    mean: Float64 = np.divide(total, draws, out=np.full(c, np.nan), where=draws > 0)
    return mean


def characteristic(weights: Any, inside: Bool, k: int) -> tuple[Int64, Float64, Float64]:
    """The features or effects that have more weight in a group than in the rest.

    Args:
        weights: scipy.sparse.csr_array (n, m).
        inside: bool (n,): which graphs are of the group.
        k: how many.

    Returns:
        The columns of the k things whose mean weight in the group exceeds that in the rest by most, int64, the largest
        first; and both means, float64 (m,), that of the rest 0 where there is none.
    """
    mean = weights[inside].mean(axis=0)
    rest = weights[~inside].mean(axis=0) if not inside.all() else np.zeros(weights.shape[1])
    order = np.argsort(rest - mean, kind="stable")[:k]
    return order[(mean - rest > _NEARLY * mean)[order]], mean, rest
