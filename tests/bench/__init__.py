"""What a chunk costs, measured side by side: `python -m tests.bench`, or `make bench`."""
