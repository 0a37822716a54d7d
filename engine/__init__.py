"""Benzer's engine: collections, encoders, indexes and the workbench that joins them. It knows no screen."""
