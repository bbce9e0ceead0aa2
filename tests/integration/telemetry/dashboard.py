"""The dashboard's queries, as Grafana would send them."""

import json
from pathlib import Path

import deploy

DASHBOARD = Path(deploy.__file__).parent / "grafana" / "speakerstream.json"


def queries(rate_interval: str = "5m") -> dict[str, list[str]]:
    """By panel, with the dashboard's variables filled in."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return {
        panel["title"]: [
            target["expr"].replace("$__rate_interval", rate_interval).replace("$job", ".*")
            for target in panel["targets"]
        ]
        for panel in panels
        if panel["type"] != "row"
    }
