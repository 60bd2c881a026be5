"""Reports: named sets of figures, filed, cited, and made again to the byte."""
