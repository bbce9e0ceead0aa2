"""Alert rules for Prometheus, their tests, and the program that runs those."""

from deploy.prometheus.promtool import find, missing

__all__ = ["find", "missing"]
