"""Voice embeddings of windows of speech, from NeMo's TitaNet.

NeMo's `batch_inference` repeats short clips up to the longest one of the batch, so an embedding
depends on its mates. Here the model's own `forward` gets zero padding with lengths, which its
convolutions, its squeeze-and-excitation and its pooling mask.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager

import numpy as np
import torch
from numpy.typing import NDArray

from consumer.inference.batches import stack
from consumer.inference.checkpoints import Checkpoint
from consumer.inference.features import MelFeatures
from consumer.inference.jasper import Jasper
from consumer.inference.pooling import AttentivePooling
from consumer.inference.restore import restore
from consumer.inference.results import Waveform
from consumer.inference.rewrites import fold_batch_norms, keep_in_bf16


class TitaNet:
    """A restored embedder on a device."""

    def __init__(self, checkpoint: Checkpoint, device: str, *, bf16: bool) -> None:
        """Raises `FatalError` (CHECKPOINT) for a checkpoint that is no speaker model."""
        self._model = restore(checkpoint.path, "EncDecSpeakerLabelModel", device)
        featurizer = self._model.preprocessor.featurizer
        featurizer.dither, featurizer.pad_to = 0.0, 0
        if MelFeatures.replaces(featurizer):
            self._model.preprocessor.featurizer = MelFeatures(featurizer)
        self._device = device
        self._bf16 = bf16
        if device == "cpu" and Jasper.replaces(self._model.encoder):
            self._model.encoder = Jasper(self._model.encoder).eval()
        else:
            fold_batch_norms(self._model.encoder)
        pooling = self._model.decoder._pooling
        if AttentivePooling.replaces(pooling):
            self._model.decoder._pooling = AttentivePooling(pooling).eval()
        if bf16:
            keep_in_bf16(self._model)

    @torch.inference_mode()
    def embed(self, windows: Sequence[Waveform]) -> list[NDArray[np.float32]]:
        """One embedding per window as the model gives it, not normalised: shape (dimensions,)."""
        signal, lengths = stack(windows, self._device)
        features, frames = self._model.preprocessor(input_signal=signal, length=lengths)
        most = int(self._model.preprocessor.featurizer.get_seq_len(torch.tensor(signal.shape[1])))
        with self._autocast():
            states, frames = self._model.encoder(audio_signal=features[:, :, :most], length=frames)
            _, embeddings = self._model.decoder(encoder_output=states, length=frames)
        return list(embeddings.float().cpu().numpy())

    def _autocast(self) -> AbstractContextManager[object]:
        return torch.autocast(
            torch.device(self._device).type, dtype=torch.bfloat16, enabled=self._bf16
        )
