"""Questions about a network beside others that answer for the same rows."""
