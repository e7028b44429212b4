"""Instruments that look for small legal changes of a row which change its decision."""

NEEDS = frozenset({"inputs"})
"""What all of them need, told without importing them."""
