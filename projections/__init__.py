"""Read models, figures and reports: everything that can be thrown away and built from the facts."""
