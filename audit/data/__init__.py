"""Reading the data a network decides on: schema, row blocks, encoding, masking, groups."""
