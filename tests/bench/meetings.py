"""Artificial meetings, and checkpoints of the published sizes that hear who speaks in them.

Random weights alone would find hundreds of segments a minute, or none, and the cost of a chunk
depends on what is found in it. So the last layer of a random diarizer is fitted (ridge regression
on its own hidden states) to the turns of a few such meetings: about 20 segments and 3 speakers a
minute, in meetings it has not seen.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from consumer.inference.quiet import quiet
from consumer.inference.restore import restore
from consumer.inference.results import SAMPLE_RATE, Waveform
from tests.integration.inference import architectures as make

VOICES = ((110.0, (500.0, 1500.0)), (190.0, (800.0, 2300.0)), (150.0, (320.0, 2900.0)))
"""Pitch and two formants of each voice, Hz."""

_SPEAKERS = 4  # outputs of the published diarizers; the last one hears nobody here
_FRAME_S = 0.08
_FITTED_ON = 6  # meetings of a minute
_RIDGE = 1.0
_LOGIT = 4.0  # wanted where somebody speaks; minus that elsewhere


@dataclass(frozen=True, slots=True)
class Meeting:
    """One minute or so, and who speaks: turns are (start_s, end_s, voice)."""

    waveform: Waveform
    turns: tuple[tuple[float, float, int], ...]


def meeting(seconds: float, *, seed: int) -> Meeting:
    """Three voices in turn, one every three seconds on average, with short pauses."""
    rng = np.random.default_rng(seed)
    signal = 0.002 * rng.normal(size=round(seconds * SAMPLE_RATE))
    turns = []
    position, voice = float(rng.uniform(0, 0.5)), int(rng.integers(len(VOICES)))
    while position < seconds - 1.0:
        end = min(position + 1.2 + rng.exponential(1.3), seconds)
        first, last = round(position * SAMPLE_RATE), round(end * SAMPLE_RATE)
        signal[first:last] += _speech(last - first, voice, rng)
        turns.append((position, end, voice))
        position = end + rng.uniform(0.3, 0.7)
        voice = (voice + int(rng.integers(1, len(VOICES)))) % len(VOICES)
    return Meeting(signal.astype(np.float32), tuple(turns))


def _speech(samples: int, voice: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Harmonics of a wavering pitch under two formants, in syllables."""
    pitch, formants = VOICES[voice]
    time_s = np.arange(samples) / SAMPLE_RATE
    wavering = pitch * (1 + 0.03 * np.sin(2 * np.pi * rng.uniform(3, 6) * time_s))
    phase = 2 * np.pi * np.cumsum(wavering) / SAMPLE_RATE
    tone = np.zeros(samples)
    for harmonic in range(1, int(4000 / pitch)):
        gain = sum(np.exp(-(((harmonic * pitch - f) / 250) ** 2)) for f in formants)
        tone += (gain + 0.02) * np.sin(harmonic * phase)
    syllables = 0.6 + 0.4 * np.sin(2 * np.pi * rng.uniform(3, 5) * time_s)
    return np.asarray(0.05 * syllables * tone)


def full_size(folder: Path) -> tuple[Path, Path]:
    """Diarizer (123M parameters) and embedder (22M), built into `folder` when not there yet."""
    diarizer, embedder = folder / "sortformer-full.nemo", folder / "titanet-full.nemo"
    folder.mkdir(parents=True, exist_ok=True)
    with quiet():
        if not diarizer.exists():
            unfitted = make.save_sortformer(make.PUBLISHED_V1, folder / "unfitted.nemo")
            _fit(unfitted, folder / "fitted.nemo")
            unfitted.unlink()
            (folder / "fitted.nemo").rename(diarizer)
        if not embedder.exists():
            make.save_titanet(make.PUBLISHED_TITANET, folder / "unfinished.nemo").rename(embedder)
    return diarizer, embedder


def _fit(source: Path, target: Path) -> None:
    model = restore(source, "SortformerEncLabelModel", "cpu")
    layer = model.sortformer_modules.single_hidden_to_spks
    seen: list[Any] = []
    hook = layer.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0][0]))
    inputs, wanted = [], []
    with torch.inference_mode():
        for seed in range(_FITTED_ON):
            made = meeting(60.0, seed=seed)
            model.forward(
                audio_signal=torch.from_numpy(made.waveform)[None],
                audio_signal_length=torch.tensor([len(made.waveform)]),
            )
            states = seen.pop().double()
            inputs.append(states)
            wanted.append(_logits(made, len(states)))
    hook.remove()
    x, y = torch.cat(inputs), torch.cat(wanted)
    x = torch.cat((x, torch.ones(len(x), 1, dtype=x.dtype)), dim=1)
    solved = torch.linalg.solve(x.T @ x + _RIDGE * torch.eye(x.shape[1], dtype=x.dtype), x.T @ y)
    with torch.no_grad():
        layer.weight.copy_(solved[:-1].T)
        layer.bias.copy_(solved[-1])
    model.save_to(str(target))


def _logits(made: Meeting, frames: int) -> torch.Tensor:
    logits = torch.full((frames, _SPEAKERS), -_LOGIT, dtype=torch.float64)
    for start, end, voice in made.turns:
        logits[round(start / _FRAME_S) : round(end / _FRAME_S), voice] = _LOGIT
    return logits
