"""What `/info` says: versions, models, and the settings without their secrets."""

import re
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from platform import platform, python_version
from typing import Any

from consumer.inference.results import Models
from consumer.settings import Settings

HIDDEN = "(hidden)"

_PACKAGES = ("speakerstream", "confluent-kafka", "nemo_toolkit", "torch", "obstore")

# Properties go to libraries whose secrets have many names: only what is known to be none is shown.
_HARMLESS = re.compile(
    r".*\.(ms|bytes|kbytes|messages)|security\.protocol|sasl\.mechanisms?|compression\.type"
    r"|client\.rack|group\.instance\.id|aws_(region|endpoint|virtual_hosted_style_request)"
)


def info(settings: Settings, models: Models | None) -> dict[str, Any]:
    """The content of the page; `models` is None until they are loaded."""
    return {
        "versions": {**_versions(), "python": python_version(), "platform": platform()},
        "models": asdict(models) if models is not None else None,
        "settings": {
            name: _shown(value) for name, value in settings.model_dump(mode="json").items()
        },
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _shown(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: v if _HARMLESS.fullmatch(k) else HIDDEN for k, v in value.items()}
    if isinstance(value, str):
        return re.sub(r"//[^/@]*@", "//", value).partition("?")[0]
    return value
