"""Pages: one file a subject. Each is HTML, JSON and CSV of the same data under one path."""
