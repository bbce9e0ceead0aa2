"""Whatever is wrong with an input record: a dead letter as it was, and a failed result."""

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from consumer.errors import Reason
from schemas.codec import Encoder
from schemas.records import AudioChunk, ChunkResult
from tests.audio_samples import sound, tone
from tests.brokers import client
from tests.brokers.client import StoredRecord
from tests.brokers.fixtures import Broker
from tests.service.installation import Installation
from tests.service.process import ServiceProcess

MAX_CHUNK_S = 30.0


@dataclass(frozen=True)
class Case:
    """An input value, and what becomes of it (None: a result)."""

    value: bytes | None
    reason: Reason | None


def _events(installation: Installation) -> dict[str, Case]:
    """Records that are no usable event."""
    good = Encoder().encode(installation.chunk(0))
    return {
        "wrong magic byte": Case(b"\x07" + good[1:], Reason.MALFORMED_EVENT),
        "unknown fingerprint": Case(good[:2] + b"\0" * 8 + good[10:], Reason.UNKNOWN_SCHEMA),
        "schema id without a registry": Case(b"\0" + struct.pack(">I", 7) + good[10:],
                                             Reason.UNKNOWN_SCHEMA),
        "cut short": Case(good[:-5], Reason.MALFORMED_EVENT),
        "bytes left over": Case(good + b"x", Reason.MALFORMED_EVENT),
        "empty": Case(b"", Reason.MALFORMED_EVENT),
        "no value": Case(None, Reason.MALFORMED_EVENT),
        "JSON": Case(b'{"recording_id": "r"}', Reason.MALFORMED_EVENT),
        "field missing": Case(good[:12], Reason.MALFORMED_EVENT),
    }  # fmt: skip


