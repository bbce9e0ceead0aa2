"""A secured broker, its users and their rights, and the service as one of those users."""

import json
import shutil
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from consumer.events import Topics
from deploy.kafka import KafkaCluster
from deploy.kafka.security import Security

PASSWORD = "scram-password"

Right = tuple[str, str, str]  # resource, its name, operation; as in the table of deploy/README.md


def missing() -> str | None:
    """Why a secured broker cannot be had, None if it can."""
    return None if shutil.which("openssl") else "install openssl"


class SecuredKafka(AbstractContextManager["SecuredKafka"]):
    """Apache Kafka with `deploy.kafka.security`; `bootstrap` is the administrator's way in."""

    def __init__(self, folder: Path) -> None:
        self.security = Security(folder)
        self._cluster = KafkaCluster(security=self.security)
        self.bootstrap = self._cluster.bootstrap

    def __enter__(self) -> "SecuredKafka":
        self._cluster.__enter__()
        self._admin = AdminClient({"bootstrap.servers": self.bootstrap})
        return self

    def __exit__(self, *_: object) -> None:
        self._cluster.close()

    @property
    def tls(self) -> dict[str, str]:
        """librdkafka's properties to trust the broker."""
        return {"ssl.ca.location": str(self.security.authority.certificate)}

    def scram(self, user: str) -> dict[str, str]:
        """Add `user`; the properties it connects with."""
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        change = UserScramCredentialUpsertion(user, info, PASSWORD.encode())
        for done in self._admin.alter_user_scram_credentials([change]).values():
            done.result(20)
        return self.sasl("SCRAM-SHA-512") | {"sasl.username": user, "sasl.password": PASSWORD}

    def sasl(self, mechanism: str) -> dict[str, str]:
        """Properties of every SASL mechanism."""
        return self.tls | {"security.protocol": "SASL_SSL", "sasl.mechanism": mechanism}

    def grant(self, user: str, rights: Collection[Right]) -> None:
        """Allow `user` these."""
        bindings = [
            AclBinding(
                ResourceType[resource],
                name,
                ResourcePatternType.LITERAL,
                f"User:{user}",
                "*",
                AclOperation[operation],
                AclPermissionType.ALLOW,
            )
            for resource, name, operation in rights
        ]
        for done in self._admin.create_acls(bindings).values():
            done.result(20)


def named(rights: Collection[Right], topics: Topics, group: str, instance: str) -> list[Right]:
    """Rights of the documented table, with its `<placeholders>` filled in."""
    names = {
        "<audio-chunks>": topics.audio_chunks,
        "<chunk-results>": topics.chunk_results,
        "<speaker-segments>": topics.speaker_segments,
        "<speaker-fingerprints>": topics.speaker_fingerprints,
        "<dead-letters>": topics.dead_letters,
        "<group_id>": group,
        "<group_id>.<instance_id>": f"{group}.{instance}",
    }
    return [(resource, names[name], operation) for resource, name, operation in rights]


def as_client(bootstrap: str, properties: Mapping[str, str]) -> dict[str, str]:
    """The service's settings for a way in."""
    return {
        "SPEAKERSTREAM_BOOTSTRAP_SERVERS": bootstrap,
        "SPEAKERSTREAM_KAFKA": json.dumps(properties),
    }
