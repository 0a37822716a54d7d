"""Hash codes of a collection, live: bits, planes and buckets of one picture, and what codes find at what price."""
