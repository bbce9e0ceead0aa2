"""Programs and libraries nobody here wrote, to read and write the events with."""
