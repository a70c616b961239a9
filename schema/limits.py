"""The bounds of every query: hops, rows and time."""

MAX_HOPS = 12
MAX_PATHS = 10_000
MAX_ROWS = 100_000
MAX_NEIGHBORS = 10_000
DEFAULT_TIMEOUT = 30.0  # seconds
