"""PostgreSQL: the only SQL that writes the book."""
