"""A decoder whose module takes its time to import: its processes are not ready at once."""

import time

from consumer.audio.decode import decode

__all__ = ["decode"]

time.sleep(2)
