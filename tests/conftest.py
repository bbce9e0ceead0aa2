"""What every test may use; the fixtures themselves are in `tests/brokers/`."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.brokers.parts", "tests.brokers.fixtures"]

# Hypothesis' own limits, 200 ms an example and a second for ten, measure how busy the machine is.
settings.register_profile(
    "no-deadline", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("no-deadline")
