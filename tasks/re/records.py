"""What the record of a text, or of a window of it, says beside its pieces."""

import functools
import sys
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from biocodes.lib.relations import Row
from finetuning import workers
from tasks.re.scoring import MultilabelScoring
from tasks.re.windows import EXAMPLE, WINDOW, Features, windows_of

# A row and its place in the file.
Numbered = Tuple[int, Row]


class Form(NamedTuple):
    """The form of records.

    Attributes:
      multilabel: of texts with any number of labels; None: one label each, label_id.
      limit: of windows, in pieces; None: a text is one record.
    """

    multilabel: Optional[MultilabelScoring] = None
    limit: Optional[int] = None

    @property
    def facts(self) -> Dict[str, Any]:
        """What record files rest on of it; {} by default."""
        facts: Dict[str, Any] = {}
        if self.multilabel:
            facts["multilabel"] = self.multilabel.negative
        if self.limit is not None:
            facts["long_sentences"] = WINDOW
        return facts

    def scalars(self, labelled: bool) -> List[str]:
        """Name the numbers of a record that say its labels and its text."""
        names = []
        if labelled and self.multilabel:
            count = len(self.multilabel.labels)
            names = [f"label_{number}" for number in range(count)]
        elif labelled:
            names = ["label_id"]
        return names + [EXAMPLE] * (self.limit is not None)

    def records(
        self, featurize: Callable[[Row, int], Features], numbered: Numbered, cut: int
    ) -> List[Features]:
        """Return the features of each record of a text.

        Args:
          featurize: function of (row, pieces at most) → features of a text.
          numbered: the row, and its place in the file.
          cut: pieces at most, where there are no windows.
        """
        index, row = numbered
        whole = featurize(row, sys.maxsize if self.limit else cut)
        if self.multilabel and row.label is not None:
            (labels,) = self.multilabel.gold_of([row])
            whole.update((f"label_{i}", int(has)) for i, has in enumerate(labels))
        if self.limit is None:
            return [whole]
        return windows_of({**whole, EXAMPLE: index}, self.limit)

    def count(
        self, featurize: Callable[[Row, int], Features], rows: Sequence[Row]
    ) -> int:
        """Return how many records the rows of a file make.

        Windows are counted by cutting the texts, which takes as long as their records.
        """
        if self.limit is None:
            return len(rows)
        count_of = functools.partial(_count, self, featurize)
        numbered = enumerate(rows)
        made = workers.ordered_map(count_of, numbered, workers.processes_for(len(rows)))
        return sum(made)


def _count(form: Form, featurize: Callable[..., Any], numbered: Numbered) -> int:
    return len(form.records(featurize, numbered, sys.maxsize))


ONE_LABEL = Form()
