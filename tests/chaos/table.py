"""A report that people can read."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table


def table(title: str, report: Mapping[str, Any]) -> Table:
    """One row a figure."""
    made = Table("figure", "value", title=title, title_justify="left")
    for name, value in report.items():
        if isinstance(value, dict):
            value = "\n".join(f"{key}: {_one_line(count)}" for key, count in value.items())
        elif isinstance(value, list):
            value = "\n".join(value)
        made.add_row(name.replace("_", " "), str(value))
    return made


def _one_line(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {figure}" for key, figure in value.items())
    return str(value)
