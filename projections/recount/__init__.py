"""Every figure once more, from the facts alone: another reducer, another database.

`from_leaves(facts.ndjson)` is an engine that `projections.figures.compute` takes like PostgreSQL's.
"""
