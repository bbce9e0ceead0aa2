"""Inference: waveforms become segments, confidences and fingerprints. Works on arrays alone."""
