"""Settings from files: `SPEAKERSTREAM_KAFKA_FILE=/run/secrets/kafka` holds the setting `kafka`.

This is how container platforms hand secrets over: a mounted file is in no process listing, crash
report or `docker inspect`.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_origin

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsError

_SUFFIX = "_FILE"


def no_json(variable: str, annotation: Any) -> str:
    """That a variable for such a list or table is no JSON, and how to write it; no value of it."""
    form = '["s3://recordings"]' if get_origin(annotation) is list else '{"NAME": "VALUE"}'
    return f"{variable} is no JSON: write it as {variable}='{form}'"


class SecretFiles(PydanticBaseSettingsSource):
    """Reads every setting whose variable, with `_FILE` appended, names a file.

    Tables (`kafka`, `schema_registry`, `store_options`) are JSON in the file and are merged with
    what other sources say, so that only the secret part need lie in it. Any other setting must come
    from the file or from the variable, not from both. A line break at the end is no part of it.
    """

    def __init__(self, settings_cls: type[BaseSettings], prefix: str) -> None:
        super().__init__(settings_cls)
        self._prefix = prefix

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """See `PydanticBaseSettingsSource.get_field_value`. Raises SettingsError, never a value."""
        variable = f"{self._prefix}{field_name.upper()}"
        path = os.environ.get(variable + _SUFFIX)
        if path is None:
            return None, field_name, False
        structured = get_origin(field.annotation) in (dict, list)
        if variable in os.environ and get_origin(field.annotation) is not dict:
            raise SettingsError(f"both {variable} and {variable}{_SUFFIX} are set: remove one")
        try:
            text = Path(path).read_text().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
            raise SettingsError(f"{variable}{_SUFFIX}={path} cannot be read: {why}") from None
        if not structured:
            return text, field_name, False
        try:
            return json.loads(text), field_name, True
        except json.JSONDecodeError as error:  # its own message would quote the secret
            raise SettingsError(
                f"{variable}{_SUFFIX}={path} is no JSON (line {error.lineno})"
            ) from None

    def __call__(self) -> Mapping[str, Any]:  # type: ignore[override]
        """The settings found."""
        found = {}
        for name, field in self.settings_cls.model_fields.items():
            value, key, _ = self.get_field_value(field, name)
            if value is not None:
                found[key] = value
        return found
