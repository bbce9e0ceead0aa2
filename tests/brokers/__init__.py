"""Real brokers for tests, and what tests do to them."""
