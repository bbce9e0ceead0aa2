"""Post-processing settings: NeMo's six parameters, in NeMo's own YAML layout."""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Self

import yaml

from consumer.errors import ExitCode, FatalError


@dataclass(frozen=True, slots=True)
class PostProcessing:
    """How probabilities become segments; names, units and defaults are NeMo's.

    A speaker starts where its probability is above `onset` and stops where it is below `offset`
    (both 0..1). The other four are seconds: padding before and after each segment, the shortest
    segment kept, the shortest gap kept. Short segments go before short gaps are filled.
    """

    onset: float = 0.5
    offset: float = 0.5
    pad_onset: float = 0.0
    pad_offset: float = 0.0
    min_duration_on: float = 0.0
    min_duration_off: float = 0.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            limit = 1.0 if name in ("onset", "offset") else float("inf")
            if not 0.0 <= value <= limit:
                bounds = "between 0 and 1" if limit == 1.0 else "0 or more seconds"
                raise FatalError(
                    ExitCode.SETTINGS, f"post-processing {name}={value} must be {bounds}"
                )

    @classmethod
    def from_mapping(cls, values: object, source: str) -> Self:
        """Settings from a mapping of parameter names to numbers; `source` is named in errors.

        Raises `FatalError` (SETTINGS) for anything else. NeMo ignores a misspelt name; here it
        is an error, because the segments would silently be others than asked for.
        """
        names = [field.name for field in fields(cls)]
        if not isinstance(values, dict) or not set(values) <= set(names):
            raise FatalError(
                ExitCode.SETTINGS,
                f"{source}: post-processing takes the parameters {', '.join(names)}; got {values}",
            )
        try:
            return cls(**{name: float(value) for name, value in values.items()})
        except (TypeError, ValueError) as error:
            raise FatalError(
                ExitCode.SETTINGS, f"{source}: post-processing parameters are numbers: {error}"
            ) from error

    @classmethod
    def from_yaml(cls, path: Path) -> Self:
        """Settings from one of NeMo's files: the six names under the key `parameters`.

        Raises `FatalError` (SETTINGS) when the file cannot be read or is something else.
        """
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise FatalError(
                ExitCode.SETTINGS, f"cannot read the post-processing file {path}: {error}"
            ) from error
        if not isinstance(content, dict) or "parameters" not in content:
            raise FatalError(
                ExitCode.SETTINGS,
                f"{path} is no post-processing file: it has no key `parameters`",
            )
        return cls.from_mapping(content["parameters"], str(path))
