"""A real schema registry on loopback, for tests of the Confluent wire format."""

from deploy.registry.server import SchemaRegistry, SchemaRegistryError

__all__ = ["SchemaRegistry", "SchemaRegistryError"]
