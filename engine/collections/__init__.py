"""Collections of images: reading them safely, their catalogue, and every way to import them."""

from engine.collections.collection import Collection, ImageRecord, Images
from engine.collections.listing import collections, damaged
from engine.collections.report import ImportReport, Reject, rejects_csv

__all__ = [
    "Collection",
    "ImageRecord",
    "Images",
    "ImportReport",
    "Reject",
    "collections",
    "damaged",
    "rejects_csv",
]
