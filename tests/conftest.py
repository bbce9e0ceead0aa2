"""What every test may use; the fixtures themselves are in `tests/brokers/`."""

pytest_plugins = ["tests.brokers.parts", "tests.brokers.fixtures"]
