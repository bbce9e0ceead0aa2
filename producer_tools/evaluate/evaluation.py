"""All measures of a pair of checkpoints on recordings with references."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from consumer.inference.results import Engine, Models
from producer_tools.evaluate import confidence, errors, fingerprints, linking
from producer_tools.evaluate.answers import Cost, analyze
from producer_tools.evaluate.confidence import Confidence
from producer_tools.evaluate.errors import Errors, RecordingErrors
from producer_tools.evaluate.fingerprints import Embed
from producer_tools.evaluate.linking import Linked
from producer_tools.evaluate.recordings import Recording
from producer_tools.evaluate.trials import Verification, verify

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Diarization:
    """Errors of whole recordings, and what their confidences are worth (None: no segments)."""

    recordings: tuple[RecordingErrors, ...]
    errors: dict[str, Errors]  # by number of speakers, and `all`
    confidence: Confidence | None
    cost: Cost


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything measured. What could not be measured is empty."""

    models: Models
    diarization: Diarization
    fingerprints: dict[str, Verification] = field(default_factory=dict)  # by clean seconds
    linking: tuple[Linked, ...] = ()
    linking_apart: tuple[Linked, ...] = ()  # as `producer_tools.linking.link` does it


def diarization(engine: Engine, recordings: Iterable[Recording], progress: Progress) -> Diarization:
    """The errors and confidences of whole recordings.

    Raises:
        ValueError: a recording cannot be analysed.
    """
    answers, cost = analyze(engine, recordings, progress=progress)
    entries = tuple(
        errors.compare(answer.recording, answer.turns, answer.analysis.duration_s)
        for answer in answers
    )
    judged = confidence.judge(answers)
    return Diarization(
        recordings=entries,
        errors=errors.table(entries),
        confidence=confidence.measure(judged) if judged else None,
        cost=cost,
    )


def verification(
    embed: Embed, recordings: Iterable[Recording], progress: Progress
) -> dict[str, Verification]:
    """Fingerprints' error rates by seconds of clean speech, where there is enough of it."""
    speech = fingerprints.clean_speech(recordings)
    found: dict[str, Verification] = {}
    for seconds in fingerprints.SECONDS:
        rates = verify(fingerprints.by_seconds(speech, seconds, embed))
        progress(f"fingerprints of {seconds:g} s")
        if rates is not None:
            found[f"{seconds:g}"] = rates
    return found


def link(
    engine: Engine, recordings: Sequence[Recording], chunk_s: float, progress: Progress
) -> tuple[tuple[Linked, ...], tuple[Linked, ...]]:
    """Recordings cut into chunks and put together again: plainly, and as `link()` does it.

    Raises:
        ValueError: no threshold is published with the embedder.
    """
    threshold = engine.models.same_voice_cosine
    if threshold is None:
        raise ValueError(f"no same-voice threshold is published for {engine.models.embedding}")
    answers, _ = analyze(engine, recordings, chunk_s, progress)
    plain = linking.link(answers, threshold, apart=False)
    return tuple(plain), tuple(linking.link(answers, threshold, apart=True))
