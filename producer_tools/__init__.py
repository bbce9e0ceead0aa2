"""Tools for both ends of the stream: publishing chunks, reading and linking results."""
