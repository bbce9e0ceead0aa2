"""The ledger of offsets against a model of a partitioned log, in any order of events."""

import os

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
)

from consumer.kafka.attempts import Attempts
from consumer.kafka.offsets import Burst, Offsets
from consumer.records import OutputRecord, Ticket

PARTITIONS = range(3)
# The long form: OFFSETS_MODEL_EXAMPLES=2000 is 100,000 steps.
EXAMPLES = int(os.environ.get("OFFSETS_MODEL_EXAMPLES", "100"))
STEPS = 50


class OffsetsModel(RuleBasedStateMachine):
    """Members come and go, records finish in any order, commits succeed or abort.

    The broker's side is modelled: what was committed, and which answers were published.
    """

    begun = Bundle("begun")

    @initialize()
    def start(self) -> None:
        self.offsets = Offsets(window=10)
        self.end = dict.fromkeys(PARTITIONS, 0)  # next offset to be written to the log
        self.log: dict[int, list[int]] = {p: [] for p in PARTITIONS}  # offsets that hold a record
        self.committed = dict.fromkeys(PARTITIONS, 0)
        self.metadata = dict.fromkeys(PARTITIONS, "")
        self.published: dict[int, list[int]] = {p: [] for p in PARTITIONS}
        self.unfinished: set[Ticket] = set()

    # -- the world ----------------------------------------------------------------------------

    @rule(partition=st.sampled_from(PARTITIONS), gap=st.integers(0, 3))
    def append(self, partition: int, gap: int) -> None:
        """A record is written, perhaps behind transaction markers."""
        self.end[partition] += gap
        self.log[partition].append(self.end[partition])
        self.end[partition] += 1

    @rule(partition=st.sampled_from(PARTITIONS))
    def assign(self, partition: int) -> None:
        if partition not in self.offsets.assigned:
            attempts = Attempts.from_metadata(self.metadata[partition])
            self.offsets.assign(partition, self.committed[partition], attempts)

    @rule(partition=st.sampled_from(PARTITIONS))
    def lose(self, partition: int) -> None:
        """Without a word: nothing may be committed for it any more."""
        self.offsets.revoke([partition])

    @rule(target=begun, partition=st.sampled_from(PARTITIONS))
    def poll(self, partition: int) -> Ticket | None:
        """The next record at or after the position, if there is one; else the end is reached."""
        if partition not in self.offsets.assigned:
            return None
        position = self.position(partition)
        offset = next((o for o in self.log[partition] if o >= position), None)
        if offset is None:
            self.offsets.reach(partition, self.end[partition])
            return None
        ticket = self.offsets.begin(partition, offset)
        self.unfinished.add(ticket)
        return ticket

    def position(self, partition: int) -> int:
        return self.offsets._partitions[partition].position

    # -- work ---------------------------------------------------------------------------------

    @rule(ticket=consumes(begun))
    def finish(self, ticket: Ticket | None) -> None:
        if ticket is None:
            return
        answer = OutputRecord("out", b"%d" % ticket.partition, b"%d" % ticket.offset)
        owned = self.offsets.owns(ticket.partition, ticket.epoch)
        assert self.offsets.finish(ticket, (answer,)) == owned
        self.unfinished.discard(ticket)

    @rule(ticket=begun)
    def finish_twice(self, ticket: Ticket | None) -> None:
        """A result that comes twice counts once."""
        if ticket is not None and ticket not in self.unfinished:
            assert not self.offsets.finish(ticket, ())

    # -- commits ------------------------------------------------------------------------------

    @rule(partition=st.sampled_from(PARTITIONS))
    def mark(self, partition: int) -> None:
        if partition in self.offsets.assigned:
            self.transact(self.offsets.mark([partition]))

    @rule(max_bytes=st.integers(1, 50))
    def commit(self, max_bytes: int) -> None:
        self.transact(self.offsets.burst(max_bytes))

    @rule(max_bytes=st.integers(1, 50))
    def abort(self, max_bytes: int) -> None:
        """An aborted burst changes nothing: the same outputs come again."""
        burst = self.offsets.burst(max_bytes)
        assert self.offsets.burst(max_bytes) == burst

    @rule(partition=st.sampled_from(PARTITIONS))
    def revoke(self, partition: int) -> None:
        """With notice: what is finished is committed, then the partition is given up."""
        if partition not in self.offsets.assigned:
            return
        while burst := self.offsets.burst(1000, release=[partition]):
            self.transact(burst)
        self.offsets.revoke([partition])

    def transact(self, burst: Burst) -> None:
        for output in burst.outputs:
            self.published[int(output.key or b"")].append(int(output.value or b""))
        for step in burst.progress:
            assert self.offsets.owns(step.partition, step.epoch)
            assert step.offset >= self.committed[step.partition], "an offset went back"
            self.committed[step.partition] = step.offset
            self.metadata[step.partition] = step.attempts.to_metadata()
        self.offsets.commit(burst)

    # -- what must hold -----------------------------------------------------------------------

    @invariant()
    def committed_is_exactly_published(self) -> None:
        """Below the committed offset every record is answered once, in order; above it none."""
        for partition in PARTITIONS:
            below = [o for o in self.log[partition] if o < self.committed[partition]]
            assert self.published[partition] == below

    @invariant()
    def nothing_unfinished_is_committed(self) -> None:
        for ticket in self.unfinished:
            if self.offsets.owns(ticket.partition, ticket.epoch):
                assert ticket.offset >= self.committed[ticket.partition]

    @invariant()
    def retained_bytes_add_up(self) -> None:
        held = (
            output.size
            for state in self.offsets._partitions.values()
            for entry in state.in_flight.values()
            for output in entry.outputs or ()
        )
        assert self.offsets.retained_bytes == sum(held)


OffsetsModel.TestCase.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None
)
TestOffsetsModel = OffsetsModel.TestCase
