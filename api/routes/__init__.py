"""HTTP routes: a handler parses, calls, answers."""
