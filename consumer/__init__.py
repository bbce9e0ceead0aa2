"""The service: audio-chunk events in, speaker events out, exactly once."""
