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
_TABLE = '{"NAME": "VALUE"}'


def no_json(variable: str, annotation: Any) -> str:
    """That a variable for such a list or table is no JSON, and how to write it; no value of it."""
    form = '["s3://recordings"]' if get_origin(annotation) is list else _TABLE
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
        text = _text(variable, path)
        if not structured:
            return text, field_name, False
        return _parsed(variable, path, text), field_name, True

    def __call__(self) -> Mapping[str, Any]:  # type: ignore[override]
        """The settings found."""
        found = {}
        for name, field in self.settings_cls.model_fields.items():
            value, key, _ = self.get_field_value(field, name)
            if value is not None:
                found[key] = value
        return found


def table(variable: str) -> dict[str, str]:
    """A table as the service reads it: JSON of a variable, merged over that of its file.

    Raises:
        SettingsError: one of them is no table of strings; never with a value.
    """
    found: dict[str, str] = {}
    if (path := os.environ.get(variable + _SUFFIX)) is not None:
        content = _parsed(variable, path, _text(variable, path))
        found |= _strings(content, f"{variable}{_SUFFIX}={path}")
    if (text := os.environ.get(variable)) is not None:
        try:
            content = json.loads(text)
        except json.JSONDecodeError:
            raise SettingsError(no_json(variable, dict[str, str])) from None
        found |= _strings(content, variable)
    return found


def _strings(content: Any, where: str) -> dict[str, str]:
    if not isinstance(content, dict) or not all(isinstance(v, str) for v in content.values()):
        raise SettingsError(f"{where} is no table of strings: write {_TABLE}")
    return content


def _text(variable: str, path: str) -> str:
    try:
        return Path(path).read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise SettingsError(f"{variable}{_SUFFIX}={path} cannot be read: {why}") from None


def _parsed(variable: str, path: str, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:  # its own message would quote the secret
        raise SettingsError(
            f"{variable}{_SUFFIX}={path} is no JSON (line {error.lineno})"
        ) from None
