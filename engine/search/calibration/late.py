"""A calibration that is read, or computed if missing, when it is first needed."""

from __future__ import annotations

import logging
import threading

from engine.collections.collection import Images
from engine.core.cache import file_stamp
from engine.core.errors import BenzerError
from engine.core.store import Store
from engine.encoders.vectors.store import Vectors
from engine.search.calibration.calibration import Calibration
from engine.search.calibration.stored import labels_of, make_calibration, stored_calibration

_AT_ONCE = 4_000_000  # values (vectors × their length) that are calibrated while a search waits: half a second


class LateCalibration:
    """The calibration of one state of a collection; safe to share between threads.

    If a new one is stored, as by the command calibrate, it replaces the one read before.

    Attributes:
        done: whether it was read or computed. found: the result; None for too few pictures or unsuitable vectors.
    """

    def __init__(self, place: Store, vectors: Vectors, images: Images, metric: str) -> None:
        self.place, self.vectors, self.images, self.metric = place, vectors, images, metric
        self.found: Calibration | None = None
        self.done = False
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stamp: tuple[object, ...] = ()
        self._pointer = place.pointer

    def now(self) -> Calibration | None:
        """The current calibration; for many vectors it is computed in the background, and the former one returned."""
        if self._is_current():
            return self.found
        if self.vectors.matrix.size <= _AT_ONCE:
            return self.wait()
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self.wait, name="calibration", daemon=True)
            self._thread.start()
        return self.found

    def wait(self) -> Calibration | None:
        """The calibration, computed now if it is missing."""
        with self._lock:
            if not self._is_current():
                self._stamp = file_stamp(self._pointer)
                try:
                    self.found = self._opened()
                except BenzerError as error:
                    logging.getLogger("benzer").warning("No calibration: %s", error.message)
                self.done = True
        return self.found

    def _is_current(self) -> bool:
        return self.done and file_stamp(self._pointer) == self._stamp

    def _opened(self) -> Calibration | None:
        known = stored_calibration(self.place, self.vectors, labels_of(self.vectors, self.images))
        if known is not None:
            return known
        made = make_calibration(self.place, self.vectors, self.images, self.metric)
        self._stamp = file_stamp(self._pointer)
        return made
