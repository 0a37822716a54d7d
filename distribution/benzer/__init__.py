"""Benzer: find, group and compare the pictures that look alike."""

from engine import VERSION as __version__

__all__ = ["__version__"]
