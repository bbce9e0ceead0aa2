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


EXTRACTION = 2  # raised when the way speech is cut changes: nothing made of the old cut is reused


def derived(cache: Path) -> Path:
    """The folder of what is made out of the packages' speech."""
    return cache / f"extraction-{EXTRACTION}"
