"""The diarizer's training in stages: passages of one voice first, then conversations from easy to
hard.
"""

from dataclasses import dataclass, field, replace

from deploy.checkpoints.conversations import Difficulty

# one voice, sometimes another behind it: 400 steps of such taught an encoder from nothing more of
# voices than 19,800 steps of conversations (README)
PASSAGE = Difficulty((0.85, 0.15, 0.0, 0.0), overlap=1.0, opus=0.03, band=0.2)
PASSAGE_S = (3, 4)
EASY = Difficulty((0.1, 0.9, 0.0, 0.0), 0.0, 0.2, 0.3, 0.1, 0.0, 5.0, 3.0, 0.2, 0.0)


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
    passages: float = 0.0  # chance that a step hears single passages instead of conversations
    difficulty: Difficulty = field(default_factory=Difficulty)


STAGES = (
    Stage(1000, (5, 8), 84, 0.0, passages=1.0),
    Stage(1600, (6, 10), 120, 1.0, voices=0.5, attention=0.3, difficulty=EASY),
    Stage(
        2300,
        (8, 14),
        140,
        1.0,
        voices=0.3,
        attention=0.3,
        difficulty=replace(EASY, speakers=(0.1, 0.4, 0.3, 0.2), overlap=0.4, room=0.35),
    ),
    # under a weight of 0.15 the voice loss had risen from 0.41 to 0.5: hold on to the voices
    Stage(13_000, (8, 24), 110, 1.0, voices=0.5, attention=0.3),
    # nearly as long as what is measured: who speaks again after half a minute is another skill
    Stage(
        1_000_000,
        (10, 40),
        120,
        2.0,
        voices=0.7,
        relations=0.1,
        deep=0.3,
        attention=0.3,
        passages=0.5,
    ),
)

QUICK = (
    Stage(2, (4, 5), 12, 0.0, passages=0.5),
    Stage(1_000_000, (4, 5), 12, 1.0, attention=0.3, difficulty=EASY),
)


def stage(step: int, stages: tuple[Stage, ...] = STAGES) -> Stage:
    """The stage a step belongs to."""
    return next(entry for entry in stages if step < entry.until)
