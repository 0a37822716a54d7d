"""Text-image encoders from files: two towers, one for pictures and one for texts, with vectors that can be compared."""
