"""Brokers that do not answer: no flood of log lines, and why in one sentence."""

import re
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

QUIET = {"log_level": "2"}
"""The client logs every try to connect, several a second; its errors come as exceptions anyway."""

# These say that nobody answered, and not why.
_AWAY = (
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._RESOLVE,
    KafkaError._TIMED_OUT,
    KafkaError._TRANSPORT,
)
_ASK_S = 3.0
_CHECK = {
    KafkaError._AUTHENTICATION: "check the sasl.* properties among --kafka",
    KafkaError._SSL: "check security.protocol and the ssl.* properties among --kafka",
}


def sentence(
    raised: KafkaException,
    bootstrap_servers: str,
    properties: Mapping[str, str],
    check: str = "check --bootstrap-servers (and security.protocol among --kafka)",
) -> str:
    """What went wrong. Where nobody answered, asks once more for the cause: a few seconds.

    Args:
        raised: by a client.
        bootstrap_servers, properties: of that client.
        check: what may be wrong when no broker answers.
    """
    error: KafkaError = raised.args[0]
    why = _silence(bootstrap_servers, properties, check) if error.code() in _AWAY else None
    return why or f"Kafka: {error.str()}"


def _silence(bootstrap_servers: str, properties: Mapping[str, str], check: str) -> str | None:
    """Why no broker answers; None when one does."""
    met: list[KafkaError] = []
    config: dict[str, Any] = {**properties, "error_cb": met.append}
    admin = AdminClient({**config, "bootstrap.servers": bootstrap_servers})
    try:
        admin.list_topics(timeout=_ASK_S)
    except KafkaException:
        admin.poll(0)  # delivers what the client has met meanwhile
    else:
        return None
    for error in met:
        if advice := _CHECK.get(error.code()):
            return f"no broker took us in at {bootstrap_servers} ({_cause(error)}): {advice}"
    causes = [_cause(error) for error in met if error.code() != KafkaError._ALL_BROKERS_DOWN]
    seen = f" ({causes[0]})" if causes else ""
    return f"no broker answered at {bootstrap_servers}{seen}: {check}"


def _cause(error: KafkaError) -> str:
    return re.sub(r" \(after .*", "", error.str().partition(": ")[2] or error.str())
