"""The storm: the service under kills, freezes, rebalances and outages; and what came of it."""
