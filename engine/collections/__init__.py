"""Images in: reading them safely, the catalogue of a collection, and every way to fill one."""

from engine.collections.collection import Collection, ImageRecord, Images, collections, damaged
from engine.collections.report import ImportReport, Reject, rejects_csv

__all__ = [
    "Collection",
    "ImageRecord",
    "Images",
    "ImportReport",
    "Reject",
    "collections",
    "damaged",
    "import_archive",
    "import_csv",
    "import_files",
    "import_folder",
    "import_known",
    "import_sample",
    "rejects_csv",
    "rescan",
]


def __getattr__(name: str) -> object:
    # Imported late: a worker process and a page that only lists collections need none of it.
    if name in __all__:
        from engine.collections.sources import importing

        return getattr(importing, name)
    raise AttributeError(name)
