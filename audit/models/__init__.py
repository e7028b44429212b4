"""Loading networks and calling them; the only floor that knows devices, gradient modes and file formats of models."""
