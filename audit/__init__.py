"""Netassay: audits trained neural networks."""
