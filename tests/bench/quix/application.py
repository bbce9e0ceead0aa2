"""A plain quixstreams application: chunk events in, the same three kinds of events out.

Run by `tests.bench.messages` with the path of a job (JSON). Knows nothing of this project: Avro
by fastavro, ids by uuid5, one function a topic.
"""

import io
import json
import sys
import uuid
from datetime import UTC, datetime
from typing import Any

import fastavro
from quixstreams import Application

Datum = dict[str, Any]

JOB = json.loads(open(sys.argv[1]).read())  # noqa: PTH123, SIM115
NAMESPACE = uuid.UUID("6f1f6a3e-52d5-4b0e-9a52-1c8e0e4c7a91")
INPUT = fastavro.schema.load_schema(JOB["input_schema"])
SCHEMAS = {name: fastavro.schema.load_schema(o["schema"]) for name, o in JOB["outputs"].items()}
HEADERS = {name: bytes.fromhex(o["header"]) for name, o in JOB["outputs"].items()}
SINGLE_OBJECT_HEADER = 10  # bytes before the Avro body


def read(value: bytes) -> Datum:
    body = io.BytesIO(value[SINGLE_OBJECT_HEADER:])
    return dict(fastavro.schemaless_reader(body, INPUT, None))  # type: ignore[arg-type]


def write(name: str, record: Datum) -> bytes:
    buffer = io.BytesIO()
    buffer.write(HEADERS[name])
    fastavro.schemaless_writer(buffer, SCHEMAS[name], record)
    return buffer.getvalue()


def identify(namespace: uuid.UUID, *parts: object) -> uuid.UUID:
    return uuid.uuid5(namespace, json.dumps(parts, ensure_ascii=False, separators=(",", ":")))


def diarize(value: bytes) -> Datum:
    """The result of a chunk, whose answer is given."""
    chunk = read(value)
    result = identify(NAMESPACE, chunk["recording_id"], chunk["chunk_id"])
    speakers = sorted({segment["speaker"] for segment in JOB["segments"]})
    return {
        "event_id": str(identify(result, "ChunkResult", 0)),
        "result_id": str(result),
        "recording_id": chunk["recording_id"],
        "chunk_id": chunk["chunk_id"],
        "sequence": chunk["sequence"],
        "start_s": chunk["start_s"],
        "last": chunk["last"],
        "status": "diarized",
        "reason": None,
        "attempts": 1,
        "duration_s": JOB["duration_s"],
        "speakers_detected": speakers,
        "segments": JOB["segments"],
        "fingerprints": JOB["fingerprints"],
        "speakers_without_fingerprint": [],
        "models": {"diarization": "stand-in", "embedding": "stand-in"},
        "thresholds": {"same_voice_cosine": 0.4, "uncertain_confidence": 0.6},
        "attributes": chunk["attributes"],
        "source": {"topic": JOB["input"], "partition": 0, "offset": 0},
        "processed_at": datetime.now(UTC),
    }


def common(result: Datum, name: str, index: int) -> Datum:
    return {
        "event_id": str(identify(uuid.UUID(result["result_id"]), name, index)),
        "result_id": result["result_id"],
        "recording_id": result["recording_id"],
        "chunk_id": result["chunk_id"],
        "sequence": result["sequence"],
    }


def segments(result: Datum) -> list[bytes]:
    return [
        write(
            "SpeakerSegment",
            {
                **common(result, "SpeakerSegment", index),
                **segment,
                "index": index,
                "recording_start_s": result["start_s"] + segment["start_s"],
                "recording_end_s": result["start_s"] + segment["end_s"],
                "model": result["models"]["diarization"],
            },
        )
        for index, segment in enumerate(result["segments"])
    ]


def fingerprints(result: Datum) -> list[bytes]:
    return [
        write(
            "SpeakerFingerprint",
            {
                **common(result, "SpeakerFingerprint", index),
                **fingerprint,
                "model": result["models"]["embedding"],
            },
        )
        for index, fingerprint in enumerate(result["fingerprints"])
    ]


def main() -> None:
    app = Application(
        broker_address=JOB["bootstrap"],
        consumer_group=JOB["group"],
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        auto_create_topics=False,
        producer_extra_config={"compression.type": "zstd", "linger.ms": 0},
        loglevel="WARNING",
    )

    def output(name: str) -> Any:
        topic = JOB["outputs"][name]["topic"]
        return app.topic(topic, value_serializer="bytes", key_serializer="bytes")

    source = app.topic(JOB["input"], value_deserializer="bytes", key_deserializer="bytes")
    results = app.dataframe(source).apply(diarize)
    results.apply(lambda result: write("ChunkResult", result)).to_topic(output("ChunkResult"))
    results.apply(segments, expand=True).to_topic(output("SpeakerSegment"))
    results.apply(fingerprints, expand=True).to_topic(output("SpeakerFingerprint"))
    app.run()


if __name__ == "__main__":
    main()
