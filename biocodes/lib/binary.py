"""Files that are no text, told by their first bytes, and what to do with them."""

from typing import NamedTuple, Optional


class Kind(NamedTuple):
    """A kind of file: its first bytes, what it is, and what to do."""

    magic: bytes
    words: str
    remedy: str


KINDS = (
    Kind(b"%PDF-", "a PDF", "extract its text, for example with pdftotext FILE.pdf"),
    Kind(
        b"PK\x03\x04",
        "a ZIP archive, as .docx and .xlsx are",
        "save a document as plain text (UTF-8) and a table as CSV (UTF-8)",
    ),
    Kind(
        b"\xd0\xcf\x11\xe0",
        "an old .doc or .xls",
        "save it as plain text or CSV, in UTF-8",
    ),
    Kind(b"{\\rtf", "rich text", "save it as plain text (UTF-8)"),
    Kind(b"\x1f\x8b", "compressed by gzip", "unpack it first: gunzip FILE"),
    Kind(b"BZh91AY&SY", "compressed by bzip2", "unpack it first: bunzip2 FILE"),
    Kind(b"\xfd7zXZ", "compressed by xz", "unpack it first: unxz FILE"),
    Kind(b"\xff\xfe", "UTF-16", "save it as UTF-8"),
    Kind(b"\xfe\xff", "UTF-16", "save it as UTF-8"),
)


def kind_of(head: bytes) -> Optional[Kind]:
    """Return the kind of a file that is no UTF-8 text, by its beginning."""
    return next((kind for kind in KINDS if head.startswith(kind.magic)), None)
