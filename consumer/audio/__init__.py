"""Audio: a reference becomes bytes, bytes become 16 kHz mono float32."""
