"""A running service and the pages it serves."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from producer_tools.loopback import free_port
from tests.service.process import ServiceProcess
from tests.waiting import until


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

    def await_status(self, path: str, status: int) -> None:
        """Wait until a page answers so."""
        until(lambda: self.get(path)[0] == status, lambda: self._state(path))

    def await_problem(self, path: str, name: str) -> None:
        """Wait until a probe complains of this and of nothing else."""
        until(lambda: self._problems(path) == [name], lambda: self._state(path))

    def _problems(self, path: str) -> list[str]:
        status, body = self.get(path)
        return [each.partition(":")[0] for each in json.loads(body)["problems"]] if status else []

    def _state(self, path: str) -> str:
        return f"{path}: {self.get(path)}\n{self.said()[-3000:]}"

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

    def await_value(self, sample: str, wanted: float) -> None:
        """Wait until a sample, summed over its series, has this value."""
        until(
            lambda: self.value(sample) == wanted,
            lambda: f"{sample} is {self.value(sample)}\n{self.said()[-3000:]}",
        )

    def info(self) -> dict[str, Any]:
        """The content of /info."""
        content: dict[str, Any] = json.loads(self.get("/info")[1])
        return content
