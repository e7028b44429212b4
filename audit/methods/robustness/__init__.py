"""Attacks on decisions within a legal neighbourhood of a row: losses, single steps, projected gradient descent, smallest scales."""
