"""Sentences that are longer than the model takes, and entities that the cut costs."""

import re
from typing import Dict

from finetuning.console import log
from finetuning.records import RecordFile
from tokenization import FullTokenizer

# As the corpora write the two entities of a sentence: @GENE$, @DISEASE$.
PLACEHOLDER = re.compile(r"@[^\s@$]+\$")


def lost_placeholders(sentence: str, tokenizer: FullTokenizer, kept: int) -> int:
    """Count entity placeholders (@GENE$) that reach beyond the first `kept` pieces."""
    *_, (_, _, end) = tokenizer.tokenize_with_offsets(sentence)[:kept]
    return sum(match.end() > end for match in PLACEHOLDER.finditer(sentence))


def report_cuts(
    data: Dict[str, RecordFile], file_names: Dict[str, str], limit: int
) -> None:
    """Log how many sentences were cut, and warn when that has cost entities.

    Args:
      data: phase → records, which have `pieces` and `lost`.
      file_names: phase → name of its file.
      limit: max_seq_length.
    """
    longest, cut, lost = 0, [], []
    for phase, examples in data.items():
        pieces, losses = zip(*((each["pieces"], each["lost"]) for each in examples))
        longest = max(longest, *pieces)
        for count, texts in (
            (sum(number > limit for number in pieces), cut),
            (sum(number > 0 for number in losses), lost),
        ):
            if count:
                texts.append(f"{count:,} of {len(examples):,} in {file_names[phase]}")
    log.info(
        "sentences cut at --max_seq_length=%d: %s; the longest has %s pieces",
        limit,
        ", ".join(cut) or "none",
        f"{longest:,}",
    )
    if lost:
        log.warning(
            "sentences with an entity (@…$) in the part cut off: %s; raise"
            " --max_seq_length",
            ", ".join(lost),
        )
