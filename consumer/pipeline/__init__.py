"""Fetch, decode and inference, running ahead of one another within bounded memory."""
