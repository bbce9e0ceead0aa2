"""The diarizer's training: passages of one voice first, then conversations beside them."""

from dataclasses import dataclass, replace

from deploy.checkpoints.conversations import Difficulty

# one voice, sometimes another behind it: 400 steps of such taught an encoder from nothing more of
# voices than 19,800 steps of conversations (TRIED.md)
PASSAGE = Difficulty((0.85, 0.15, 0.0, 0.0), overlap=1.0, opus=0.03, band=0.2)
PASSAGE_S = (3, 4)


@dataclass(frozen=True)
class Stage:
    """A stretch of training; the weights are those of the losses."""

    until: int  # step
    seconds: tuple[float, float]  # length of the conversations
    audio_s: float  # seconds of audio in a step
    diarize: float  # who speaks when (0 leaves the head alone)
    voices: float = 1.0  # pointing where the teacher's voices point
    relations: float = 0.2  # being as near to other voices as the teacher is
    deep: float = 0.5  # what the teacher pools
    attention: float = 0.0  # the head's attention
    intermediate: float = 0.0  # who speaks when, by the head's lower layers
    aside: float = 0.0  # the head's lessons in short conversations (``head_lessons.py``)
    passages: float = 0.0  # chance that a step hears single passages instead of conversations


TOGETHER = Stage(
    3400, (8, 36), 220, 2.0, voices=0.7, relations=0.15, deep=0.3, attention=0.3,
    intermediate=1.0, passages=0.4,
)  # fmt: skip

# nearly as long as what is measured: who speaks again after half a minute is another skill
LONGER = replace(TOGETHER, until=6550, seconds=(10, 50), passages=0.25)

STAGES = (
    Stage(1750, (6, 10), 84, 0.0, passages=1.0),
    TOGETHER,
    LONGER,
    # what it names by is not to be what the voices of training sound like
    replace(LONGER, until=1_000_000, aside=1.0),
)

QUICK = (
    Stage(2, (4, 5), 12, 0.0, passages=0.5),
    Stage(1_000_000, (4, 5), 12, 1.0, attention=0.3, intermediate=0.5, aside=1.0),
)


def stage(step: int, stages: tuple[Stage, ...] = STAGES) -> Stage:
    """The stage a step belongs to."""
    return next(entry for entry in stages if step < entry.until)
