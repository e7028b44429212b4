"""The dashboard: looks at sealed runs and changes nothing. Reads what an audit left; never loads a network."""
