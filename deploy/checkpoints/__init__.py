"""The recipe that trains the compact pair of checkpoints: ``python -m deploy.checkpoints --help``."""
