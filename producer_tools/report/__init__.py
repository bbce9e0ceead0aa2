"""`speakerstream report`: one self-contained HTML page of who spoke when, from events."""
