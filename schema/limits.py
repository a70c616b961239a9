"""Numbers and names that several packages share, and that Python and Cypher must agree on."""

# What a query may ask for.
MAX_HOPS = 12
DEFAULT_HOPS = 4
MAX_PATHS = 10_000
# Which paths pictures, reports and comparisons show: those that promote the target, by how much of it they carry. Paths
# of one hop are left out: what a token does by itself says nothing of the features.
SHOWN_SCORE, SHOWN_SIGN, SHOWN_MIN_HOPS = "product", "promoting", 2
MAX_ROWS = 100_000
MAX_GRAPH_NODES = 90_000  # at most MAX_ROWS, which questions read, and so few that sums of limbs fit, see LIMB
MAX_NEIGHBORS = 10_000
SMALLEST = 5e-324  # the smallest float64 above 0: added to what may be too small for its logarithm
MAX_MATCHES = 200  # nodes that an address may mean
MOTIF_FEATURES = 100  # that recur in most graphs: motifs are looked for around these
SEARCHED_FEATURES, SEARCHED_TOKENS = 5_000, 10_000  # of those with a text, the best; tokens with logits
MAX_SEED = 2**32 - 1  # of random numbers
MAX_WALKS = 100_000  # paths looked at in a graph with a cycle
DEFAULT_TIMEOUT = 30.0  # seconds
MAX_WEIGHT = 1e300  # |weight| of an edge, or what an expression makes of it: sums of millions stay finite
MIN_INPUT_SUM = 1e-10  # lower limit of a node's input_sum where influence is divided by it; circuit-tracer's clamp
ROUNDING = 1e-9  # more than rounding makes of a number near 1, and less than anything that counts

# What arguments and options choose from, in the order in which errors and `--help` list it.
ALIGNMENTS = ("relative", "exact", "feature")  # of nodes of different graphs, see `queries.compare`
STATUSES = ("shared", "only_a", "only_b")  # of nodes, direct effects and paths of two graphs, see `queries.compare`
SHAPES = ("chain", "fan-in", "fan-out", "triangle")  # of motifs, see `graph.motifs`
SCORES = ("mean", "sum", "bottleneck", "product")  # of paths, see `queries.paths`
SIGNS = {"promoting": 1, "inhibiting": -1, "any": 0}  # of paths: the sign of the product of their weights
ORDERS = {"strongest": 1, "inhibiting": -1}  # of paths: the sign of their scores
DIRECTIONS = ("in", "out", "both")  # of effects, as a node sees them
EFFECT_SIGNS = {"abs": 0, "positive": 1, "negative": -1}  # by which effects are ranked
INFLUENCE_GROUPS = ("layer", "position", "kind", "feature")  # of nodes, see `queries.influence`
SIMILAR_BY = ("feature", "edge")  # what is compared of graphs, see `queries.similar`
MEASURES = ("jaccard", "cosine")  # of similarity, see `graph.similarity`
CIRCUIT_SCORES = ("influence", "replacement", "completeness")  # that a circuit keeps, see `graph.circuits`
CIRCUIT_METHODS = ("influence", "greedy", "paths")  # that choose a circuit
AGGREGATED_WEIGHTS = ("mean", "normalised")  # of effects of many graphs, see `graph.aggregate`
COLLAPSED_WEIGHTS = ("shares", "sums")  # of effects of supernodes, see `graph.collapse`
SYNTHETIC_WEIGHTS = ("lognormal", "normal", "coarse", "constant")  # see `synth.graph`

# Path tables, see `schema/path_tables.py`. Stored tables have these sizes: to change one is a new schema version.
SHORTLIST_FROM = 64  # nodes with more inputs than this get a shortlist
SHORTLISTED_PATHS = 64  # best paths of each number of hops that shortlists alone can answer
BOUNDS_BLOCK = 512  # nodes whose bounds or counts are stored together
LIMB = 10**14  # a count of paths is low + mid * LIMB + high * LIMB^2; sums of 90,000 limbs stay below 2^63

# Other stored sizes.
ACTIVE_BLOCK = 10_000  # active features that are stored together
MAX_EXPLANATIONS = 100  # of one feature
MAX_NAME_LENGTH = 1000  # characters of a name or explanation: names are indexed, and an index ends at 8,000 bytes
MAX_ID_LENGTH = 500  # characters of a node's id, a slug, or the name of a model or a set of transcoders: all indexed

# What a graph file may hold. It is kept as it is, and must be written again by an export.
MAX_TEXT_LENGTH = 1_000_000  # characters of a text
MAX_NESTING = 100  # lists and objects in each other
MAX_SUPERNODES = 10_000
MAX_MEMBERSHIPS = 1_000_000  # members of all supernodes together
MAX_FILE_SIZE = 4 << 30  # bytes once decompressed, and of a download; the largest graph seen as JSON has 1.7 GB

# Addresses of graphs.
MAX_ADDRESS_LENGTH = 200_000  # characters: pins and supernodes are in it
MAX_ADDRESSES = 10_000  # in a file

# circuit-tracer's defaults for pruning: shares of influence that the kept nodes and edges carry.
NODE_THRESHOLD = 0.8
EDGE_THRESHOLD = 0.98
