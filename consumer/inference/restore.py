"""NeMo models out of `.nemo` files."""

import importlib
import tempfile
from pathlib import Path
from typing import Any

from consumer.errors import ExitCode, FatalError
from consumer.inference.quiet import quiet
from consumer.inference.results import SAMPLE_RATE
from consumer.inference.unpack import unpack


def restore(path: Path, kind: str, device: str) -> Any:
    """The model of class `kind` (a name in `nemo.collections.asr.models`), ready for inference.

    Raises `FatalError` (CHECKPOINT) for a damaged file, another kind of model, or one made for
    another sample rate. NeMo is imported here, at the first call (over ten seconds).
    """
    with quiet():
        wanted = getattr(importlib.import_module("nemo.collections.asr.models"), kind)
        try:
            with tempfile.TemporaryDirectory() as folder:
                unpack(path, Path(folder))
                connectors = importlib.import_module("nemo.core.connectors.save_restore_connector")
                connector = connectors.SaveRestoreConnector()
                connector.model_extracted_dir = folder
                model = wanted.restore_from(
                    str(path), map_location=device, save_restore_connector=connector
                )
        except Exception as error:  # anything comes out: tarfile, pickle, hydra, torch
            why = (str(error).strip() or repr(error)).partition("\n")[0]
            raise FatalError(
                ExitCode.CHECKPOINT,
                f"{path} cannot be restored as a {kind} ({why}): get the file again, "
                "or name another checkpoint",
            ) from error
    rate = model.cfg.preprocessor.sample_rate if isinstance(model, wanted) else None
    if rate != SAMPLE_RATE:
        what = f"was made for audio of {rate} Hz" if rate else f"holds a {type(model).__name__}"
        raise FatalError(
            ExitCode.CHECKPOINT,
            f"{path} {what}; name a {kind} for audio of {SAMPLE_RATE} Hz",
        )
    return model.eval()
