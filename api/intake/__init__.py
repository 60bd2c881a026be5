"""Outside formats to facts."""
