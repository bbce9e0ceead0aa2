"""What came of a storm, told by read_committed subscribers alone."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from consumer.dead_letters import original_headers
from consumer.errors import Reason
from consumer.inference.results import Analysis
from schemas.codec import Decoder
from schemas.records import ChunkResult, SpeakerFingerprint, SpeakerSegment
from tests.brokers.client import StoredRecord, records_to_end
from tests.chaos.feed import NUMBER_HEADER
from tests.chaos.sounds import Sound
from tests.service.installation import Installation

_READ_S = 600.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Counts. All but the first four and `dead_letters_found` must be zero."""

    inputs: int
    events: int
    dead_letters_expected: int
    dead_letters_found: int
    inputs_published_twice: int  # the feed's own fault, not the service's
    lost: int
    duplicated: int
    out_of_order: int  # recordings
    wrong: int  # results that do not belong to their chunk
    flat_events_lost: int
    flat_events_duplicated: int
    dead_letters_wrong: int  # not poison, another reason, or not the record's own bytes
    open_transactions: int  # partitions whose readers are held up

    @property
    def flawless(self) -> bool:
        """Whether everything that must be zero is, and the poison was found."""
        counts = asdict(self)
        found = counts.pop("dead_letters_found") == counts.pop("dead_letters_expected")
        nonzero = counts.pop("inputs") > 0 and counts.pop("events") > 0
        return found and nonzero and not any(counts.values())


@dataclass(frozen=True, slots=True)
class _Input:
    number: int
    content: bytes  # digest


