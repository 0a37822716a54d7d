"""Studies: search methods measured over one set of vectors against exact search."""
