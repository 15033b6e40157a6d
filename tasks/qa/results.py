"""Results of question answering: from windows to answers, their files and scores."""

import contextlib
import json
import os
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    TextIO,
    Tuple,
)

import numpy as np

from biocodes.lib import files, squad, squad_scores
from biocodes.lib.squad import Example
from finetuning import console, output_dir
from finetuning.console import log
from finetuning.evaluation import Scores
from finetuning.records import RecordFile
from finetuning.run import Run
from finetuning.windows import NO_WORD
from tasks.ensemble import mean_of_windows
from tasks.qa import decoding
from tasks.qa.decoding import Answer, Decision, Limits, TextOf, WindowLogits
from tasks.qa.windows import Predictions, by_example
from tokenization import FullTokenizer

PREDICTIONS = "predictions.json"
NBEST = "nbest_predictions.json"
NULL_ODDS = "null_odds.json"
PROBABILITIES = "probabilities.json"  # of yes/no questions
SCORES = "eval_results.txt"
# Of spans; the first one is the official measure.
METRICS = ("f1", "exact_match")
RESULTS = (PREDICTIONS, NBEST, NULL_ODDS, PROBABILITIES, SCORES)


# From windows to answers


class Questions(NamedTuple):
    """Questions that are being answered.

    Attributes:
      examples: in the order of the file.
      data: records of their windows, in the order of the examples.
      predictions: (index, start_logits [S] and end_logits [S]) of each record; or
        [M, S] of M models.
      with_padding: whether the logits of padding compete, as in the original; every
        window is then padded to the same length.
    """

    examples: Sequence[Example]
    data: RecordFile
    predictions: Predictions
    with_padding: bool = False

    def windows(self) -> Iterator[List[WindowLogits]]:
        """Yield the windows of each example as they are predicted.

        An example without a word in its context has none.
        """
        grouped = by_example(self.data, self.predictions, len(self.examples))
        for windows in grouped:
            logits = [window_of(*window, self.with_padding) for window in windows]
            of_several = logits and logits[0].start_logits.ndim > 1
            yield mean_of_windows(logits) if of_several else logits


def window_of(
    features: Dict[str, Any],
    prediction: Dict[str, np.ndarray],
    with_padding: bool = False,
) -> WindowLogits:
    """Put together what the model says of a window.

    Args:
      features: of the window, without padding.
      prediction: start_logits and end_logits [S], of its pieces and perhaps padding; or
        [M, S], of M models.
      with_padding: whether padding stays, as pieces that are of no word.
    """
    logits = [prediction["start_logits"], prediction["end_logits"]]
    length = len(features["input_ids"])
    if not with_padding:
        logits = [values[..., :length] for values in logits]
    padding = logits[0].shape[-1] - length
    of_padding = {"input_ids": 0, "word_index": NO_WORD, "max_context": 0}
    of_pieces = [
        np.append(features[name], np.full(padding, value, np.int32))
        for name, value in of_padding.items()
    ]
    return WindowLogits(*logits, *of_pieces)


def decide_all(
    questions: Questions, tokenizer: FullTokenizer, limits: Limits, verbose: bool
) -> Iterator[Tuple[str, Decision]]:
    """Yield (id, Decision) of each question.

    Args:
      questions: with the predictions of their windows.
      tokenizer: of the model.
      limits: what is an answer.
      verbose: whether to log answers that cannot be found back in the text.
    """
    for example, windows in zip(questions.examples, questions.windows()):
        text_of = make_text_of(example, tokenizer, verbose)
        yield example.id, decoding.decide(windows, text_of, limits)


def make_text_of(example: Example, tokenizer: FullTokenizer, verbose: bool) -> TextOf:
    """Make the function that finds the text of a span in an example's context.

    Where the pieces cannot be traced to characters, the text is that of their words.
    """
    words = squad.words_of(example.context)

    def text_of(window: WindowLogits, start: int, end: int) -> str:
        first, last = window.word_index[start], window.word_index[end]
        text = " ".join(words[first : last + 1])
        ids = window.input_ids[start : end + 1].tolist()
        pieces = tokenizer.convert_ids_to_tokens(ids)
        original = decoding.original_text(pieces, text, tokenizer.basic_tokenizer)
        if original is None and verbose:
            log.info(
                "question %s: no %r in %r, which is taken as a whole",
                example.id,
                decoding.spell(pieces),
                text,
            )
        return text if original is None else original

    return text_of


