"""The conversations that choose between diarizers. What gains on the few people of the development
side may lose elsewhere: so they are heard at 8 kHz too, and others who are not people.
"""

from dataclasses import replace
from pathlib import Path

from deploy.checkpoints import corpus, measure, voices
from deploy.checkpoints.conversations import telephone
from deploy.checkpoints.pool import UNCHANGED, PoolVoice
from producer_tools.evaluate.recordings import RecordingInMemory

SYNTHETIC = replace(measure.DEVELOPMENT, seed=5, speakers=(0, 24, 24, 24))


def sets(cache: Path) -> dict[str, list[RecordingInMemory]]:
    """Three sets of conversations, by name."""
    people = measure.conversations(cache)
    others = [
        PoolVoice(replace(voice, weight=1.0), UNCHANGED, corpus.load(voice, cache))
        for voice in voices.read()
        if voice.split == "development" and voice.style == "synthetic"
    ]
    return {
        "people": people,
        "people at 8 kHz": [replace(each, samples=telephone(each.samples)) for each in people[::2]],
        "synthetic": measure.recorded(others, SYNTHETIC),
    }
