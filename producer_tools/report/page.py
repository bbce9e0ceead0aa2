"""The page itself: data, style and script in one file that asks nothing of any network."""

import base64
import hashlib
import json
import mimetypes
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

_SCRIPTS = (
    "elements",
    "walking",
    "playing",
    "timeline",
    "similarity",
    "calibration",
    "page",
)  # in this order
# What could end the script element the data lies in, or a line for an old JavaScript parser.
_ESCAPES = str.maketrans({c: f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"})


def page(content: Mapping[str, Any]) -> str:
    """The HTML page of what `report.content.content` returns.

    Its content security policy lets nothing run but the script written here, so that a name in
    the data can do no harm, and nothing be loaded but the audio.
    """
    assets = files(__package__) / "assets"
    style = (assets / "page.css").read_text(encoding="utf-8")
    script = "\n".join((assets / f"{name}.js").read_text(encoding="utf-8") for name in _SCRIPTS)
    policy = (
        f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}; "
        "media-src data: file: https: http: 'self'; base-uri 'none'; form-action 'none'"
    )
    data = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    template = Template((assets / "page.html").read_text(encoding="utf-8"))
    return template.substitute(
        policy=policy, style=style, script=script, data=data.translate(_ESCAPES)
    )


def embedded(path: Path) -> str:
    """An audio file as a `data:` URL, for a page that plays without its neighbours."""
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def _digest(text: str) -> str:
    """A source expression of Content Security Policy Level 3, section 2.3.1."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
