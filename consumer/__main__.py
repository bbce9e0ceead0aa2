"""`python -m consumer` is `speakerstream-consumer`."""

from consumer.cli import main

if __name__ == "__main__":
    main()
