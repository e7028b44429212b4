"""Proposes a first audit file from a model and a table: looks, guesses, and says why. Every guess is for a person to check."""
