"""What can go wrong with an event's bytes or with the registry."""


class SchemaError(Exception):
    """Base of the errors of this package."""


class MalformedEventError(SchemaError, ValueError):
    """The bytes, or the values in them, are no valid record. Trying again cannot help."""


class UnknownSchemaError(SchemaError):
    """The schema an event names is known neither here nor to the registry, which said so."""


class RegistryUnavailableError(SchemaError):
    """The registry gave no answer. Says nothing about the event: try again later."""
