"""A decoder that does, by the first bytes, what decoders do on their worst days."""

import ctypes
import os
import signal
import time

import numpy as np

from consumer.audio.decode import DecodeLimits
from consumer.audio.decode import decode as honest
from consumer.inference.results import Waveform


def decode(data: bytes, *, channel: int | None, limits: DecodeLimits) -> Waveform:
    match data.partition(b":")[0]:
        case b"segfault":
            ctypes.string_at(0)
        case b"abort":
            os.abort()
        case b"exit":
            os._exit(0)
        case b"spin":
            while True:
                pass
        case b"hang":  # in native code, with the interpreter lock held
            ctypes.PyDLL(None).sleep(3600)
        case b"memory":
            bytearray(64 * 1024**3)
        case b"bug":
            raise ZeroDivisionError("a bug")
        case b"write":
            with open("/tmp/decoder-was-here", "wb") as file:  # noqa: PTH123
                file.write(b"x" * 100_000)
        case b"killed":
            time.sleep(0.3)  # time for the test to do it
        case b"nap":
            time.sleep(float(data.partition(b":")[2]))
        case b"terminated":
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)
        case b"secret":
            return np.array([sum("SECRET" in name for name in os.environ)], np.float32)
        case _:
            return honest(data, channel=channel, limits=limits)
    return np.zeros(1, np.float32)
