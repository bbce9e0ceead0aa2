"""Speaker probabilities of a batch of waveforms, from NeMo's Sortformer.

NeMo's `diarize()` is not used: it writes files, builds a data loader and empties the device's
cache at every call, and scales by the maximum of the whole batch, so that a loud neighbour changes
a quiet chunk. Here preprocessor, encoder and head run as `SortformerEncLabelModel.forward` runs
them, with the scale taken per row. A row alone equals `diarize()`; with mates it does not move.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch

from consumer.errors import ExitCode, FatalError
from consumer.inference.attention import replace_attention
from consumer.inference.batches import stack
from consumer.inference.checkpoints import Checkpoint
from consumer.inference.conformer import replace_convolutions
from consumer.inference.features import MelFeatures
from consumer.inference.intervals import UNIT_S
from consumer.inference.masks import unpadded
from consumer.inference.options import StreamingCache
from consumer.inference.restore import restore
from consumer.inference.results import SAMPLE_RATE, Waveform
from consumer.inference.rewrites import keep_in_bf16
from consumer.inference.segments import Probabilities
from consumer.inference.subsampling import Subsampling, skip_full_masks


class Sortformer:
    """A restored diarizer on a device.

    `streaming` is True for the kind with a speaker cache. `units` is the number of 10 ms steps in
    a frame of the output. All of it comes from the model's configuration.
    """

    def __init__(
        self, checkpoint: Checkpoint, device: str, *, bf16: bool, cache: StreamingCache
    ) -> None:
        """Raises `FatalError` for a checkpoint that is no Sortformer or a cache it refuses."""
        self._model = restore(checkpoint.path, "SortformerEncLabelModel", device)
        self._device = device
        self._bf16 = bf16
        config = self._model.cfg
        hop = round(config.preprocessor.window_stride * SAMPLE_RATE)
        # An encoder may halve its frames once more, between its layers.
        reduced = config.encoder.reduction_factor if config.encoder.get("reduction") else 1
        frame = config.encoder.subsampling_factor * reduced * hop
        self.units = round(frame / (UNIT_S * SAMPLE_RATE))
        # Normalising over one feature frame has no standard deviation, and none fails in the
        # encoder: shorter audio is filled up with silence to two, or to a whole frame where the
        # encoder leaves out what is less.
        self._least_samples = 2 * hop if reduced == 1 else frame
        self.streaming = bool(self._model.streaming_mode)
        self._prepare()
        if self.streaming:
            self._set_cache(cache)

    def _prepare(self) -> None:
        featurizer = self._model.preprocessor.featurizer
        featurizer.dither, featurizer.pad_to = 0.0, 0
        if MelFeatures.replaces(featurizer):
            self._model.preprocessor.featurizer = MelFeatures(featurizer)
        subsampling = self._model.encoder.pre_encode
        if Subsampling.replaces(getattr(subsampling, "conv", None)):
            subsampling.conv = Subsampling(subsampling.conv)
        skip_full_masks(self._model.encoder)
        replace_attention(self._model)
        if self._device == "cpu":
            replace_convolutions(self._model)
        if self._bf16:
            # NeMo's streaming step runs encoder and head as one; otherwise the head stays in fp32.
            keep_in_bf16(self._model if self.streaming else self._model.encoder)

    def _set_cache(self, cache: StreamingCache) -> None:
        modules = self._model.sortformer_modules
        for name, value in asdict(cache).items():
            setattr(modules, name, value)
        try:
            modules._check_streaming_parameters()
        except (TypeError, ValueError) as error:
            raise FatalError(ExitCode.SETTINGS, f"streaming cache settings: {error}") from error

    def probabilities(self, waveforms: Sequence[Waveform]) -> list[Probabilities]:
        """Per waveform its own frames: shape (frames, speakers), float32, on the CPU.

        Any length from one sample up. The streaming kind takes one row after the other: its cache
        keeps the best frames, and a near tie among those could fall otherwise in a batch.
        """
        if not self.streaming:
            return self._offline(waveforms)
        return [self._streamed(waveform) for waveform in waveforms]

    @torch.inference_mode()
    def _offline(self, waveforms: Sequence[Waveform]) -> list[Probabilities]:
        features, lengths = self._features([self._scaled(waveform) for waveform in waveforms])
        with self._autocast():
            states, frames = self._model.frontend_encoder(
                processed_signal=features, processed_signal_length=lengths
            )
        # The head compares frames: rounding moves what is nearly undecided, and it is small.
        rows = self._infer(states.float(), frames)
        # Here the batch is waited for, once: what is asked for before this is known on the host.
        found, counts = rows.float().cpu().numpy(), frames.tolist()
        return [row[:count].copy() for row, count in zip(found, counts, strict=True)]

    def _infer(self, states: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
        """As `forward_infer`, without a mask when nothing is to be masked."""
        if not unpadded(frames, states.shape[1]):
            masked: torch.Tensor = self._model.forward_infer(states, frames)
            return masked
        found = self._model.transformer_encoder(encoder_states=states, encoder_mask=None)
        rows: torch.Tensor = self._model.sortformer_modules.forward_speaker_sigmoids(found)
        return rows

    def _scaled(self, waveform: Waveform) -> Waveform:
        """The waveform as NeMo scales it alone: by its maximum (not the largest magnitude)."""
        signal = torch.as_tensor(waveform, dtype=torch.float32)
        divisor = signal.max() + self._model.eps
        scaled: Waveform = ((1 / divisor) * signal if divisor != 0 else signal).numpy()
        return scaled

    @torch.inference_mode()
    def _streamed(self, waveform: Waveform) -> Probabilities:
        features, lengths = self._features([waveform])
        modules = self._model.sortformer_modules
        state = modules.init_streaming_state(
            batch_size=1, async_streaming=self._model.async_streaming, device=self._device
        )
        rows = torch.zeros((1, 0, modules.n_spk), device=self._device)
        steps = modules.streaming_feat_loader(
            feat_seq=features,
            feat_seq_length=lengths,
            feat_seq_offset=torch.zeros_like(lengths),
        )
        with self._autocast():
            for _, chunk, chunk_lengths, left, right in steps:
                state, rows = self._model.forward_streaming_step(
                    processed_signal=chunk,
                    processed_signal_length=chunk_lengths,
                    streaming_state=state,
                    total_preds=rows,
                    left_offset=left,
                    right_offset=right,
                )
        answer: Probabilities = rows[0].float().cpu().numpy()
        return answer

    def _features(self, waveforms: Sequence[Waveform]) -> tuple[torch.Tensor, torch.Tensor]:
        """Mel features (rows, features, longest) and their lengths in feature frames."""
        least = self._least_samples
        longest = max(least, *map(len, waveforms))
        signal, lengths = stack(waveforms, self._device)
        signal = torch.nn.functional.pad(signal, (0, longest - signal.shape[1]))
        features, counts = self._model.preprocessor(
            input_signal=signal, length=lengths.clamp(min=least)
        )
        most = self._model.preprocessor.featurizer.get_seq_len(torch.tensor(longest))
        return features[:, :, : int(most)], counts

    def _autocast(self) -> Any:
        return torch.autocast(
            torch.device(self._device).type, dtype=torch.bfloat16, enabled=self._bf16
        )
