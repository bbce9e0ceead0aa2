"""Telemetry: what the service says of itself."""
