"""One storm from calm to verdict."""

import tempfile
import time
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from deploy.kafka import KafkaCluster
from tests.chaos.arrivals import Arrivals
from tests.chaos.feed import Feed, sounds
from tests.chaos.members import Members
from tests.chaos.storm import SESSION_S, Storm
from tests.chaos.verifier import Verifier
from tests.service.installation import Installation

Protocol = Literal["classic", "consumer"]

PARTITIONS = 12
_CATCH_UP_S = 180.0


def storm(protocol: Protocol, seconds: float, seed: int, rate: float, keep: Path) -> dict[str, Any]:
    """Storm for `seconds`, let the service catch up, and count. Members' logs go to `keep`."""
    with (
        KafkaCluster(brokers=3) as cluster,
        tempfile.TemporaryDirectory(prefix="chaos-") as folder,
    ):
        store = Path(folder) / "objects"
        store.mkdir()
        installation = Installation(cluster.bootstrap, "chaos", store, partitions=PARTITIONS)
        objects = sounds(installation)
        feed = Feed(installation, objects, rate, seed)
        arrivals = Arrivals(cluster.bootstrap, installation.topics.chunk_results, PARTITIONS)
        members = Members(_environment(installation, protocol), keep)
        weather = Storm(members, cluster, store, seed)
        try:
            weather.keep()
            feed.start()
            arrivals.start()
            began = time.monotonic()
            weather.rage(seconds)
            raged_s = time.monotonic() - began
            feed.finish()
            caught_up_s = _catch_up(weather, installation)
            for instance in list(members.running):
                members.terminate(instance)
            arrivals.finish()
            verdict = Verifier(installation, objects, feed.poison).verdict()
        finally:
            members.close()
    return {
        "protocol": protocol,
        "seed": seed,
        "seconds": round(raged_s, 1),
        "rate": rate,
        "flawless": verdict.flawless and caught_up_s is not None and not members.bad_ends,
        **asdict(verdict),
        "caught_up_s": caught_up_s,
        "actions": dict(weather.done),
        "lives": len(members.lives),
        "ends": dict(members.ended),
        "bad_ends": members.bad_ends,
        **_logged(members),
        **_recoveries(weather, arrivals),
    }


def _environment(installation: Installation, protocol: Protocol) -> dict[str, str]:
    environment = {
        **installation.environment,
        "SPEAKERSTREAM_GROUP_PROTOCOL": protocol,
        "SPEAKERSTREAM_DECODE_WORKERS": "1",
        "SPEAKERSTREAM_LOG_LEVEL": "debug",
        "SPEAKERSTREAM_LOG_FORMAT": "json",
        "SPEAKERSTREAM_KAFKA_CONSUMER": f'{{"session.timeout.ms": "{SESSION_S * 1000:.0f}"}}',
    }
    if protocol == "consumer":  # there the broker sets the session timeout
        environment["SPEAKERSTREAM_KAFKA_CONSUMER"] = "{}"
    return environment


def _catch_up(weather: Storm, installation: Installation) -> float | None:
    """Seconds until the group has committed everything; None when it does not."""
    admin = AdminClient({"bootstrap.servers": installation.bootstrap})
    topic = installation.topics.audio_chunks
    query = {TopicPartition(topic, p): OffsetSpec.latest() for p in range(PARTITIONS)}
    ends = {tp.partition: f.result(30).offset for tp, f in admin.list_offsets(query).items()}
    began = time.monotonic()
    while time.monotonic() - began < _CATCH_UP_S:
        weather.keep()
        if all(offset >= ends[p] or not ends[p] for p, offset in installation.committed().items()):
            return round(time.monotonic() - began, 1)
        time.sleep(0.5)
    return None


def _logged(members: Members) -> dict[str, Any]:
    """What the members' logs say of transactions and rebalances."""
    transactions = {"committed": 0, "aborted": 0, "fenced": 0}
    callbacks: list[float] = []
    for life in members.lives:
        for line in life.said():
            match line.get("event"):
                case "transaction_ended":
                    transactions[line["outcome"].lower()] += 1
                case "fatal" if line.get("code") == "FENCED":
                    transactions["fenced"] += 1
                case "partitions_assigned" | "partitions_revoked" | "partitions_lost":
                    callbacks.append(_seconds(line["timestamp"]))
    return {"transactions": transactions, "rebalances_at_least": _bursts(sorted(callbacks))}


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()


def _bursts(moments: list[float]) -> int:
    """Groups of moments with less than half a second between neighbours."""
    return sum(1 for a, b in zip([float("-inf"), *moments], moments, strict=False) if b - a > 0.5)


def _recoveries(weather: Storm, arrivals: Arrivals) -> dict[str, Any]:
    """Seconds from a kill until each partition the member had gives results again."""
    calm: list[float] = []
    all_: list[float] = []
    missing = 0
    for kill in weather.kills:
        if not kill.partitions:
            continue
        took = arrivals.recovery(kill.partitions, kill.at)
        if took is None:
            missing += 1
            continue
        all_.append(took)
        if not any(a < kill.at + took and kill.at < b for a, b in weather.outages):
            calm.append(took)
    return {
        "recoveries": {
            "all": _percentiles(all_),
            "outside_outages": _percentiles(calm),
            "never": missing,
        }
    }


def _percentiles(seconds: list[float]) -> dict[str, float | int]:
    if not seconds:
        return {"count": 0}
    half, most = np.percentile(seconds, (50, 95))
    return {"count": len(seconds), "p50": round(float(half), 1), "p95": round(float(most), 1)}
