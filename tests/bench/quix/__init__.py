"""The same outputs by a quixstreams application, in an environment of its own."""
