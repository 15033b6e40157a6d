"""What every page that the suite writes has: its head, and texts as they are."""

import base64
import hashlib
import html


def head(title: str, style: str, script: str) -> str:
    """Make all that comes before <body>.

    Args:
      title: of the page; any text.
      style: its style sheet.
      script: the only one that can run in it. Nothing can be loaded.
    """
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escaped(shown(title))}</title>\n<style>{style}</style>\n</head>\n"
    )


def shown(text: str) -> str:
    """Return a text that may have the name of a file in it which is not UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def escaped(text: str) -> str:
    """Escape a text or the value of an attribute for HTML."""
    return html.escape(text).replace("\r", "&#13;").replace("\0", "\ufffd")
