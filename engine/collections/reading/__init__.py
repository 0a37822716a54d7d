"""Reading pictures: what decoders may be asked, and how damaged and hostile files are told from good ones."""

from engine.collections.reading.safely import open_picture

__all__ = ["open_picture"]
