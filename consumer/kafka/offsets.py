"""Which offsets are owned, in flight, finished and committed. Pure logic, no client.

Offsets have gaps (transaction markers, compaction, aborted data): nothing here counts by one.
The watermark of a partition is its lowest unfinished offset, or its position when nothing is in
flight: everything below it is finished, so it is what may be committed.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from consumer.kafka.attempts import Attempts
from consumer.kafka.partition import Entry, Outputs, Partition
from consumer.records import OutputRecord, Ticket


@dataclass(frozen=True, slots=True)
class Progress:
    """What one partition contributes to a burst: commit `offset`, having finished `finished`."""

    partition: int
    epoch: int
    offset: int
    attempts: Attempts
    marked: bool  # whether `attempts` counts the attempt under way on the head
    finished: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Burst:
    """One transaction: outputs of finished records, and exactly the offsets they answer."""

    progress: tuple[Progress, ...]
    outputs: Outputs = ()

    def __bool__(self) -> bool:
        return bool(self.progress)


class Offsets:
    """The ledger of every assigned partition. Used by the owner thread alone.

    `window` is the most records of one partition that can be in flight: that many become suspects
    when the process keeps dying on a partition.
    """

    def __init__(self, window: int) -> None:
        self._window = window
        self._epochs: dict[int, int] = {}
        self._partitions: dict[int, Partition] = {}
        # Partition -> offset and count as this process left them, an attempt of its own included.
        self._left: dict[int, tuple[int, Attempts]] = {}
        self.retained_bytes = 0  # of finished, uncommitted outputs

    # -- assignment ---------------------------------------------------------------------------

    def assign(
        self, partition: int, position: int, attempts: Attempts, *, committed: bool = True
    ) -> None:
        """Own `partition` from `position` on, in a new epoch.

        `committed` says whether the group has committed that position: if not, it will be.
        `attempts` is what the group's metadata says. An attempt that this process had to leave when
        it lost the partition is not held against the head: nobody died of it.
        """
        if partition in self._partitions:
            self.revoke([partition])
        epoch = self._epochs.get(partition, 0) + 1
        self._epochs[partition] = epoch
        if self._left.pop(partition, None) == (position, attempts):
            attempts = attempts.release()
        attempts = attempts.isolating(self._window)
        self._partitions[partition] = Partition(
            epoch, position if committed else -1, attempts, position
        )

    def revoke(self, partitions: Iterable[int]) -> None:
        """Forget `partitions`, what is unfinished or uncommitted included."""
        for partition in partitions:
            state = self._partitions.pop(partition, None)
            if state is not None:
                self.retained_bytes -= sum(entry.size for entry in state.in_flight.values())
                if state.marked:
                    self._left[partition] = state.committed, state.attempts

    @property
    def assigned(self) -> tuple[int, ...]:
        """The partitions owned, ascending."""
        return tuple(sorted(self._partitions))

    def owns(self, partition: int, epoch: int) -> bool:
        """Whether `partition` is still owned in `epoch`."""
        state = self._partitions.get(partition)
        return state is not None and state.epoch == epoch

    # -- work ---------------------------------------------------------------------------------

    def begin(self, partition: int, offset: int, timestamp_ms: int = 0) -> Ticket:
        """An input record was polled: it is in flight from now on.

        Raises ValueError for an offset below the position: it would be answered twice.
        """
        state = self._partitions[partition]
        if offset < state.position:
            raise ValueError(f"offset {offset} of partition {partition} was polled before")
        state.in_flight[offset] = Entry(timestamp_ms)
        state.unfinished.append(offset)
        state.position = offset + 1
        return Ticket(partition, state.epoch, offset)

    def reach(self, partition: int, offset: int) -> None:
        """The end of the partition was reached: nothing is left below `offset`."""
        state = self._partitions.get(partition)
        if state is not None:
            state.position = max(state.position, offset)

    def finish(self, ticket: Ticket, outputs: Outputs) -> bool:
        """Keep the outputs of a finished record. False for a result of an earlier epoch."""
        if not self.owns(ticket.partition, ticket.epoch):
            return False
        state = self._partitions[ticket.partition]
        entry = state.in_flight.get(ticket.offset)
        if entry is None or entry.outputs is not None:
            return False
        entry.outputs = outputs
        entry.size = sum(output.size for output in outputs)
        self.retained_bytes += entry.size
        state.advance()
        return True

    def in_flight(self, partition: int) -> int:
        """Records of `partition` begun and not committed, finished ones included."""
        return len(self._partitions[partition].in_flight)

    @property
    def committable(self) -> int:
        """Records that a commit would finish: of the partition that has most of them."""
        return max((state.prefix for state in self._partitions.values()), default=0)

    @property
    def unfinished(self) -> int:
        """Records in flight, over all partitions."""
        return sum(
            entry.outputs is None
            for state in self._partitions.values()
            for entry in state.in_flight.values()
        )

    def heads(self) -> list[Ticket]:
        """The lowest unfinished record of each partition that has one."""
        return [
            Ticket(partition, state.epoch, state.unfinished[0])
            for partition, state in self._partitions.items()
            if state.unfinished
        ]

    def watermark(self, partition: int) -> int:
        """The offset up to which everything is finished."""
        return self._partitions[partition].watermark

    # -- how far behind -----------------------------------------------------------------------

    def behind(self, partition: int, end: int) -> int:
        """Offsets between what the group has committed of `partition` and its end."""
        state = self._partitions[partition]
        done = state.committed if state.committed >= 0 else self.watermark(partition)
        return max(0, end - done)

    def oldest_ms(self, partition: int) -> int | None:
        """Timestamp of the first record in flight; None when there is none."""
        first = next(iter(self._partitions[partition].in_flight.values()), None)
        return None if first is None else first.timestamp_ms

    def timestamps_ms(self, burst: Burst) -> list[int]:
        """Timestamps of the records a burst answers, before it is committed here."""
        return [
            self._partitions[step.partition].in_flight[offset].timestamp_ms
            for step in burst.progress
            if self.owns(step.partition, step.epoch)
            for offset in step.finished
        ]

    # -- attempts -----------------------------------------------------------------------------

    def head(self, partition: int) -> int:
        """The lowest offset not committed: what the partition's count of attempts is of."""
        return self._partitions[partition].head

    def attempts(self, partition: int) -> Attempts:
        """What is known of the partition's head record."""
        return self._partitions[partition].attempts

    def attempt(self, partition: int) -> int:
        """Which attempt on the head record the one under way is, or the next one will be."""
        state = self._partitions[partition]
        return state.attempts.begun if state.marked else state.attempts.begin().begun

    @property
    def isolating(self) -> bool:
        """Whether some partition has suspects: then the process works on one record at a time."""
        return any(state.attempts.suspects for state in self._partitions.values())

    def mark(self, partitions: Iterable[int]) -> Burst:
        """The commit that counts an attempt before work on these partitions' heads begins."""
        marks = []
        for partition in partitions:
            state = self._partitions[partition]
            if not state.marked:
                attempts = state.attempts.begin()
                marks.append(Progress(partition, state.epoch, state.head, attempts, True))
        return Burst(tuple(marks))

    def give_back(self) -> Burst:
        """The attempts under way, not counted, at the offsets the group has already."""
        return Burst(
            tuple(
                Progress(partition, state.epoch, state.committed, state.attempts.release(), False)
                for partition, state in sorted(self._partitions.items())
                if state.marked
            )
        )

    # -- commits ------------------------------------------------------------------------------

    def burst(self, max_bytes: int, *, release: Iterable[int] = ()) -> Burst:
        """Outputs of the finished prefixes, at least one record's and then up to `max_bytes`.

        Partitions in `release` are about to be given up cleanly: their heads' attempts are not
        held against them, and that is committed even where nothing else moved.
        """
        released = frozenset(release)
        outputs: list[OutputRecord] = []
        progress: list[Progress] = []
        room = max_bytes
        for partition, state in sorted(self._partitions.items()):
            finished: list[int] = []
            for offset, produced, size in state.finished_prefix():
                if outputs and size > room:
                    break
                outputs += produced
                room -= size
                finished.append(offset)
            attempts, marked = state.attempts, state.marked
            if finished:
                attempts = attempts.advance(len(finished))
                marked = not attempts.suspects  # a suspect is counted on its own
            given_back = partition in released and marked
            if given_back:
                attempts, marked = attempts.release(), False
            rest = (offset for offset in state.in_flight if not finished or offset > finished[-1])
            target = next(rest, state.position)
            idle = not state.in_flight and target > state.committed
            if finished or idle or given_back:
                progress.append(
                    Progress(partition, state.epoch, target, attempts, marked, tuple(finished))
                )
        return Burst(tuple(progress), tuple(outputs))

    def commit(self, burst: Burst) -> None:
        """The burst's transaction was committed: forget its outputs."""
        for step in burst.progress:
            if not self.owns(step.partition, step.epoch):
                continue
            state = self._partitions[step.partition]
            for offset in step.finished:
                self.retained_bytes -= state.in_flight.pop(offset).size
            state.prefix -= len(step.finished)
            state.committed = step.offset
            state.attempts = step.attempts
            state.marked = step.marked
