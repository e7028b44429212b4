"""Attributions: how much each player moved the output of a row. They load torch, so what they all need is told here, without it."""

NEEDS = frozenset({"inputs"})
