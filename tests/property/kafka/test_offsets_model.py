"""The ledger of offsets against a model of a partitioned log, in any order of events."""

import os
from collections.abc import Callable

import hypothesis.strategies as st
from hypothesis import given, settings

from consumer.kafka.attempts import Attempts
from consumer.kafka.offsets import Burst, Offsets
from consumer.records import OutputRecord, Ticket

PARTITIONS = range(2)
STEPS = 50
# The long form, OFFSETS_MODEL_EXAMPLES=2000, is 100,000 steps.
EXAMPLES = int(os.environ.get("OFFSETS_MODEL_EXAMPLES", "100"))


class Model:
    """Members come and go, records finish in any order, commits succeed or abort.

    The broker's side is modelled: the log, what was committed, which answers were published. Each
    step is a method of (partition, amount).
    """

    def __init__(self) -> None:
        self.offsets = Offsets(window=10)
        self.end = dict.fromkeys(PARTITIONS, 0)  # next offset to be written to the log
        self.log: dict[int, list[int]] = {p: [] for p in PARTITIONS}  # offsets that hold a record
        self.committed = dict.fromkeys(PARTITIONS, 0)
        self.metadata = dict.fromkeys(PARTITIONS, "")
        self.published: dict[int, list[int]] = {p: [] for p in PARTITIONS}
        self.begun: list[Ticket] = []
        self.unfinished: list[Ticket] = []

    def append(self, partition: int, amount: int) -> None:
        """Records are written behind transaction markers."""
        self.end[partition] += amount % 3
        for _ in range(amount + 1):
            self.log[partition].append(self.end[partition])
            self.end[partition] += 1

    def lose(self, partition: int, _amount: int) -> None:
        """Without a word: nothing may be committed for it any more."""
        self.offsets.revoke([partition])

    def poll(self, partition: int, amount: int) -> None:
        """The next records at or after the position; at the end of the log, that it is the end."""
        if partition not in self.offsets.assigned:
            attempts = Attempts.from_metadata(self.metadata[partition])
            self.offsets.assign(partition, self.committed[partition], attempts)
        position = self.offsets._partitions[partition].position
        waiting = [offset for offset in self.log[partition] if offset >= position]
        for offset in waiting[: amount + 1]:
            ticket = self.offsets.begin(partition, offset)
            self.begun.append(ticket)
            self.unfinished.append(ticket)
        if len(waiting) <= amount + 1:
            self.offsets.reach(partition, self.end[partition])

    def finish(self, _partition: int, amount: int) -> None:
        """Some record's result comes, of whatever epoch."""
        if self.unfinished:
            ticket = self.unfinished.pop(amount % len(self.unfinished))
            answer = OutputRecord("out", b"%d" % ticket.partition, b"%d" % ticket.offset)
            owned = self.offsets.owns(ticket.partition, ticket.epoch)
            assert self.offsets.finish(ticket, (answer,)) == owned

    def finish_again(self, _partition: int, amount: int) -> None:
        """A result that comes twice counts once."""
        finished = [ticket for ticket in self.begun if ticket not in self.unfinished]
        if finished:
            assert not self.offsets.finish(finished[amount % len(finished)], ())

    def mark(self, partition: int, _amount: int) -> None:
        """An attempt is counted before work begins."""
        if partition in self.offsets.assigned:
            self.transact(self.offsets.mark([partition]))

    def commit(self, _partition: int, amount: int) -> None:
        """A burst of some size is committed."""
        self.transact(self.offsets.burst(10 * amount + 1))

    def abort(self, _partition: int, amount: int) -> None:
        """An aborted burst changes nothing: the same outputs come again."""
        burst = self.offsets.burst(10 * amount + 1)
        assert self.offsets.burst(10 * amount + 1) == burst

    def revoke(self, partition: int, _amount: int) -> None:
        """With notice: what is finished is committed, then the partition is given up."""
        if partition in self.offsets.assigned:
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

    def check(self) -> None:
        """What must hold after every step."""
        for partition in PARTITIONS:
            # Below the committed offset every record is answered once, in order; above it none.
            below = [o for o in self.log[partition] if o < self.committed[partition]]
            assert self.published[partition] == below
        for ticket in self.unfinished:
            if self.offsets.owns(ticket.partition, ticket.epoch):
                assert ticket.offset >= self.committed[ticket.partition]
        held = (
            output.size
            for state in self.offsets._partitions.values()
            for entry in state.in_flight.values()
            for output in entry.outputs or ()
        )
        assert self.offsets.retained_bytes == sum(held)
        waiting = [t for t in self.unfinished if self.offsets.owns(t.partition, t.epoch)]
        heads = [
            min((t for t in waiting if t.partition == partition), key=lambda t: t.offset)
            for partition in {t.partition for t in waiting}
        ]
        assert sorted(self.offsets.heads(), key=lambda t: t.partition) == sorted(
            heads, key=lambda t: t.partition
        )
        lengths = [len(step.finished) for step in self.offsets.burst(1_000_000).progress]
        assert self.offsets.committable == max(lengths, default=0)


# What happens most stands here most often.
ACTIONS = (
    *[Model.append, Model.poll, Model.commit] * 3,
    *[Model.finish] * 6,
    *[Model.finish_again, Model.mark, Model.abort, Model.revoke, Model.lose],
)
Step = tuple[Callable[[Model, int, int], None], int, int]
STEP = st.tuples(st.sampled_from(ACTIONS), st.sampled_from(PARTITIONS), st.integers(0, 5))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(STEP, min_size=STEPS, max_size=STEPS))
def test_every_record_is_published_once_or_still_owned(steps: list[Step]) -> None:
    model = Model()
    for action, partition, amount in steps:
        action(model, partition, amount)
        model.check()
