"""Output folders of runs, made up: what a report is made of, and runs compared by."""

import json

from kit.small_input import write, write_json

RECORD = {
    "command": ["run_x.py", "--learning_rate=3e-5", "--output_dir=out"],
    "arguments": {"learning_rate": 3e-5, "seed": 1, "output_dir": "out"},
    "versions": {"python": "3.7.9"},
}


def write_records(folder, scores, **facts):
    """Write run.json and scores.json; scores: file → measure → value."""
    folder.mkdir(parents=True, exist_ok=True)
    record = dict(RECORD, **facts)
    write_json(folder / "run.json", dict(record, training={}))
    checkpoint = {"step": 20, "is_best": True, "digest": "ab"}
    training = {"steps": 20, "seconds": 9.5, "examples_per_second": 4.5}
    written = dict(record, checkpoint=checkpoint, training=training, changed=["seed"])
    write_json(folder / "scores.json", dict(written, scores=scores, device="CPU"))
    return folder


def write_curves(folder):
    """Write training.jsonl and evaluations.json of twenty steps."""
    points = [
        {"step": step, "epoch": step / 10, "loss": 400 / step, "learning_rate": 3e-5}
        for step in range(2, 21, 2)
    ]
    write(folder / "training.jsonl", "".join(json.dumps(p) + "\n" for p in points))
    entries = [
        {"step": step, "epoch": step / 10, "seconds": 0.5, "scores": {"f1": f1}}
        for step, f1 in ((10, 0.5), (20, 0.25))
    ]
    write_json(folder / "evaluations.json", entries)


def write_entities(folder, sentences):
    """Write NER_result_conll.txt; sentences: lists of (word, gold, predicted)."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = ["".join(" ".join(word) + "\n" for word in each) for each in sentences]
    write(folder / "NER_result_conll.txt", "".join(text + "\n" for text in texts))
    return folder


def write_relations(folder, rows, labels=("0", "1")):
    """Write the results of run_re.py, and test.tsv in the folder "data" beside it.

    Args:
      folder: the output folder.
      rows: (sentence, gold label, probabilities) of each.
      labels: in the order of the probabilities.
    """
    data = folder.parent / "data"
    for path in (folder, data):
        path.mkdir(parents=True, exist_ok=True)
    gold, predicted = ["index\tsentence\tlabel\n"], ["\t".join(["index", "label"])]
    predicted[0] += "".join(f"\t{label}" for label in labels) + "\n"
    for number, (sentence, label, shares) in enumerate(rows):
        gold.append(f"{number}\t{sentence}\t{label}\n")
        best = labels[max(range(len(labels)), key=shares.__getitem__)]
        cells = [str(number), best, *map(str, shares)]
        predicted.append("\t".join(cells) + "\n")
    write(data / "test.tsv", "".join(gold))
    write(folder / "test_predictions.tsv", "".join(predicted))
    return data


def write_answers(folder, questions):
    """Write the results of run_qa.py, and the questions; return the path of those.

    Args:
      folder: the output folder.
      questions: (question, context, gold texts, predicted text) of each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paragraphs, texts, lists = [], {}, {}
    for number, (question, context, golds, predicted) in enumerate(questions):
        name = f"q{number}"
        answers = [{"text": text, "answer_start": 0} for text in golds]
        asked = {"id": name, "question": question, "answers": answers}
        paragraphs.append({"context": context, "qas": [asked]})
        texts[name] = predicted
        lists[name] = [
            {"text": text, "probability": share}
            for text, share in ((predicted, 0.75), ("another", 0.25))
        ]
    write_json(folder / "predictions.json", texts)
    write_json(folder / "nbest_predictions.json", lists)
    path = folder.parent / "questions.json"
    write_json(path, {"data": [{"paragraphs": paragraphs}]})
    return path


def write_decisions(folder, questions):
    """Write the results of yes/no questions, and the questions; return their path.

    Args:
      folder: the output folder.
      questions: (question, context, gold answer, logit of yes) of each.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paragraphs, predicted, shares = [], {}, {}
    for number, (question, context, gold, logit) in enumerate(questions):
        name, word = f"q{number}", "yes" if logit > 0 else "no"
        asked = {"id": name, "question": question, "answers": gold}
        paragraphs.append({"context": context, "qas": [asked]})
        predicted[name] = [word, [logit]]
        shares[name] = {"yes": 0.5 + logit / 8, "no": 0.5 - logit / 8}
    write_json(folder / "predictions.json", predicted)
    write_json(folder / "probabilities.json", shares)
    path = folder.parent / "questions.json"
    write_json(path, {"data": [{"paragraphs": paragraphs}]})
    return path
