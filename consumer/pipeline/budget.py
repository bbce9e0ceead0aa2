"""Bytes that may be held by objects and waveforms at once."""


class Budget:
    """A counter with a limit. The caller holds the lock."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self.used = 0

    def fits(self, amount: int) -> bool:
        """Whether `amount` more may be held. A single job always may: it could never go else."""
        return self.used == 0 or self.used + amount <= self._limit

    def change(self, before: int, after: int) -> None:
        """A holder of `before` bytes now holds `after`."""
        self.used += after - before
