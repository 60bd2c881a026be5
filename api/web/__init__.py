"""Pages for people: what they show (overview), how it is drawn (charts) and said (texts)."""
