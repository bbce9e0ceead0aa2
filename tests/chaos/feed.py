"""Numbered chunks, published without pause; one in a hundred is poison."""

import random
import threading
import time
from collections.abc import Sequence

from confluent_kafka import KafkaError, Message, Producer

from consumer.errors import Reason
from producer_tools.publisher import OWNED
from schemas.records import AudioChunk
from tests.chaos.sounds import Sound
from tests.service.installation import Installation

NUMBER_HEADER = "chaos.number"
_RECORDINGS = 48
_POISON_SHARE = 0.01


class Feed(threading.Thread):
    """Publishes `rate` chunks a second until `finish`.

    `poison[n]` is the reason that chunk n must be dead-lettered with; chunk n that is not poison
    holds the sound `n % len(sounds)`.
    """

    def __init__(
        self, installation: Installation, sounds: Sequence[Sound], rate: float, seed: int
    ) -> None:
        super().__init__(daemon=True)
        self._installation = installation
        self._sounds = sounds
        self._rate = rate
        self._random = random.Random(seed)
        self._over = threading.Event()
        self._failed: list[KafkaError] = []
        self._not_audio = installation.store("not-audio.flac", b"no audio at all" * 10)
        self._producer = Producer(
            {
                "bootstrap.servers": installation.bootstrap,
                "message.timeout.ms": 0,  # brokers come back; a chunk given up would be miscounted
                **OWNED,
            }
        )
        self.published = 0
        self.poison: dict[int, Reason] = {}

    def run(self) -> None:
        """Publish, and catch up after a pause."""
        began = time.monotonic()
        while not self._over.wait(0.02):
            while self.published < (time.monotonic() - began) * self._rate:
                self._publish(self.published)
                self.published += 1
            self._producer.poll(0)

    def _publish(self, number: int) -> None:
        recording = f"recording-{number % _RECORDINGS}"
        self._producer.produce(
            self._installation.topics.audio_chunks,
            key=recording.encode(),
            value=self._value(number, recording),
            headers=[(NUMBER_HEADER, str(number).encode())],
            on_delivery=self._delivered,
        )

    def _value(self, number: int, recording: str) -> bytes:
        fields = dict(self._sounds[number % len(self._sounds)].fields)
        if self._random.random() < _POISON_SHARE:
            reason = self._random.choice(
                [Reason.MALFORMED_EVENT, Reason.NOT_AUDIO, Reason.REFERENCE_FORBIDDEN]
            )
            self.poison[number] = reason
            if reason is Reason.MALFORMED_EVENT:
                return b"\x00" * 3
            uri = self._not_audio if reason is Reason.NOT_AUDIO else "file:///etc/passwd"
            fields = {"uri": uri}
        chunk = AudioChunk(
            **{  # type: ignore[arg-type]
                "recording_id": recording,
                "chunk_id": f"chunk-{number}",
                "sequence": number // _RECORDINGS,
                "start_s": float(number // _RECORDINGS),
                **fields,
            }
        )
        return self._installation.encoder.encode(chunk)

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._failed.append(error)

    def finish(self) -> None:
        """Stop, and wait until every chunk has arrived."""
        self._over.set()
        self.join()
        waiting = self._producer.flush(120)
        assert not waiting, f"{waiting} chunks did not arrive"
        assert not self._failed, f"chunks did not arrive: {self._failed[0]}"
