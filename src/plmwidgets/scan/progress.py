"""How far a scan is."""

from dataclasses import dataclass
from enum import StrEnum


class ScanStatus(StrEnum):
    """Where a scan, or other work in the background, stands."""

    READY = "ready"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, repr=False)
class ScanProgress:
    """How far a scan is.

    Attributes
    ----------
    status : ScanStatus
    stage : str
        Of a scan ``"singles"``, ``"pairs"``, ``"superposed pass"`` or ``"checks"``; of a
        categorical Jacobian ``"positions"`` or ``"norms"``; empty when nothing is being computed.
    done, total : int
        Units; of a pair scan unordered pairs.
    share : float
        Share of the work that is done, 0 to 1.
    rate : float or None
        Units a second over the last seconds; None while unknown.
    remaining : float or None
        Estimated seconds left.
    elapsed : float
        Seconds spent computing so far, pauses left out.
    message : str
        What went wrong, if something did; what the audit says of a finished superposed scan.
    unit : str
        What `done` and `total` count.
    """

    status: ScanStatus
    stage: str
    done: int
    total: int
    share: float
    rate: float | None
    remaining: float | None
    elapsed: float
    message: str
    unit: str = "pairs"

    @classmethod
    def at_rest(cls, done: int, total: int, unit: str = "pairs") -> "ScanProgress":
        """Return that of a result that nothing computes: finished, or stopped on the way."""
        status = ScanStatus.FINISHED if done == total else ScanStatus.PAUSED
        return cls(status, "", done, total, done / total, None, None, 0.0, "", unit)

    def __repr__(self) -> str:
        return f"<ScanProgress: {self}>"

    def __str__(self) -> str:
        text = f"{self.status}: {self.done:,} of {self.total:,} {self.unit}"
        if self.stage in ("superposed pass", "checks"):
            text = f"{self.status}: {self.stage}, {self.share:.0%} of the scan"
        if self.rate:
            text += f", {self.rate:,.0f} {self.unit}/s"
        if self.remaining is not None:
            text += f", {self.remaining:.0f} s left"
        return f"{text} ({self.message})" if self.message else text
