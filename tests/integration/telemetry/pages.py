"""A running service and the pages it serves."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from producer_tools.loopback import free_port
from tests.service.process import ServiceProcess


class ObservedService(ServiceProcess):
    """The service with its pages on a port of loopback."""

    def __init__(
        self, environment: Mapping[str, str], log: Path, *, module: str = "consumer"
    ) -> None:
        self.port = free_port()
        port = {"SPEAKERSTREAM_METRICS_PORT": str(self.port)}
        super().__init__({**environment, **port}, log, module=module)

    def get(self, path: str) -> tuple[int, str]:
        """Status and body; 0 while nobody listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def problems(self, path: str) -> list[str]:
        """What a probe complains of."""
        found: list[str] = json.loads(self.get(path)[1])["problems"]
        return found

    def await_status(self, path: str, status: int, timeout_s: float = 40.0) -> str:
        """Wait until a page answers so; its body."""
        deadline = time.monotonic() + timeout_s
        while (answer := self.get(path))[0] != status:
            assert time.monotonic() < deadline, f"{path}: {answer}\n{self.said()[-3000:]}"
            time.sleep(0.1)
        return answer[1]

    def metrics(self) -> dict[str, Metric]:
        """Families by name."""
        return {f.name: f for f in text_string_to_metric_families(self.get("/metrics")[1])}

    def value(self, sample: str, **labels: str) -> float:
        """Sum of a sample's values over the series with these labels."""
        return sum(
            found.value
            for family in self.metrics().values()
            for found in family.samples
            if found.name == f"speakerstream_{sample}" and labels.items() <= found.labels.items()
        )

    def info(self) -> dict[str, Any]:
        """The content of /info."""
        content: dict[str, Any] = json.loads(self.get("/info")[1])
        return content
