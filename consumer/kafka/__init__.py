"""Kafka: what is polled, what is owned, what is committed. Knows nothing of audio."""
