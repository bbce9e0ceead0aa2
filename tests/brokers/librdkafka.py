"""What confluent-kafka does not offer of librdkafka, by its C functions."""

import ctypes
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from confluent_kafka import cimpl

_library = ctypes.CDLL(cimpl.__file__)  # finds what the extension is linked with, too
_Handle = ctypes.c_void_p
_PRODUCER = 0
_FLUSH_MS = 60_000
# Tags of rd_kafka_producev's arguments (rd_kafka_vtype_t).
_END, _TOPIC, _VALUE, _MESSAGE_FLAGS, _HEADER = 0, 1, 4, 7, 9
_COPY = 2


def _function(name: str, result: Any, *arguments: Any) -> Any:
    found = getattr(_library, name)
    found.restype, found.argtypes = result, arguments
    return found


_text, _number = ctypes.c_char_p, ctypes.c_int
_conf_new = _function("rd_kafka_conf_new", _Handle)
_conf_set = _function("rd_kafka_conf_set", _number, _Handle, _text, _text, _text, ctypes.c_size_t)
_new = _function("rd_kafka_new", _Handle, _number, _Handle, _text, ctypes.c_size_t)
_flush = _function("rd_kafka_flush", _number, _Handle, _number)
_destroy = _function("rd_kafka_destroy", None, _Handle)
_cluster_of = _function("rd_kafka_handle_mock_cluster", _Handle, _Handle)
_bootstraps = _function("rd_kafka_mock_cluster_bootstraps", _text, _Handle)
_topic_create = _function("rd_kafka_mock_topic_create", _number, _Handle, _text, _number, _number)
_set_leader = _function(
    "rd_kafka_mock_partition_set_leader", _number, _Handle, _text, ctypes.c_int32, ctypes.c_int32
)


def produce_with_headers(bootstrap: str, topic: str, names: Iterable[bytes]) -> None:
    """Publish a record for each name, with a header of that name; clients of other languages may
    give it any bytes."""
    with _Producer({"bootstrap.servers": bootstrap}) as producer:
        for name in names:
            producer.produce(topic, name)
        producer.flush()


class MockCluster:
    """librdkafka's mock broker, in this process: faults at will, and transactions.

    Use: `with MockCluster(topics...) as cluster`, which is gone after the block.
    """

    def __init__(self, *topics: str) -> None:
        self._owner = _Producer({"test.mock.num.brokers": "1", "log_level": "0"})
        self._cluster = _cluster_of(self._owner.handle)
        self.bootstrap: str = _bootstraps(self._cluster).decode()
        for topic in topics:
            assert _topic_create(self._cluster, topic.encode(), 1, 1) == 0

    def lead(self, topic: str, there: bool) -> None:
        """Give partition 0 of `topic` its leader, or take it away."""
        assert _set_leader(self._cluster, topic.encode(), 0, 1 if there else -1) == 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._owner.__exit__(kind, error, trace)


class _Producer:
    def __init__(self, properties: dict[str, str]) -> None:
        reason = ctypes.create_string_buffer(512)
        configuration = _conf_new()
        for name, value in properties.items():
            given = (configuration, name.encode(), value.encode(), reason, len(reason))
            assert _conf_set(*given) == 0, reason.value
        self.handle = _new(_PRODUCER, configuration, reason, len(reason))
        assert self.handle, reason.value

    def produce(self, topic: str, header: bytes) -> None:
        number, text, size = ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t
        error = _library.rd_kafka_producev(
            _Handle(self.handle),
            *(number(_TOPIC), text(topic.encode())),
            *(number(_VALUE), text(b"value"), size(5)),
            *(number(_MESSAGE_FLAGS), number(_COPY)),
            *(number(_HEADER), text(header), text(b"v"), ctypes.c_ssize_t(1)),
            number(_END),
        )
        assert error == 0

    def flush(self) -> None:
        assert _flush(self.handle, _FLUSH_MS) == 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _destroy(self.handle)
