"""The topics and their events as an AsyncAPI document, made from the schemas."""

import json
from pathlib import Path
from typing import Any

import schemas
from consumer.errors import Reason
from consumer.events import Topics
from schemas import catalogue
from schemas.codec import subject
from schemas.records import AudioChunk, Record

DOCUMENT = Path(schemas.__file__).with_name("asyncapi.json")
_AVRO = "application/vnd.apache.avro+json;version=1.9.0"  # as AsyncAPI 3.0 names Avro schemas
_TEXT = {"type": "string"}
_DEAD_LETTER_HEADERS = (
    "__connect.errors.topic",
    "__connect.errors.partition",
    "__connect.errors.offset",
    "__connect.errors.connector.name",
    "__connect.errors.stage",
    "__connect.errors.exception.class.name",
    "__connect.errors.exception.message",
    "dlq.attempts",
    "dlq.version",
    "dlq.original.timestamp",
)


def document() -> dict[str, Any]:
    """The document, AsyncAPI 3.1.0, as plain values; operations as the service sees them."""
    topics = Topics()
    owners: dict[type[Record], str] = {AudioChunk: topics.audio_chunks, **topics.outputs}
    messages = {event.avro_name: _message(event, topic) for event, topic in owners.items()}
    channels = {
        event.avro_name: _channel(topic, event.avro_name) for event, topic in owners.items()
    }
    messages["DeadLetter"] = _dead_letter()
    channels["DeadLetter"] = _channel(topics.dead_letters, "DeadLetter")
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "speakerstream",
            "version": "1",
            "description": "Who spoke when: audio-chunk events in, diarized chunks with confidence "
            "and voice fingerprints out, exactly once. Topic names are the defaults. Values carry "
            "Avro single-object encoding, or Confluent wire format where a registry is in use. "
            "Read with isolation.level=read_committed.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/vnd.apache.avro",
        "channels": channels,
        "operations": {
            f"{'receive' if name == AudioChunk.avro_name else 'send'}{name}": {
                "action": "receive" if name == AudioChunk.avro_name else "send",
                "channel": {"$ref": f"#/channels/{name}"},
                "messages": [{"$ref": f"#/channels/{name}/messages/{name}"}],
            }
            for name in channels
        },
        "components": {"messages": messages},
    }


def text() -> str:
    """The document as it is committed beside the schemas."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def _channel(topic: str, name: str) -> dict[str, Any]:
    return {
        "address": topic,
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        "bindings": {
            "kafka": {"topic": topic, "topicConfiguration": {"cleanup.policy": ["delete"]}}
        },
    }


def _message(event: type[Record], topic: str) -> dict[str, Any]:
    schema = json.loads(catalogue.text(event.avro_name))
    return {
        "name": f"{schema['namespace']}.{event.avro_name}",
        "title": event.avro_name,
        "summary": schema["doc"],
        "description": f"Subject in a registry: {subject(topic)}.",
        "headers": {
            "type": "object",
            "properties": {"traceparent": _TEXT, "tracestate": _TEXT},
        },
        "payload": {"schemaFormat": _AVRO, "schema": schema},
        "bindings": {"kafka": {"key": {**_TEXT, "description": "recording_id, UTF-8"}}},
    }


def _dead_letter() -> dict[str, Any]:
    reason = {**_TEXT, "enum": [reason.value for reason in Reason]}
    named = dict.fromkeys(_DEAD_LETTER_HEADERS, _TEXT)
    return {
        "name": "DeadLetter",
        "summary": "An input record that can never succeed: its own key, value and headers.",
        "contentType": "application/octet-stream",
        "headers": {
            "type": "object",
            "required": ["dlq.reason", *named],
            "properties": {"dlq.reason": reason, **named},
        },
        "payload": {"description": "The bytes of the input record, unchanged."},
        "bindings": {"kafka": {"key": {"description": "The key of the input record."}}},
    }


if __name__ == "__main__":
    DOCUMENT.write_text(text(), encoding="utf-8")
