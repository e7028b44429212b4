"""Instruments, one a file: ``<family>/<probe>.py``; the only code that sees the model."""
