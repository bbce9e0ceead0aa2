"""The dashboard's queries, as Grafana would send them."""

from deploy.grafana.draw import panels


def queries(rate_interval: str = "5m") -> dict[str, list[str]]:
    """By panel, with the dashboard's variables filled in."""
    return {panel["title"]: [query for query, _ in asked] for panel, asked in panels(rate_interval)}
