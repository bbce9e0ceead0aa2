"""NeMo's and Lightning's log records go to Python's logging at DEBUG, under the name `nemo`."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

_log = logging.getLogger("nemo")

_LOUD = (
    "nemo_logger",
    "lightning.fabric",
    "lightning.pytorch",
    "lightning.pytorch.utilities.rank_zero",
    "pytorch_lightning",
    "nv_one_logger.api.config",
    "nv_one_logger.exporter.export_config_manager",
    "nv_one_logger.training_telemetry.api.training_telemetry_provider",
    "py.warnings",
)


class _Divert(logging.Filter):
    """Lets nothing through, and says it at DEBUG instead.

    A filter and not a handler: it works before the library exists (NeMo speaks while it is
    imported, with handlers of its own), and NeMo's memory handlers, which keep every record for
    ever, get none.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        _log.debug("%s: %s", record.name, record.getMessage())
        return False


_divert = _Divert()


@contextmanager
def quiet() -> Iterator[None]:
    """Around importing and restoring: what those libraries log from now on goes to DEBUG.

    Python warnings raised inside go there as well; elsewhere they are left as they were.
    """
    for name in _LOUD:
        logging.getLogger(name).addFilter(_divert)  # adding it again changes nothing
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