class Verifier:
    """Reads the topics to their end once, and counts."""

    def __init__(
        self,
        installation: Installation,
        sounds: Sequence[Sound],
        poison: Mapping[int, Reason],
        decoder: Decoder | None = None,
    ) -> None:
        self._installation = installation
        self._sounds = sounds
        self._poison = poison
        self._decoder = decoder or Decoder()
        self._inputs: dict[tuple[int, int], _Input] = {}
        self._events = 0

    def verdict(self) -> Verdict:
        """Everything counted."""
        open_transactions = self._open_transactions()
        numbers: Counter[int] = Counter()
        for record in self._read(self._installation.topics.audio_chunks):
            number = int(dict(record.headers)[NUMBER_HEADER] or b"-1")
            numbers[number] += 1
            self._inputs[record.partition, record.offset] = _Input(number, _digest(record))
        lost, duplicated, out_of_order, wrong, flat = self._results()
        flat_lost, flat_duplicated = self._flat(flat)
        letters, letters_wrong = self._letters()
        return Verdict(
            inputs=len(self._inputs),
            events=self._events,
            dead_letters_expected=sum(numbers[number] for number in self._poison),
            dead_letters_found=letters,
            inputs_published_twice=sum(times - 1 for times in numbers.values()),
            lost=lost,
            duplicated=duplicated,
            out_of_order=out_of_order,
            wrong=wrong,
            flat_events_lost=flat_lost,
            flat_events_duplicated=flat_duplicated,
            dead_letters_wrong=letters_wrong,
            open_transactions=open_transactions,
        )

    def _read(self, topic: str) -> Iterator[StoredRecord]:
        return records_to_end(self._installation.bootstrap, topic, deadline_s=_READ_S)

    def _results(self) -> tuple[int, int, int, int, Counter[tuple[str, str, int]]]:
        """Lost, duplicated, out of order, wrong; and the flat events that belong to them."""
        decoder = self._decoder
        answered: Counter[tuple[int, int]] = Counter()
        last: dict[bytes | None, int] = defaultdict(lambda: -1)
        disordered: set[bytes | None] = set()
        wrong = 0
        flat: Counter[tuple[str, str, int]] = Counter()
        for record in self._read(self._installation.topics.chunk_results):
            self._events += 1
            result = decoder.decode(record.value or b"", ChunkResult)
            place = (result.source.partition, result.source.offset)
            answered[place] += 1
            if result.source.offset < last[record.key]:
                disordered.add(record.key)
            last[record.key] = result.source.offset
            if place not in self._inputs or not self._right(self._inputs[place].number, result):
                wrong += 1
            for index in range(len(result.segments)):
                flat["segment", result.result_id, index] += 1
            for fingerprint in result.fingerprints:
                flat["fingerprint", result.result_id, _speaker(fingerprint.speaker)] += 1
        lost = len(self._inputs.keys() - answered.keys())
        duplicated = sum(times - 1 for times in answered.values())
        return lost, duplicated, len(disordered), wrong, flat

    def _right(self, number: int, result: ChunkResult) -> bool:
        if number in self._poison:
            return result.status == "failed" and result.reason == self._poison[number].value
        expected = self._sounds[number % len(self._sounds)].analysis
        return (
            result.status == "diarized"
            and result.chunk_id == f"chunk-{number}"
            and says(result, expected)
        )

    def _flat(self, expected: Counter[tuple[str, str, int]]) -> tuple[int, int]:
        decoder, topics = self._decoder, self._installation.topics
        found: Counter[tuple[str, str, int]] = Counter()
        for record in self._read(topics.speaker_segments):
            segment = decoder.decode(record.value or b"", SpeakerSegment)
            found["segment", segment.result_id, segment.index] += 1
        for record in self._read(topics.speaker_fingerprints):
            fingerprint = decoder.decode(record.value or b"", SpeakerFingerprint)
            found["fingerprint", fingerprint.result_id, _speaker(fingerprint.speaker)] += 1
        self._events += found.total()
        return (expected - found).total(), (found - expected).total()

    def _letters(self) -> tuple[int, int]:
        """Dead letters found, and those of them that are wrong."""
        found, wrong = 0, 0
        for record in self._read(self._installation.topics.dead_letters):
            found += 1
            own, ours = original_headers(record.headers)
            said = {name: (value or b"").decode() for name, value in ours}
            place = tuple(int(said[f"__connect.errors.{what}"]) for what in ("partition", "offset"))
            origin = self._inputs.get((place[0], place[1]))
            reason = self._poison.get(origin.number) if origin else None
            same = origin is not None and origin.content == _digest(record, own)
            if not same or reason is None or said["dlq.reason"] != reason.value:
                wrong += 1
        return found, wrong

    def _open_transactions(self) -> int:
        """Partitions of the outputs whose last stable offset lies before their end."""
        topics, bootstrap = self._installation.topics, self._installation.bootstrap
        admin = AdminClient({"bootstrap.servers": bootstrap})
        names = (*topics.outputs.values(), topics.dead_letters)
        query = {
            TopicPartition(name, partition): OffsetSpec.latest()
            for name in names
            for partition in range(self._installation.partitions)
        }
        ends = [
            {
                (tp.topic, tp.partition): future.result(30).offset
                for tp, future in admin.list_offsets(query, isolation_level=level).items()
            }
            for level in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED)
        ]
        return sum(ends[0][place] < ends[1][place] for place in ends[1])


def _digest(record: StoredRecord, headers: object = None) -> bytes:
    content = (record.key, record.value, record.headers if headers is None else headers)
    return hashlib.sha256(repr(content).encode()).digest()


def _speaker(label: str) -> int:
    return int(label.removeprefix("Speaker_"))


def says(result: ChunkResult, expected: Analysis) -> bool:
    """Whether the result is this analysis: its fingerprints are, and as many segments."""
    return (
        len(result.segments) == len(expected.segments)
        and [_speaker(each.speaker) for each in result.fingerprints]
        == [each.speaker for each in expected.fingerprints]
        and all(
            np.allclose(got.embedding, wanted.embedding, atol=1e-5)  # whatever the batch
            for got, wanted in zip(result.fingerprints, expected.fingerprints, strict=True)
        )
    )
