"""One storm from calm to verdict."""

import math
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from deploy.kafka import KafkaCluster
from deploy.registry import SchemaRegistry
from schemas.codec import Decoder, Encoder
from schemas.records import AudioChunk
from schemas.registry import ConfluentRegistry
from tests.chaos.arrivals import Arrivals
from tests.chaos.feed import Feed
from tests.chaos.growth import Growth
from tests.chaos.members import Members, seconds
from tests.chaos.sounds import EngineName, settings, sounds
from tests.chaos.storm import SESSION_S, STEADY, Kill, Storm
from tests.chaos.verifier import Verifier
from tests.service.installation import Installation

Protocol = Literal["classic", "consumer"]
Weather = Literal["storm", "kills", "faults", "zombies", "restarts", "calm"]

PARTITIONS = 12
_CATCH_UP_S = 600.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done, and to whom.

    `kills` is nothing but kill -9, one after the other; `calm` is nothing, to one member alone: for
    its memory in the long run. For the rest see `storm.WEATHERS`.
    """

    protocol: Protocol
    weather: Weather
    seconds: float
    seed: int
    rate: float  # chunks a second
    pause_s: float = 2.0  # between two actions, on average
    engine: EngineName = "stand-in"


def storm(plan: Plan, keep: Path) -> dict[str, Any]:
    """Brokers and a registry of their own, and `storm_on` them. Members' logs go to `keep`."""
    brokers = 1 if plan.weather == "calm" else 3
    with KafkaCluster(brokers) as cluster, SchemaRegistry() as registry:
        return storm_on(cluster, registry, plan, keep)


def storm_on(
    cluster: KafkaCluster, registry: SchemaRegistry | None, plan: Plan, keep: Path
) -> dict[str, Any]:
    """Storm as planned, let the service catch up, and count.

    Without a registry, events are in Avro's single-object encoding.
    """
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        store = Path(folder) / "objects"
        store.mkdir()
        name = f"chaos-{plan.protocol}-{plan.seed}"
        installation = Installation(cluster.bootstrap, name, store, partitions=PARTITIONS)
        decoder = Decoder()
        if registry is not None:
            publisher = ConfluentRegistry(registry.url, register=True)
            encoder = Encoder(publisher, {AudioChunk: installation.topics.audio_chunks})
            installation = replace(installation, encoder=encoder, existing=True)
            decoder = Decoder(publisher)
        objects = sounds(installation, plan.engine)
        feed = Feed(installation, objects, plan.rate, plan.seed)
        arrivals = Arrivals(cluster.bootstrap, installation.topics.chunk_results, PARTITIONS)
        members = Members(
            {**_environment(installation, registry, plan.protocol), **settings(plan.engine)}, keep
        )
        weather = Storm(members, cluster, registry, store, plan.seed, plan.pause_s)
        if plan.weather == "calm":
            weather.fewest = 1
        growth = Growth(lambda: members.pid(STEADY), keep / "steady.csv")
        try:
            weather.keep()
            feed.start()
            arrivals.start()
            growth.start()
            began = time.monotonic()
            match plan.weather:
                case "calm":
                    weather.wait(plan.seconds)
                case "kills":
                    weather.pick_off(plan.seconds, lambda kill: _recovered(kill, arrivals))
                case _:
                    weather.rage(plan.weather, plan.seconds)
            raged_s = time.monotonic() - began
            feed.finish()
            caught_up_s = _catch_up(weather, installation)
            growth.finish()
            for instance in list(members.running):
                members.terminate(instance)
            arrivals.finish()
            verdict = Verifier(installation, objects, feed.poison, decoder).verdict()
        finally:
            members.close()
    return {
        **asdict(plan),
        "seconds": round(raged_s, 1),
        "flawless": verdict.flawless
        and caught_up_s is not None
        and not members.bad_ends
        and not (plan.weather == "calm" and growth.flat is False),
        **asdict(verdict),
        "caught_up_s": caught_up_s,
        "actions": dict(weather.done),
        "lives": len(members.lives),
        "ends": dict(members.ended),
        "bad_ends": members.bad_ends,
        "sigterm_s": _percentiles(members.stops_s),
        "steady_member": growth.report(),
        **_logged(members),
        **_recoveries(weather, arrivals, members),
    }


def _recovered(kill: Kill, arrivals: Arrivals) -> bool:
    return arrivals.recovery(kill.partitions, kill.at) is not None


def _environment(
    installation: Installation, registry: SchemaRegistry | None, protocol: Protocol
) -> dict[str, str]:
    environment = {
        **installation.environment,
        "SPEAKERSTREAM_GROUP_PROTOCOL": protocol,
        "SPEAKERSTREAM_DECODE_WORKERS": "1",
        "SPEAKERSTREAM_LOG_LEVEL": "debug",
        "SPEAKERSTREAM_LOG_FORMAT": "json",
        "SPEAKERSTREAM_KAFKA_CONSUMER": f'{{"session.timeout.ms": "{SESSION_S * 1000:.0f}"}}',
    }
    if registry is not None:
        environment["SPEAKERSTREAM_SCHEMA_REGISTRY_URL"] = registry.url
        environment["SPEAKERSTREAM_REGISTER_SCHEMAS"] = "true"
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
    transactions = {"committed": 0, "aborted": 0, "fenced": 0, "producers replaced": 0}
    callbacks: list[float] = []
    for life in members.lives:
        for line in life.said():
            match line.get("event"):
                case "transaction_ended":
                    transactions[line["outcome"].lower()] += 1
                case "producer_lost":
                    transactions["producers replaced"] += 1
                case "fatal" if line.get("code") == "FENCED":
                    transactions["fenced"] += 1
                case "partitions_assigned" | "partitions_revoked" | "partitions_lost":
                    callbacks.append(seconds(line["timestamp"]))
    return {"transactions": transactions, "rebalances_at_least": _bursts(sorted(callbacks))}


def _bursts(moments: list[float]) -> int:
    """Groups of moments with less than half a second between neighbours."""
    return sum(1 for a, b in zip([float("-inf"), *moments], moments, strict=False) if b - a > 0.5)


def _recoveries(weather: Storm, arrivals: Arrivals, members: Members) -> dict[str, Any]:
    """Seconds from a kill until each partition the member had gives results again.

    `reassigned` is the part of it until each of them has an owner.
    """
    calm: list[float] = []
    all_: list[float] = []
    reassigned: list[float] = []
    missing = 0
    assignments = members.assignments()
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
            owned = [
                min((at for at in assignments[p] if at > kill.at), default=math.inf) - kill.at
                for p in kill.partitions
            ]
            reassigned.append(max(owned))
    return {
        "recoveries": {
            "all": _percentiles(all_),
            "outside_outages": _percentiles(calm),
            "reassigned": _percentiles(reassigned),
            "never": missing,
        }
    }


def _percentiles(seconds: list[float]) -> dict[str, float | int]:
    if not seconds:
        return {"count": 0}
    half, most, longest = (round(float(s), 1) for s in np.percentile(seconds, (50, 95, 100)))
    return {"count": len(seconds), "p50": half, "p95": most, "longest": longest}
