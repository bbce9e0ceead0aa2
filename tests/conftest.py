"""What every test may use; the fixtures themselves are in `tests/brokers/`."""

from hypothesis import settings

pytest_plugins = ["tests.brokers.parts", "tests.brokers.fixtures"]

# Hypothesis' own 200 ms an example measure how busy the machine is.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")
