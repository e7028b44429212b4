"""Instruments that ask other networks about the rows of the audited one."""

NEEDS = frozenset({"companions"})
"""What all of them need, told without importing them."""
