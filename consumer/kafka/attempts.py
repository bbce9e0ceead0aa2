"""How often work on a partition's head record was begun, kept in the committed offset's metadata.

A record that kills the process leaves no other trace. The count is written before the record's
bytes are decoded, so a process that dies of them leaves it behind, and the next owner of the
partition reads it. The first head of an assignment is counted once its bytes are there; each later
one with the commit that makes it the head, begun or not: a transaction of its own for each would
double their number. So a process killed, however often, while its records wait for a store accuses
them once at most, which isolates nothing.

* `begun` >= ISOLATE_AFTER: the head and its `suspects` followers (whatever may have been in flight
  with it) are worked on one at a time, each counted on its own.
* `begun` >= GIVE_UP_AFTER: the head is dead-lettered without being tried again.
"""

import json
from dataclasses import dataclass

ISOLATE_AFTER = 3
GIVE_UP_AFTER = 5


@dataclass(frozen=True, slots=True)
class Attempts:
    """`begun`: attempts on the head record; `suspects`: records to isolate, the head included."""

    begun: int = 0
    suspects: int = 0

    @classmethod
    def from_metadata(cls, metadata: str | None) -> "Attempts":
        """Read what an earlier owner wrote; what other tools write counts as no attempt."""
        try:
            fields = json.loads(metadata or "{}")
            begun, suspects = int(fields.get("attempts", 0)), int(fields.get("suspects", 0))
        except (ValueError, TypeError, AttributeError):
            return cls()
        return cls(max(0, begun), max(0, suspects))

    def to_metadata(self) -> str:
        """The committed offset's metadata."""
        fields = {"attempts": self.begun}
        if self.suspects:
            fields["suspects"] = self.suspects
        return json.dumps(fields, separators=(",", ":"))

    @property
    def exhausted(self) -> bool:
        """Whether the head is to be given up."""
        return self.begun >= GIVE_UP_AFTER

    def isolating(self, window: int) -> "Attempts":
        """The state to start from: after too many deaths, `window` records become suspects."""
        if self.begun >= ISOLATE_AFTER and not self.suspects:
            return Attempts(self.begun, window)
        return self

    def begin(self) -> "Attempts":
        """One more attempt on the head."""
        return Attempts(self.begun + 1, self.suspects)

    def release(self) -> "Attempts":
        """The attempt was given back cleanly: it does not count as a death."""
        return Attempts(max(0, self.begun - 1), self.suspects)

    def advance(self, records: int) -> "Attempts":
        """`records` were finished: what is known of the new head.

        A suspect was in flight when the process died, as often as isolation took; any other head
        is taken as begun once, because it may be in flight already.
        """
        suspects = max(0, self.suspects - records)
        return Attempts(ISOLATE_AFTER, suspects) if suspects else Attempts(1)
