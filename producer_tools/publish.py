"""Publishing a recording: cut it into chunks, store them, publish their events."""

from collections.abc import Iterator

from consumer.inference.results import Waveform
from producer_tools.chunking import cut
from producer_tools.publisher import ChunkPublisher
from producer_tools.stores import destination
from schemas.records import AudioChunk


def publish_recording(
    publisher: ChunkPublisher, waveform: Waveform, recording_id: str, to: str, chunk_s: float
) -> Iterator[AudioChunk]:
    """Publish a recording chunk by chunk; yields each event once it is queued.

    Each object is stored before its event is published, so no reader comes too early. Doing it
    again gives the same ids.

    Args:
        publisher: where the events go.
        waveform: the recording, see `producer_tools.chunking.load`.
        recording_id: its id, and the key of its events.
        to: folder or URL for the chunks, see `producer_tools.stores.destination`.
        chunk_s: length of a chunk in seconds.
    """
    prefix, put = destination(to)
    for chunk in cut(waveform, recording_id, chunk_s, prefix):
        put(chunk.event.uri, chunk.audio)
        publisher.publish(chunk.event)
        yield chunk.event
