"""Publishing one recording: cut it, store its chunks, publish their events."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from consumer.inference.results import SAMPLE_RATE, Waveform
from producer_tools.publish.cutting import Cutting, Piece, plan
from producer_tools.publish.encoding import Codec, encode
from producer_tools.publish.published import ChunkKeys
from producer_tools.publisher import ChunkPublisher
from producer_tools.stores import Destination
from schemas.records import AudioChunk

_Item = TypeVar("_Item")
_Done = TypeVar("_Done")


@dataclass(frozen=True, slots=True)
class Publication:
    """How recordings are published.

    Args:
        publisher: where the events go.
        to: where the chunks go.
        cutting: how recordings are cut.
        codec: how chunks are encoded.
        parallel: how many chunks are encoded and stored at the same time.
    """

    publisher: ChunkPublisher
    to: Destination
    cutting: Cutting
    codec: Codec = Codec.FLAC
    parallel: int = 1

    def pieces(self, waveform: Waveform, recording_id: str, done: ChunkKeys) -> list[Piece]:
        """The chunks of a recording that are not `done`."""
        pieces = plan(waveform, recording_id, self.cutting)
        return [piece for piece in pieces if (recording_id, piece.chunk_id) not in done]

    def publish(self, waveform: Waveform, pieces: Iterable[Piece]) -> Iterator[AudioChunk]:
        """Publish pieces of a recording; yields each event, in order, once it is queued.

        Each object is stored before its event is published, so no reader comes too early. Doing
        it again gives the same ids, objects and digests.

        Args:
            waveform: the recording, shape (samples,), float32, 16 kHz.
            pieces: what of it, see `pieces`.

        Raises:
            producer_tools.stores.StoreError, OSError: a chunk cannot be stored.
        """
        for event in _in_order(lambda piece: self._store(waveform, piece), pieces, self.parallel):
            self.publisher.publish(event)
            yield event

    def _store(self, waveform: Waveform, piece: Piece) -> AudioChunk:
        content = encode(waveform[piece.start : piece.stop], self.codec)
        event = AudioChunk(
            recording_id=piece.recording_id,
            chunk_id=piece.chunk_id,
            sequence=piece.sequence,
            start_s=piece.start / SAMPLE_RATE,
            duration_s=(piece.stop - piece.start) / SAMPLE_RATE,
            uri=f"{self.to.prefix}/{piece.path}.{self.codec}",
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            content_type=self.codec.content_type,
            last=piece.last,
        )
        self.to.put(event.uri, content)
        return event


def _in_order(
    work: Callable[[_Item], _Done], items: Iterable[_Item], parallel: int
) -> Iterator[_Done]:
    """Results of `work` in the order of the items, at most `parallel` begun and not yet taken."""
    begun: deque[Future[_Done]] = deque()
    with ThreadPoolExecutor(parallel) as pool:
        for item in items:
            begun.append(pool.submit(work, item))
            if len(begun) == parallel:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
