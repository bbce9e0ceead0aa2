"""Bytes that may be held by objects and waveforms at once."""


class Budget:
    """A counter with a limit. The caller holds the lock."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self.used = 0

    def fits(self, amount: int, instead_of: int = 0) -> bool:
        """Whether `amount` may be held, in place of what its holder has.

        A single job always may: it could never go else.
        """
        others = self.used - instead_of
        return others == 0 or others + amount <= self._limit

    def change(self, before: int, after: int) -> None:
        """A holder of `before` bytes now holds `after`."""
        self.used += after - before
