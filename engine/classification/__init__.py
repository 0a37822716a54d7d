"""Classification by picture and text: plans, folds, measures, and results on disk."""
