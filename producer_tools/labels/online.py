"""Voices of a recording while results still come: `link()` anew after each, with stable names."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from producer_tools.linking import LocalSpeaker, Voices, link, newest
from schemas.records import ChunkResult


@dataclass(frozen=True, slots=True)
class SpeakerLabels:
    """Which voice each local speaker of one chunk is; replaces what was said about it before.

    Speakers without a voice (see `link`) are not in it; empty for silence and a failed chunk.
    """

    recording_id: str
    chunk_id: str
    result_id: str
    labels: Mapping[str, str]


@dataclass(slots=True)
class _Recording:
    latest: datetime  # the newest `processed_at`
    results: dict[str, ChunkResult] = field(default_factory=dict)  # the valid one of each chunk
    said: dict[str, SpeakerLabels] = field(default_factory=dict)
    names: dict[LocalSpeaker, str] = field(default_factory=dict)
    voices: int = 0  # names given so far; none is given twice


class OnlineLinker:
    """Labels chunks as their results come, and corrects earlier labels that turn out wrong.

    A function of the results in their order: the same ones again give the same labels, so its
    state can be rebuilt by reading the topic from its beginning.

    * repeated results and late ones that are superseded already say nothing new;
    * a newer result of a chunk replaces its speakers, a failed one removes them;
    * order within a recording does not matter for who is joined with whom: after the last result
      it is what `link()` says about all of them.

    Args:
        threshold: raw cosine, see `link`; None takes the published one.
        keep: a recording without news for so long, by `processed_at`, is forgotten.
    """

    def __init__(self, threshold: float | None = None, keep: timedelta = timedelta(days=1)) -> None:
        self._threshold = threshold
        self._keep = keep
        self._recordings: dict[str, _Recording] = {}

    def add(self, result: ChunkResult) -> tuple[SpeakerLabels, ...]:
        """Take a result; what is now to be said, in order of the chunks, about changed ones.

        Raises:
            ValueError: no threshold is given and none was published.
        """
        if not result.chunk_id:
            return ()  # an event that could not be read: no chunk to label
        self._forget(result.processed_at)
        recording = self._recordings.setdefault(
            result.recording_id, _Recording(result.processed_at)
        )
        recording.latest = max(recording.latest, result.processed_at)
        before = recording.results.get(result.chunk_id)
        (valid,) = newest([result] if before is None else [before, result])
        if valid is before:  # nothing to link anew
            return ()
        recording.results[result.chunk_id] = valid
        recording.names = self._named(recording, link(recording.results.values(), self._threshold))
        return tuple(self._news(recording))

    def _forget(self, now: datetime) -> None:
        old = [name for name, r in self._recordings.items() if now - r.latest > self._keep]
        for name in old:
            del self._recordings[name]

    def _named(self, recording: _Recording, voices: Voices) -> dict[LocalSpeaker, str]:
        """Names for the voices: each keeps the one most of its members had, new ones get new."""
        members: dict[str, list[LocalSpeaker]] = defaultdict(list)
        for speaker, voice in voices.names.items():
            members[voice].append(speaker)
        votes = Counter(
            (voice, recording.names[speaker])
            for voice, speakers in members.items()
            for speaker in speakers
            if speaker in recording.names
        )
        chosen: dict[str, str] = {}
        for (voice, name), _ in votes.most_common():
            if voice not in chosen and name not in chosen.values():
                chosen[voice] = name
        for voice in members:
            if voice not in chosen:
                chosen[voice] = f"Voice_{recording.voices}"
                recording.voices += 1
        return {speaker: chosen[voice] for speaker, voice in voices.names.items()}

    def _news(self, recording: _Recording) -> list[SpeakerLabels]:
        found = []
        ordered = sorted(recording.results.values(), key=lambda r: (r.start_s, r.sequence))
        for result in ordered:
            labels = {
                speaker.speaker: name
                for speaker, name in sorted(recording.names.items())
                if speaker.chunk_id == result.chunk_id
            }
            says = SpeakerLabels(result.recording_id, result.chunk_id, result.result_id, labels)
            if recording.said.get(result.chunk_id) != says:
                recording.said[result.chunk_id] = says
                found.append(says)
        return found
