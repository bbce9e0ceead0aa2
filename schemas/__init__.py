"""The event contract: Avro schemas, the records they describe, and the codec.

Knows nothing of the service. README.md beside this file is the contract in words.
"""
