"""How pages are drawn: what they stand in, how things are said, charts and tables."""
