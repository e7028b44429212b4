"""Instruments that ask the network about changed people. What they all need is told here, without loading them."""

NEEDS = frozenset({"inputs"})
"""Rows as the network takes them."""
