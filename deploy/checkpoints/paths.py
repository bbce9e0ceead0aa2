"""Where the recipe keeps what it can make again: packages, speech, training state."""

import os
from pathlib import Path

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
COMPACT = REPOSITORY / "consumer" / "inference" / "compact"
SAMPLE = REPOSITORY / "producer_tools" / "sample"
BUILD = REPOSITORY / "build" / "checkpoints"


def cache(override: Path | None = None) -> Path:
    """The cache folder: ``override``, else ``$XDG_CACHE_HOME/speakerstream``, else
    ``~/.cache/speakerstream``.
    """
    root = (
        override or Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "speakerstream"
    )
    root.mkdir(parents=True, exist_ok=True)
    return root
