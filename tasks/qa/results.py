import contextlib
import json
import os

from biocodes.lib import files, squad, squad_scores
from finetuning import command_line, output_dir
from finetuning.command_line import log
from tasks.qa import decoding

PREDICTIONS = "predictions.json"
NBEST = "nbest_predictions.json"
NULL_ODDS = "null_odds.json"
SCORES = "eval_results.txt"
RESULTS = (PREDICTIONS, NBEST, NULL_ODDS, SCORES)


# Writing


def windows_by_example(count, data, predictions):
    """Yields the windows of example 0, 1, … as they are predicted, a list for each.

    Args:
      count: examples; one without a word in its context has no windows.
      data: RecordFile of the windows, in the order of the examples.
      predictions: iterable of (index, dict of logits [S]), see make_head.

    Yields:
      lists of qa_decoding.Window.
    """
    stream = ((data[index], prediction) for index, prediction in predictions)
    following = next(stream, None)
    for example in range(count):
        windows = []
        while following and following[0]["example_index"] == example:
            windows.append(_window(*following))
            following = next(stream, None)
        yield windows


def _window(features, prediction):
    length = len(features["input_ids"])
    return decoding.Window(
        prediction["start_logits"][:length],
        prediction["end_logits"][:length],
        features["input_ids"],
        features["word_index"],
        features["max_context"],
    )


def find_text(example, tokenizer, verbose):
    """Makes the function (window, start, end) → text of a span in an example's context.

    Where the pieces cannot be traced to characters, the text is that of their words.

    Args:
      example: squad.Example.
      tokenizer: FullTokenizer.
      verbose: whether to log each time that happens.
    """
    words = squad.words_of(example.context)

    def text_of(window, start, end):
        first, last = window.word_index[start], window.word_index[end]
        text = " ".join(words[first : last + 1])
        ids = window.input_ids[start : end + 1].tolist()
        pieces = tokenizer.convert_ids_to_tokens(ids)
        found = decoding.original_text(pieces, text, tokenizer.basic_tokenizer)
        if found is None and verbose:
            log.info(
                "question %s: no %r in %r, which is taken as a whole",
                example.id,
                decoding.spell(pieces),
                text,
            )
        return text if found is None else found

    return text_of


@contextlib.contextmanager
def json_object(stream):
    """Makes of a text stream a JSON object, entry by entry.

    Yields:
      function (key, value) that writes an entry. The file looks as if json.dump had
      written all of it with indent=4, and the entries need not be in memory together.
    """
    before = ["{"]

    def write(key, value):
        entry = json.dumps({key: value}, indent=4)
        stream.write(before[0] + entry[len("{") : -len("\n}")])
        before[0] = ","

    yield write
    stream.write("{}\n" if before == ["{"] else "\n}\n")


def nbest_entries(answers):
    """list of qa_decoding.Answer → their JSON value."""
    return [
        {
            "text": answer.text,
            "probability": probability,
            "start_logit": answer.start_logit,
            "end_logit": answer.end_logit,
        }
        for answer, probability in zip(answers, decoding.probabilities(answers))
    ]


def write_predictions(folder, decisions, with_null):
    """Writes predictions.json, nbest_predictions.json and perhaps null_odds.json.

    Args:
      folder: where they go; other results of an earlier prediction there are removed.
      decisions: iterable of (id, qa_decoding.Decision).
      with_null: whether there are null_odds.

    Returns:
      dict of id → text.
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
            write[NBEST](name, nbest_entries(decision.nbest))
            if with_null:
                write[NULL_ODDS](name, decision.null_odds)
    return texts


def report(folder, golds, texts, step):
    """Scores the answers where that can be; logs scores, writes eval_results.txt.

    Args:
      folder: where it goes.
      golds: [(id, gold texts)] of the questions that have gold answers.
      texts: dict of id → predicted text.
      step: training step of the checkpoint.
    """
    log.info("the answers: %s", os.path.join(folder, PREDICTIONS))
    if not golds:
        log.info("no gold answers in predict_file, so no scores")
        return
    scores = squad_scores.evaluate(golds, texts)
    results = {name: round(value, 4) for name, value in scores.items()}
    results["global_step"] = step
    command_line.log_results("Eval results", output_dir.result_lines(results))
    output_dir.write_results(folder, SCORES, results)


# The command


def decide_all(examples, data, predictions, tokenizer, limits, verbose):
    """Yields (id, qa_decoding.Decision) for each question.

    Args:
      examples: list of squad.Example.
      data, predictions: see windows_by_example.
      tokenizer: FullTokenizer.
      limits: qa_decoding.Limits.
      verbose: see find_text.
    """
    groups = windows_by_example(len(examples), data, predictions)
    for example, windows in zip(examples, groups):
        text_of = find_text(example, tokenizer, verbose)
        yield example.id, decoding.decide(windows, text_of, limits)
