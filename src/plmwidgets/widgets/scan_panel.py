"""Start, watch, pause and stop a scan, or other work in the background."""

from dataclasses import asdict
from typing import Any

import traitlets as t

from plmwidgets.methods.folding.fold import Fold
from plmwidgets.methods.jacobian.jacobian import Jacobian
from plmwidgets.scan.pair import PairScan
from plmwidgets.widgets.selection import Selection
from plmwidgets.widgets.throttle import Throttle
from plmwidgets.widgets.view import View, bundle


class ScanPanel(View):
    """Progress and controls of a scan, a categorical Jacobian or a structure prediction.

    Parameters
    ----------
    scan : PairScan, Jacobian or Fold
    selection : Selection, optional
        Shared with other views; its own by default.
    """

    _bundle = t.Unicode(bundle("scan_panel"), read_only=True).tag(sync=True)
    scan = t.Dict(read_only=True).tag(sync=True)

    def __init__(
        self,
        scan: PairScan | Jacobian | Fold,
        *,
        selection: Selection | None = None,
        presenter: bool = False,
    ) -> None:
        self._work = scan
        super().__init__(scan.protein, selection, presenter=presenter)
        self._refresh = Throttle(self._show, 0.2)
        self._at_close.append(scan.subscribe(self._refresh))
        self._refresh.now()

    def handle(self, kind: str, content: Any) -> None:
        """Start, pause, resume, cancel or upgrade the scan."""
        actions = {
            "start": self._work.start,
            "pause": self._work.pause,
            "resume": self._work.resume,
            "cancel": self._work.cancel,
        }
        if isinstance(self._work, PairScan):
            actions["upgrade"] = self._work.upgrade
        if kind in actions:
            actions[kind]()
        else:
            super().handle(kind, content)

    def _show(self) -> None:
        scan = self._work
        identity = scan.provenance.get("identity", {})
        store, method, precision = None, "", identity.get("dtype", "")
        if not isinstance(scan, Fold):
            store, method = scan.store_path, scan.method
            precision = identity.get("precision", "")
        progress = asdict(scan.progress)
        progress["status"] = str(progress["status"])
        self.set_trait(
            "scan",
            {
                **progress,
                "title": scan.title,
                "store": None if store is None else str(store),
                "model": scan.provenance.get("model", ""),
                "method": method,
                "precision": precision,
                "resumable": not isinstance(scan, Fold),
                "estimated": scan.pairs_estimated if isinstance(scan, PairScan) else 0,
            },
        )
