"""Predicts a structure in the background, and can be stopped between two blocks of the network."""

import threading
import traceback
from typing import TYPE_CHECKING, ClassVar

from plmwidgets.faults import is_device_error, is_out_of_memory, memory_wanted
from plmwidgets.models.folding import FoldingModel
from plmwidgets.models.masked_lm import ModelError
from plmwidgets.scan.background import BackgroundRun
from plmwidgets.scan.stopping import check

if TYPE_CHECKING:
    from plmwidgets.methods.folding.fold import Fold


class FoldRun(BackgroundRun):
    """Fills a `Fold`; stopped on the way, it begins anew.

    Parameters
    ----------
    fold : Fold
    model : FoldingModel
    """

    title: ClassVar = "structure prediction"

    def __init__(self, fold: "Fold", model: FoldingModel) -> None:
        self.fold = fold
        self.model = model
        self._done = 0
        super().__init__(fold.protein.name, model.steps(fold.recycles), "blocks")

    def _work(self, stop: threading.Event) -> None:
        def step(done: int) -> None:
            check(stop)
            with self._lock:
                self._done = done
                self._stage = "" if done else "waiting"
                self._observe_rate(done)
            self._notify()

        fold = self.fold
        try:
            chain = self.model.fold(
                fold.protein.sequence, fold.masked, fold.recycles, fold.chunk_size, step
            )
        except Exception as error:
            if (told := self._in_words(error)) is None:
                raise
            raise told from error
        finally:
            with self._lock:
                self._done = 0
        with self._lock:
            check(stop)
            fold.take(chain)

    def _in_words(self, error: Exception) -> ModelError | None:
        """Return what to tell of an error of the device."""
        name, device = self.model.name, self.model.identity.device
        if is_out_of_memory(error):
            traceback.clear_frames(error.__traceback__)  # they hold what filled the memory
            return ModelError(
                f"{name} ran out of memory on {device} folding {len(self.fold.protein)} residues "
                f"({memory_wanted(error)}): give chunk_size=64 or less, which needs less and takes "
                "longer; fold one domain; or use a device with more memory"
            )
        if is_device_error(error):
            return ModelError(
                f"the device of {name} ({device}) failed: {error}. Start again; if that fails in "
                "the same way, the device is lost to this session: restart the kernel"
            )
        return None

    def _units_done(self) -> int:
        return self._total if self._is_complete() else self._done

    def _is_complete(self) -> bool:
        return self.fold.complete
