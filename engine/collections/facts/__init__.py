"""Facts about pictures besides their pixels: EXIF, further columns of a table, tags and stars; and filters."""
