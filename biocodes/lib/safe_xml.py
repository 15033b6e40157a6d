"""Records of an XML file, one at a time, without what makes XML dangerous.

Nothing is fetched, and no entity but XML's own five is replaced: a file that declares
entities, which may grow to gigabytes or name other files, is refused, and so is one
that uses an entity whose declaration is elsewhere, as its character would be missing.
"""

import itertools
import xml.etree.ElementTree as ElementTree
from typing import Collection, Dict, Iterable, Iterator, List, Optional, Tuple
from xml.parsers import expat

from biocodes.lib import files

MOST_DEPTH = 100
Element = ElementTree.Element


class RecordParser:
    """Makes trees of the elements of some names, as bytes come in.

    Attributes:
      root: name of the outermost element, None before it began.
    """

    def __init__(self, names: Collection[str], path: str) -> None:
        """Begin.

        Args:
          names: of the elements to make trees of.
          path: of the file, for messages.
        """
        self.root: Optional[str] = None
        self._names, self._path = names, path
        self._depth = 0
        self._builder: Optional[ElementTree.TreeBuilder] = None
        self._builder_depth = self._line = 0
        self._done: List[Tuple[int, Element]] = []
        self._parser = parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        parser.EntityDeclHandler = self._refuse_entity
        parser.SkippedEntityHandler = self._refuse_skipped

    def feed(self, block: bytes, last: bool = False) -> List[Tuple[int, Element]]:
        """Parse more of the file.

        Returns:
          (line number, tree) of each record that ended in it.

        Raises:
          InputError: it is no XML, or XML that is refused.
        """
        try:
            self._parser.Parse(block, last)
        except expat.ExpatError as error:
            reason = expat.ErrorString(error.code)
            raise files.InputError(
                f"not well-formed XML ({reason})",
                self._path,
                error.lineno,
                "is the file complete?",
            ) from error
        done, self._done = self._done, []
        return done

    def _start(self, name, attributes):
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise self._error(f"elements nested more than {MOST_DEPTH} deep")
        self.root = self.root or name
        if self._builder is None and name in self._names:
            self._builder = ElementTree.TreeBuilder()
            self._builder_depth = self._depth
            self._line = self._parser.CurrentLineNumber
        if self._builder is not None:
            self._builder.start(name, attributes)

    def _end(self, name):
        if self._builder is not None:
            self._builder.end(name)
            if self._depth == self._builder_depth:
                self._done.append((self._line, self._builder.close()))
                self._builder = None
        self._depth -= 1

    def _data(self, text):
        if self._builder is not None:
            self._builder.data(text)

    def _refuse_entity(self, name, *_):
        raise self._error(
            f"the file declares the entity {name}; such files are not read"
        )

    def _refuse_skipped(self, name, is_parameter):
        if not is_parameter:
            problem = f"the entity &{name}; is declared in no place that is read"
            raise self._error(problem, "write the character itself, or &#NUMBER;")

    def _error(self, problem, remedy=None):
        line = self._parser.CurrentLineNumber
        return files.InputError(problem, self._path, line, remedy)


def records(
    blocks: Iterable[bytes], roots: Dict[str, Collection[str]], path: str
) -> Iterator[Tuple[int, Element]]:
    """Yield (line number, tree) of each record.

    Args:
      blocks: the bytes of the file, in pieces of any size.
      roots: name of the outermost element → names of its records.
      path: of the file, for messages.

    Raises:
      InputError: it is no XML, or XML that is refused, or it has another root.
    """
    parser = RecordParser({name for names in roots.values() for name in names}, path)
    for block in itertools.chain(blocks, [None]):
        done = parser.feed(block or b"", last=block is None)
        if parser.root is not None and parser.root not in roots:
            raise files.InputError(
                f"XML of <{parser.root}>, which is not read",
                path,
                remedy="PubMed's <PubmedArticleSet> and BioC's <collection> are; PMC's"
                " articles can be had in BioC, too",
            )
        yield from done


def text_of(element: Optional[Element]) -> str:
    """Return the text in an element and in all below it, without markup.

    White space, line ends included, becomes one space; None has the text "".
    """
    return "" if element is None else " ".join("".join(element.itertext()).split())
