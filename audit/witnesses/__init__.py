"""Other libraries called on the same rows: each gives a `Reference` for numbers of ours."""
