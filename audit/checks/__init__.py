"""Questions asked of measured rows, one a file: ``<family>/<check>.py``."""
