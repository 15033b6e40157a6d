"""Where things lie."""

import pathlib

TESTS = pathlib.Path(__file__).parent.parent
ROOT = TESTS.parent
DATA = TESTS / "data"
