"""How many contexts to give a model at a time, learnt while it runs."""

SLICE_SECONDS = 0.05
"""How long a slice of background work should take: a click waits for one at most."""


class BatchSize:
    """Doubles while that makes a context cheaper and a step stays short, and halves again.

    A machine that is busy with something else slows single steps down, so that one slow step
    decides nothing and what was learnt is forgotten now and then.

    Parameters
    ----------
    fixed : int, optional
        Where a model knows best itself.
    """

    PATIENCE = 3
    MEMORY = 64

    def __init__(self, fixed: int | None = None) -> None:
        self.size = 1 if fixed is None else fixed
        self._is_fixed = fixed is not None
        self._largest = 2**20
        self._cost: dict[int, float] = {}
        self._slow = 0
        self._seen = 0

    def observe(self, contexts: int, seconds: float, longest: float) -> None:
        """Learn from a batch: its contexts, its time, and that of its longest step."""
        # The last, short batch of a request says little, nor does one of a size given up meanwhile.
        if self._is_fixed or contexts != self.size:
            return
        self._seen += 1
        if self._seen % self.MEMORY == 0:
            self._cost.clear()
        cost = min(seconds / contexts, self._cost.get(self.size, float("inf")))
        self._cost[self.size] = cost
        self._slow = self._slow + 1 if longest > 2 * SLICE_SECONDS else 0
        twice, half = 2 * self.size, self.size // 2
        if self._slow >= self.PATIENCE or self._cost.get(half, float("inf")) < 0.95 * cost:
            self._resize(half)
        elif 2 * longest <= SLICE_SECONDS and self._cost.get(twice, 0.0) <= cost:
            self._resize(twice)

    def halve(self) -> None:
        """Never try this size again: the device had no memory for it."""
        self._largest = max(1, self.size // 2)
        self._resize(self._largest)

    def _resize(self, size: int) -> None:
        self.size = max(1, min(size, self._largest))
        self._slow = 0
