"""Results written for people, for CI, and for the next program."""
