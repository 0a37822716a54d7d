"""Telling classes of things: plans, folds, what answers are worth, and results on disk."""
