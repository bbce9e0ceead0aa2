"""A Kafka cluster of one or three brokers that lives as long as a `with` block."""

import subprocess
import tempfile
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deploy.kafka.configuration import Node, broker_properties
from deploy.kafka.security import Security
from deploy.maven import deliver
from producer_tools.guarded import GuardedProcess
from producer_tools.loopback import answers, free_port

_HERE = Path(__file__).parent
# Serial collector and first compiler only: brokers that live for minutes on two cores.
_JVM = ("-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_READY_S = 90.0
_STOP_S = 30.0


class KafkaClusterError(RuntimeError):
    """The cluster did not start; the message holds the broker's last lines."""


class KafkaCluster:
    """`brokers` real brokers on free loopback ports, with their data in a temporary folder.

        with KafkaCluster(brokers=3) as kafka:
            Producer({"bootstrap.servers": kafka.bootstrap})
            kafka.kill(2)
            kafka.start(2)

    Brokers are named by their node id, from 1. `properties` are added to every
    `server.properties`; `security` adds listeners with TLS, SASL and ACLs. Entering raises
    `KafkaClusterError`, or `deploy.maven.MavenError` when the jars cannot be had.
    """

    def __init__(
        self,
        brokers: int = 1,
        properties: Mapping[str, str] | None = None,
        security: Security | None = None,
    ) -> None:
        if brokers < 1:
            raise ValueError(f"a cluster has at least one broker, not {brokers}")
        if security is not None and brokers > 1:
            raise ValueError("a secured cluster has one broker: its listeners are those of one")
        self._folder = tempfile.TemporaryDirectory(
            prefix="kafka-cluster-", ignore_cleanup_errors=True
        )
        nodes = []
        for number in range(1, brokers + 1):
            folder = Path(self._folder.name) / str(number)
            nodes.append(Node(number, free_port(), free_port(), folder))
        self.nodes = tuple(nodes)
        self.bootstrap = ",".join(node.bootstrap for node in nodes)
        self._properties = dict(properties or {})
        if security is not None:
            node = nodes[0]
            controller = f"127.0.0.1:{node.controller_port}"
            self._properties |= security.properties(node.bootstrap, controller)
        self._running: dict[int, GuardedProcess] = {}

    def __enter__(self) -> Self:
        try:
            jars = deliver(_HERE / "pom.xml", "dependency:copy-dependencies")
            self._classpath = f"{jars}/*"
            cluster_id = uuid.uuid4().hex[:22]
            with ThreadPoolExecutor() as pool:
                list(pool.map(lambda node: self._format(node, cluster_id), self.nodes))
            for node in self.nodes:
                self._launch(node)
            self.wait_until_ready()
        except BaseException:
            self.close()
            raise
        return self

    def _java(self, main: str, *arguments: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={_HERE / 'log4j2.yaml'}"
        return ["java", *_JVM, logging, "-cp", self._classpath, main, *arguments]

    def _format(self, node: Node, cluster_id: str) -> None:
        node.folder.mkdir()
        settings = node.folder / "server.properties"
        properties = broker_properties(node, self.nodes) | self._properties
        settings.write_text("".join(f"{key}={value}\n" for key, value in properties.items()))
        command = self._java(
            "kafka.tools.StorageTool",
            "format",
            f"--config={settings}",
            f"--cluster-id={cluster_id}",
        )
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise KafkaClusterError(
                f"Kafka cannot format its storage:\n{done.stderr or done.stdout}"
            )

    def _launch(self, node: Node) -> None:
        settings = str(node.folder / "server.properties")
        self._running[node.id] = GuardedProcess(
            self._java("kafka.Kafka", settings), log=node.folder / "broker.log"
        )

    def wait_until_ready(self) -> None:
        """Wait until every running broker serves; raises `KafkaClusterError` after 90 s."""
        deadline = time.monotonic() + _READY_S
        expected = {node.id for node in self.nodes if node.id in self._running}
        serving: set[int] = set()
        while time.monotonic() < deadline:
            for number in expected:
                if self._running[number].poll() is not None:
                    raise KafkaClusterError(f"Broker {number} ended.\n{self.log_tail(number)}")
            if all(answers(node.port) for node in self.nodes if node.id in expected):
                serving = self._registered()
                if expected <= serving:
                    return
            time.sleep(0.1)
        late = min(expected - serving)
        raise KafkaClusterError(
            f"Broker {late} does not serve after {_READY_S:.0f} s.\n{self.log_tail(late)}"
        )

    def _registered(self) -> set[int]:
        client = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        try:
            return set(client.list_topics(timeout=2).brokers)
        except KafkaException:
            return set()

    def pid(self, number: int) -> int:
        """Process id of a running broker."""
        return self._running[number].pid

    def log_tail(self, number: int, lines: int = 20) -> str:
        """The last lines of a broker's log."""
        text = (self.nodes[number - 1].folder / "broker.log").read_text(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def kill(self, number: int) -> None:
        """SIGKILL: the broker is gone at once; its data stays for `start`."""
        self._running.pop(number).kill()

    def stop(self, number: int) -> None:
        """SIGTERM: a controlled shutdown, as in a rolling upgrade."""
        self._running.pop(number).stop(_STOP_S)

    def start(self, number: int) -> None:
        """Start a killed or stopped broker again, on the same port, and wait until it serves."""
        if number in self._running:
            raise ValueError(f"broker {number} is running")
        self._launch(self.nodes[number - 1])
        self.wait_until_ready()

    def suspend(self, number: int) -> None:
        """Freeze a broker: connections stay open and nothing answers."""
        self._running[number].suspend()

    def resume(self, number: int) -> None:
        """Thaw it, after `suspend`."""
        self._running[number].resume()

    def close(self) -> None:
        """Kill every broker and remove the data; nothing in a test cluster is worth a shutdown."""
        while self._running:
            _, process = self._running.popitem()
            process.kill()
        self._folder.cleanup()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
