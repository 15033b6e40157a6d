"""Pages that the suite writes: their markup checked, and shown by a browser."""

import html.parser
import shutil
import subprocess
from collections import Counter

import pytest

BROWSER = next(
    filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])),
    None,
)
in_browser = pytest.mark.skipif(BROWSER is None, reason="there is no Chromium on PATH")


class Strict(html.parser.HTMLParser):
    """Checks that elements are closed in order; collects texts and attributes."""

    VOID = {"meta", "input"}

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.attributes = [], Counter(), []
        self.texts, self.addresses = {}, []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags[tag] += 1
        self.attributes.append((tag, dict(attributes)))
        assert len(dict(attributes)) == len(attributes)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        for tag in set(self.open):
            self.texts[tag] = self.texts.get(tag, "") + data

    def unknown_decl(self, data):
        raise AssertionError(data)

    handle_comment = handle_pi = unknown_decl


def browse(path, folder, fragment="", *flags):
    """Open a page in a headless Chromium, which gives its standard output.

    Args:
      path: pathlib.Path of the page.
      folder: for what the browser keeps.
      fragment: of the address, "#types=A".
      flags: of the browser.
    """
    done = subprocess.run(
        [
            BROWSER,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            f"--user-data-dir={folder / 'profile'}",
            *flags,
            f"{path.as_uri()}{fragment}",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=120,
        check=True,
    )
    return done.stdout.decode()
