"""Alert rules for Prometheus, their tests, and the programs that run them."""

from deploy.prometheus.package import find, missing

__all__ = ["find", "missing"]
