"""Images in: reading them safely, the catalogue of a collection, and every way to fill one."""

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
