"""How good a pair of checkpoints is, measured through the service's own engine."""
