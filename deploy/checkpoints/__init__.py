"""The recipe of the compact pair of checkpoints: ``python -m deploy.checkpoints --help``."""
