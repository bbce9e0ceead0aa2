"""An evaluation as JSON: every field by its name, rates beside the seconds they come from."""

from dataclasses import fields, is_dataclass
from typing import Any

from producer_tools.evaluate.answers import Cost
from producer_tools.scoring import ErrorRate


def as_json(value: object) -> Any:
    """What `json.dumps` takes, from dataclasses, mappings and sequences of them."""
    if is_dataclass(value) and not isinstance(value, type):
        plain = {each.name: as_json(getattr(value, each.name)) for each in fields(value)}
        if isinstance(value, ErrorRate):
            plain["der"] = value.der if value.speech_s else None
        if isinstance(value, Cost):
            plain["times_real_time"] = value.times_real_time
        return plain
    if isinstance(value, dict):
        return {str(key): as_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(each) for each in value]
    return value
