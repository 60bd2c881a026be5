"""The pure part of the book: facts, rules and the streams they belong to.

No I/O, no clock, no randomness.
"""
