"""What to say where S3's credentials were looked for in vain."""

# Of the metadata service, which the client asks last: on a machine without one, its refusal is all
# that is left to report.
_LAST_PLACES = ("/latest/api/token", "/latest/meta-data/iam/")


def explained(message: str) -> str:
    """A store's error, and how to give it credentials where it found none."""
    if not any(place in message for place in _LAST_PLACES):
        return message
    return (
        f"{message}; no credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY "
        "(docs/stores.md)"
    )