def _objects() -> dict[str, tuple[bytes, Reason | None]]:
    """Objects that are no usable audio, and some that look odd but are."""
    second = tone(1.0)
    flac, wav = sound(second, kind="FLAC"), sound(second)
    infinite = second.copy()
    infinite[100] = np.inf
    return {
        "empty object": (b"", Reason.EMPTY_OBJECT),
        "not audio": (b"\x89PNG\r\n\x1a\n" + bytes(500), Reason.NOT_AUDIO),
        "truncated WAV": (wav[: len(wav) // 2], Reason.TRUNCATED_AUDIO),
        "truncated FLAC": (flac[: len(flac) // 2], Reason.TRUNCATED_AUDIO),
        "no samples": (sound(second[:0]), Reason.EMPTY_AUDIO),
        "NaN": (sound(np.full_like(second, np.nan), subtype="FLOAT"), Reason.NON_FINITE_SAMPLES),
        "infinite": (sound(infinite, subtype="FLOAT"), Reason.NON_FINITE_SAMPLES),
        "longer than the limit": (
            sound(np.zeros(int(16_000 * (MAX_CHUNK_S + 1)), np.float32), kind="FLAC"),
            Reason.TOO_LONG,
        ),
        "ten hours in few bytes": (
            sound(np.zeros(4_000 * 36_000, np.int16), 4_000, "FLAC", "PCM_S8"),
            Reason.TOO_LONG,
        ),
        "too many channels": (sound(np.zeros((800, 40), np.float32)), Reason.TOO_MANY_CHANNELS),
        "silence": (sound(np.zeros(16_000, np.float32)), None),
        "4 kHz": (sound(tone(1.0, 4_000), 4_000), None),
        "192 kHz": (sound(tone(0.5, 192_000), 192_000), None),
    }


def _references(installation: Installation) -> dict[str, tuple[dict[str, object], Reason]]:
    """Events whose reference must not or cannot be followed."""
    there = installation.store("there.flac", sound(tone(0.5), kind="FLAC"))
    link = installation.folder / "link.flac"
    link.symlink_to("/etc/hostname")
    return {
        "channel out of range": ({"uri": there, "channel": 2}, Reason.CHANNEL_OUT_OF_RANGE),
        "missing object": ({"uri": f"{there}.gone"}, Reason.OBJECT_MISSING),
        "other bytes than declared": ({"uri": there, "sha256": hashlib.sha256(b"").hexdigest()},
                                      Reason.DIGEST_MISMATCH),
        "changed since the event": ({"uri": there, "etag": '"of-before"'}, Reason.OBJECT_CHANGED),
        "other size than declared": ({"uri": there, "size_bytes": 12}, Reason.DIGEST_MISMATCH),
        "declared too long": ({"uri": there, "duration_s": 1e9}, Reason.TOO_LONG),
        "declared too large": ({"uri": there, "size_bytes": 1 << 50}, Reason.TOO_LARGE),
        "forbidden prefix": ({"uri": "file:///etc/hostname"}, Reason.REFERENCE_FORBIDDEN),
        "forbidden scheme": ({"uri": "ftp://host/x.wav"}, Reason.REFERENCE_FORBIDDEN),
        "traversal": ({"uri": f"file://{installation.folder}/../x"}, Reason.REFERENCE_FORBIDDEN),
        "encoded traversal": ({"uri": f"file://{installation.folder}/%2e%2e/x"},
                              Reason.REFERENCE_FORBIDDEN),
        "link out of the prefix": ({"uri": link.as_uri()}, Reason.REFERENCE_FORBIDDEN),
        "metadata service": ({"uri": "http://169.254.169.254/latest"},
                             Reason.REFERENCE_FORBIDDEN),
    }  # fmt: skip


def _cases(installation: Installation) -> dict[str, Case]:
    encode = Encoder().encode
    cases = _events(installation)
    for name, (data, reason) in _objects().items():
        uri = installation.store(f"{name}.bin".replace(" ", "-"), data)
        cases[name] = Case(encode(_chunk(name, uri=uri)), reason)
    for name, (fields, verdict) in _references(installation).items():
        cases[name] = Case(encode(_chunk(name, **fields)), verdict)
    return cases


def _chunk(name: str, **fields: object) -> AudioChunk:
    return AudioChunk(recording_id="bad", chunk_id=name, sequence=0, start_s=0.0, **fields)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Answers:
    """What became of every case."""

    cases: dict[str, Case]
    results: dict[str, ChunkResult]
    letters: dict[str, StoredRecord]


@pytest.fixture(scope="module")
def answers(
    broker: Broker,
    tmp_path_factory: pytest.TempPathFactory,
    announce: Callable[[str], None],
) -> Answers:
    """One run of the service over all cases, one record each, in order."""
    folder = tmp_path_factory.mktemp("objects")
    installation = Installation(broker.bootstrap, f"bad-input-{folder.name}-{broker.name}", folder)
    cases = _cases(installation)
    installation.publish_raw(*((b"bad", case.value) for case in cases.values()))
    environment = {
        **installation.environment,
        "SPEAKERSTREAM_OBJECT_GRACE_S": "2",
        "SPEAKERSTREAM_MAX_CHUNK_S": str(MAX_CHUNK_S),
    }
    announce(f"{len(cases)} bad inputs on {broker.name}")
    with ServiceProcess(environment, folder / "log") as service:
        installation.await_results(len(cases))
        installation.await_committed(len(cases))
        service.terminate()
    by_offset = {r.source.offset: r for r in installation.results()}
    letters = {
        int(dict(letter.headers)["__connect.errors.offset"] or b""): letter
        for letter in client.read_to_end(broker.bootstrap, installation.topics.dead_letters)
    }
    names = list(cases)
    return Answers(
        cases,
        {names[offset]: result for offset, result in by_offset.items()},
        {names[offset]: letter for offset, letter in letters.items()},
    )


def test_every_record_is_answered_with_the_right_reason(answers: Answers) -> None:
    found = {name: result.reason for name, result in answers.results.items()}
    assert found == {
        name: None if case.reason is None else case.reason.value
        for name, case in answers.cases.items()
    }


def test_failed_ones_are_dead_lettered_as_they_were(answers: Answers) -> None:
    failed = {name: case for name, case in answers.cases.items() if case.reason is not None}
    assert answers.letters.keys() == failed.keys()
    for name, case in failed.items():
        letter, headers = answers.letters[name], dict(answers.letters[name].headers)
        assert letter.key == b"bad"
        assert letter.value == case.value, name
        assert case.reason is not None
        assert headers["dlq.reason"] == case.reason.value.encode()
        assert headers["__connect.errors.exception.message"]


def test_silence_is_a_result(answers: Answers) -> None:
    silent = answers.results["silence"]
    assert silent.status == "diarized"
    assert silent.duration_s == pytest.approx(1.0)
    assert silent.speakers_detected == ()
    assert silent.segments == ()


def test_ids_tell_undecodable_records_apart(answers: Answers) -> None:
    ids = [result.result_id for result in answers.results.values()]
    assert len(set(ids)) == len(ids)
