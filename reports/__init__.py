"""Reports drawn from a sealed run: HTML pages and charts. Reads runs and rows; never loads torch or a model."""
