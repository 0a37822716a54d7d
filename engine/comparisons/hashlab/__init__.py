"""Hash codes of a collection, live: bits, planes and buckets of one picture, and the cost and recall of codes."""
