"""The service under test: an installation of topics and objects, and its process."""
