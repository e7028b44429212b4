"""Where blocks are measured: one core, many cores. Results come back in block order, whatever the order of arrival."""