# Files


def write_predictions(
    folder: str,
    decisions: Iterable[Tuple[str, Decision]],
    with_null: bool,
    asked: Optional[Dict[str, str]] = None,
) -> Dict[str, str]:
    """Write predictions.json, nbest_predictions.json and perhaps null_odds.json.

    Args:
      folder: where they go; other results of an earlier prediction there are removed.
      decisions: (id, Decision) of each question.
      with_null: whether there are null_odds.
      asked: id → text of the question, which goes into each entry of the n-best lists;
        default: that they have none.

    Returns:
      id → text.
    """
    texts = {}
    names = [PREDICTIONS, NBEST] + ([NULL_ODDS] if with_null else [])
    paths = [os.path.join(folder, name) for name in names]
    outdated = [os.path.join(folder, name) for name in set(RESULTS).difference(names)]
    with contextlib.ExitStack() as stack:
        streams = stack.enter_context(files.whole_files(paths, outdated))
        write = {
            name: stack.enter_context(json_object(stream))
            for name, stream in zip(names, streams)
        }
        for name, decision in decisions:
            texts[name] = decision.text
            write[PREDICTIONS](name, decision.text)
            question = {} if asked is None else {"question_text": asked[name]}
            entries = nbest_entries(decision.nbest)
            write[NBEST](name, [dict(entry, **question) for entry in entries])
            if with_null:
                write[NULL_ODDS](name, decision.null_odds)
    return texts


@contextlib.contextmanager
def json_object(stream: TextIO) -> Iterator[Callable[[str, Any], None]]:
    """Make of a text stream a JSON object, entry by entry.

    Yields:
      function (key, value) that writes an entry. The file looks as if json.dump had
      written all of it with indent=4, and the entries need not be in memory together.
    """
    before = ["{"]

    def write(key: str, value: Any) -> None:
        entry = json.dumps({key: value}, indent=4)
        stream.write(before[0] + entry[len("{") : -len("\n}")])
        before[0] = ","

    yield write
    stream.write("{}\n" if before == ["{"] else "\n}\n")


def nbest_entries(answers: Sequence[Answer]) -> List[Dict[str, Any]]:
    """Return the JSON value of an n-best list."""
    return [
        {
            "text": answer.text,
            "probability": probability,
            "start_logit": answer.start_logit,
            "end_logit": answer.end_logit,
        }
        for answer, probability in zip(answers, decoding.probabilities(answers))
    ]


def measures(golds: Sequence[Tuple[str, List[str]]], texts: Dict[str, str]) -> Scores:
    """Score answers: f1 and exact_match, from 0 to 1.

    Args:
      golds: (id, gold texts) of the questions that have gold answers, one at least.
      texts: id → predicted text.
    """
    scores = squad_scores.evaluate(golds, texts)
    return {name: scores[name] / 100 for name in METRICS}


def report(
    run: Run, golds: Sequence[Tuple[str, List[str]]], texts: Dict[str, str]
) -> None:
    """Score the answers where that can be; log scores and write eval_results.txt.

    Args:
      run: with the model that answered.
      golds: (id, gold texts) of the questions that have gold answers.
      texts: id → predicted text.
    """
    log.info("the answers: %s", os.path.join(run.folder, PREDICTIONS))
    if not golds:
        log.info("no gold answers in predict_file, so no scores")
        return
    scores = squad_scores.evaluate(golds, texts)
    results = {name: round(value, 4) for name, value in scores.items()}
    write_scores(run, results, measures(golds, texts))


def write_scores(run: Run, results: Dict[str, Any], shares: Scores) -> None:
    """Log results, write eval_results.txt, and note the scores for scores.json.

    Args:
      run: with the model that answered.
      results: what the file gets; global_step is added.
      shares: scores from 0 to 1 by name.
    """
    results["global_step"] = run.step
    console.log_results("Eval results", output_dir.result_lines(results))
    output_dir.write_results(run.folder, SCORES, results)
    file = os.path.basename(run.settings.arguments["predict_file"])
    run.board.add(file, shares)
