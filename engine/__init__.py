"""Benzer's engine: collections, encoders, indexes and the workbench that joins them. It knows no screen."""

VERSION = "0.1.0"
