"""The service with a decoder that crashes or hangs on certain first bytes."""

from consumer.audio import pool
from consumer.cli import main

if __name__ == "__main__":
    defaults = pool.DecodePool.__init__.__kwdefaults__
    assert defaults is not None
    defaults["decoder"] = "tests.integration.audio.unruly:decode"
    main()
