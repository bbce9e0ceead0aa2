"""Where decoded audio belongs by its container's clock."""

from fractions import Fraction

from av.audio.frame import AudioFrame

# Timestamps are rounded, in WebM to milliseconds, and the first frame may lack an encoder's delay.
_SMALLEST_GAP_S = Fraction(50, 1000)


class Timeline:
    """Finds what was left out between two frames: pauses, silence that was not sent, lost packets.

    It counts from the first frame, whatever its timestamp. Differences below 50 ms are not gaps,
    but add up: no frame is earlier than its timestamp by more than that. Overlaps are left alone.
    """

    def __init__(self) -> None:
        self._start: Fraction | None = None

    def missing(self, frame: AudioFrame, before: int) -> int:
        """How many samples (of one channel) lack between the `before` first ones and `frame`."""
        if frame.pts is None or frame.time_base is None:
            return 0
        begins = frame.pts * frame.time_base - Fraction(before, frame.sample_rate)
        if self._start is None:
            self._start = begins
        gap = begins - self._start
        return round(gap * frame.sample_rate) if gap > _SMALLEST_GAP_S else 0
