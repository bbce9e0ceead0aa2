"""Conversations of made-up voices."""

import numpy as np
import pytest
import torch

from deploy.checkpoints import head_lessons, kept, made_up
from deploy.checkpoints.batches import SILENCE
from deploy.checkpoints.sortformer import ENCODER_WIDTH, SPEAKERS


@pytest.mark.parametrize("count", [24, 300])
def test_frames_of_one_voice_are_near_and_silence_is_silence(count: int) -> None:
    """The easier the conversation, the plainer; in the hardest a voice is still nearer to itself
    on average.
    """
    for hardness in (0.0, 1.0):
        torch.manual_seed(0)
        states, active = made_up.batch(np.random.default_rng(count), 40, count, hardness)
        assert states.shape == (40, count, ENCODER_WIDTH)
        assert active.shape == (40, count, SPEAKERS)
        assert states.isfinite().all()
        speaks = active.sum(2) > 0
        assert states[..., SILENCE][~speaks].min() > 4 * states[..., SILENCE][speaks].max() > 0
        alone = active * (active.sum(2, keepdim=True) == 1)
        same = alone @ alone.transpose(1, 2) > 0
        other = (alone.sum(2)[:, :, None] * alone.sum(2)[:, None] > 0) & ~same
        voices = torch.nn.functional.normalize(states[..., SILENCE + 1 :], dim=2)
        near = voices @ voices.transpose(1, 2)
        assert near[same].mean() > near[other].mean() + (0.25 if hardness else 0.6)


def test_hard_ones_hold_voices_that_are_nearly_one() -> None:
    torch.manual_seed(0)
    rng = np.random.default_rng(1)
    nearest = []
    for hardness in (0.0, 1.0):
        basis = torch.randn(400, made_up.RANK, ENCODER_WIDTH)
        voices = made_up._voices(rng, basis, hardness)
        nearest.append((voices[:, 0] * voices[:, 1]).sum(1).quantile(0.9))
    assert nearest[0] < 0.4
    assert nearest[1] > 0.8


def test_lessons_become_harder_and_longer_and_need_no_more_time() -> None:
    rng = np.random.default_rng(0)
    lessons = {
        done: [head_lessons.draw(rng, done) for _ in range(300)] for done in (0.0, 0.3, 0.6, 0.95)
    }
    for each in (lesson for drawn in lessons.values() for lesson in drawn):
        assert each.conversations * each.frames < 1.2 * head_lessons.FRAMES
    assert {lesson.made_up for lesson in lessons[0.3]} == {1.0}
    assert {lesson.made_up for lesson in lessons[0.6]} == {head_lessons.BESIDE}
    assert lessons[0.0][0].hardness < lessons[0.3][0].hardness < lessons[0.6][0].hardness == 1.0
    lengths = [np.mean([lesson.frames for lesson in drawn]) for drawn in lessons.values()]
    assert lengths[1] < lengths[2] < lengths[3]


def test_lessons_beside_conversations_mix_made_up_voices_with_theirs() -> None:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    active = torch.zeros(2, 300, SPEAKERS)
    active[:, :150, 0] = active[:, 150:, 1] = 1
    heard = torch.zeros(2, 300, ENCODER_WIDTH)
    heard[:, :150, 5] = heard[:, 150:, 6] = made_up.SPEECH
    for _ in range(20):
        lesson = head_lessons.aside(rng, 1000)
        assert lesson.imagined > 0 < lesson.heard
        assert lesson.frames < head_lessons.LENGTHS[-1][1]
        states, speak = head_lessons.batch(lesson, kept.of(heard, active), rng)
        assert states.shape == (lesson.conversations, lesson.frames, ENCODER_WIDTH)
        assert speak.shape == (lesson.conversations, lesson.frames, SPEAKERS)
        theirs = torch.linalg.matrix_rank(states[lesson.imagined :], rtol=1e-2)
        assert theirs.max() <= 2 < torch.linalg.matrix_rank(states[: lesson.imagined]).min()


def test_what_the_head_lacks_is_weighted() -> None:
    lacks = {name: torch.tensor(2.0) for name in head_lessons.WEIGHTS}
    assert head_lessons.loss(lacks) == 2 * sum(head_lessons.WEIGHTS.values())
