"""Instruments that look for small legal changes of a row which change its decision."""
