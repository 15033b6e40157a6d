"""The version of the suite, in one place."""

VERSION = "2.0.0"
