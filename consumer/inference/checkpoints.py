"""Which checkpoint a name means, where its file is, and what is published with it.

Imports no torch: the choices can be listed and a file found without it.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from consumer.errors import ExitCode, FatalError
from consumer.inference.postprocessing import PostProcessing

Role = Literal["diarizer", "embedder"]

COMPACT = "compact"
_COMPACT_FILES = Path(__file__).with_name(COMPACT)


@dataclass(frozen=True, slots=True)
class Card:
    """What is published about a checkpoint; None where nothing is."""

    name: str
    licence: str | None = None
    same_voice_cosine: float | None = None  # raw cosine
    uncertain_confidence: float | None = None
    postprocessing: PostProcessing | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A `.nemo` file at hand."""

    card: Card
    path: Path
    sha256: str


KNOWN: dict[Role, tuple[Card, ...]] = {
    "diarizer": (
        Card("nvidia/diar_sortformer_4spk-v1", "CC-BY-NC-4.0 (not for commercial use)"),
        Card(
            "nvidia/diar_streaming_sortformer_4spk-v2.1",
            "NVIDIA Open Model License (commercial use allowed)",
        ),
    ),
    "embedder": (
        Card(
            "nvidia/speakerverification_en_titanet_large",
            "CC-BY-4.0",
            # NeMo's verify_speakers decides at 0.7 on (cosine + 1) / 2.
            same_voice_cosine=0.4,
        ),
    ),
}
"""Checkpoints on the Hugging Face hub whose licences are known here."""


def choices(role: Role) -> str:
    """A line for each way to name a checkpoint of this role, with its licence."""
    known = [f"  {card.name} - {card.licence}" for card in KNOWN[role]]
    return "\n".join(
        [
            *known,
            f"  {COMPACT} - small, ships with this package, for demos and tests",
            "  a path to a .nemo file - its licence is yours to check",
        ]
    )


def resolve(choice: str, role: Role) -> Checkpoint:
    """The checkpoint that `choice` names: a path, `compact`, or a name on the hub.

    A hub checkpoint comes from the local Hugging Face cache, or is downloaded into it. Raises
    `FatalError` (CHECKPOINT) when there is none; the message says what to do.
    """
    if not choice:
        raise FatalError(
            ExitCode.CHECKPOINT, f"no {role} checkpoint is named; choose one:\n{choices(role)}"
        )
    if choice == COMPACT:
        path = _COMPACT_FILES / f"{role}.nemo"
        if not path.is_file():
            raise FatalError(
                ExitCode.CHECKPOINT,
                f"the compact {role} is missing from this installation ({path}): install the "
                "package again, or name another checkpoint",
            )
    elif choice.endswith(".nemo"):
        path = Path(choice).expanduser()
        if not path.is_file():
            raise FatalError(
                ExitCode.CHECKPOINT,
                f"there is no {role} checkpoint at {path.absolute()}: correct the path, or choose "
                f"one of\n{choices(role)}",
            )
    elif choice.count("/") == 1 and not Path(choice).exists():
        path = _from_hub(choice, role)
        return Checkpoint(_known(choice, role) or Card(choice), path, _sha256(path, role))
    else:
        raise FatalError(
            ExitCode.CHECKPOINT, f"{choice!r} names no {role} checkpoint; choose\n{choices(role)}"
        )
    return Checkpoint(_card_beside(path, role), path, _sha256(path, role))


def _known(name: str, role: Role) -> Card | None:
    return next((card for card in KNOWN[role] if card.name == name), None)


def _card_beside(path: Path, role: Role) -> Card:
    """The card of a local file: `card.json` beside it, else what is known of that file name."""
    source = path.with_name("card.json")
    if not source.is_file():
        by_file = {card.name.rpartition("/")[2]: card for card in KNOWN[role]}
        return by_file.get(path.stem, Card(path.stem))
    try:
        entry: dict[str, Any] = json.loads(source.read_text(encoding="utf-8"))[role]
        settings = entry.pop("postprocessing", None)
        post = None if settings is None else PostProcessing.from_mapping(settings, str(source))
        return Card(
            name=entry["name"],
            licence=entry.get("licence"),
            same_voice_cosine=entry.get("same_voice_cosine"),
            uncertain_confidence=entry.get("uncertain_confidence"),
            postprocessing=post,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FatalError(
            ExitCode.CHECKPOINT,
            f"{source} does not describe the {role} beside it ({error!r}): correct or remove it",
        ) from error


def _from_hub(name: str, role: Role) -> Path:
    """Path of a hub checkpoint in the local cache, downloaded when it is not there yet."""
    import httpx
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError

    file = f"{name.rpartition('/')[2]}.nemo"
    try:
        cached = try_to_load_from_cache(name, file)
        return Path(cached if isinstance(cached, str) else hf_hub_download(name, file))
    except (HfHubHTTPError, httpx.HTTPError, OSError, ValueError) as error:
        why = str(error).strip().partition("\n")[0]
        raise FatalError(
            ExitCode.CHECKPOINT,
            f"cannot get the {role} {name} from the Hugging Face hub ({why}): allow this machine "
            f"to reach it, or copy {file} here and give its path instead of the name",
        ) from error


def _sha256(path: Path, role: Role) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FatalError(
            ExitCode.CHECKPOINT, f"cannot read the {role} checkpoint {path}: {error.strerror}"
        ) from error
