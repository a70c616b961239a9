"""The bounds of every query: hops, rows and time."""

MAX_HOPS = 12
DEFAULT_HOPS = 4
MAX_PATHS = 10_000
MAX_ROWS = 100_000
MAX_NEIGHBORS = 10_000
DEFAULT_TIMEOUT = 30.0  # seconds
SHORTLIST_FROM = 64  # inputs from which a node gets a shortlist of the best
SHORTLISTED_PATHS = 64  # best paths that can be found from shortlists alone
ACTIVE_BLOCK = 10_000  # active features that are stored together
BOUNDS_BLOCK = 512  # nodes whose bounds are stored together
LIMB = 10**14  # a count is low + mid * LIMB + high * LIMB^2; sums of 90,000 limbs stay below 2^63
KEPT_FROM = 100_000  # edges from which bounds made for a question are kept
MOST_KEPT = 16  # tables a graph keeps for chosen sources
MOST_WALKS = 100_000  # paths looked at in a graph with a cycle
