"""Faults that need more than a test may ask for: run by hand, on a machine of your own."""
