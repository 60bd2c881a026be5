"""Figures: every number is a definition with a version, computed for a period as known at a
position."""
