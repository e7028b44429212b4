"""Probes of how unusual a row is among the reference rows."""
