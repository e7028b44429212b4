"""Questions about how small a change of a row changes its decision."""
