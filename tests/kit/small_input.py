"""Small good input for every script of the suite, and the flags to run it with.

Tests spoil it, or the run.
"""

import json
import shutil
import tarfile

import numpy as np

from kit.paths import DATA

EARLIER = "of an earlier run\n"
ID = "56c1f01eef6e394741000046"  # as BioASQ gives them

MODEL = [
    "--vocab_file={here}/model/vocab.txt",
    "--bert_config_file={here}/model/bert_config.json",
    "--output_dir={here}/out",
]
TRAIN = ["--init_checkpoint={here}/model/model.ckpt", "--train_batch_size=4"]
SHORT = ["--max_seq_length=48", "--num_train_epochs=1"]
# Flags of a good run of each script; `{here}` is the folder of its input.
COMMANDS = {
    "run_ner.py": [*MODEL, *TRAIN, *SHORT, "--data_dir={here}/ner", "--do_eval=true"],
    "run_re.py": [
        *MODEL,
        *TRAIN,
        *SHORT,
        "--task_name=gad",
        "--do_lower_case=false",
        "--data_dir={here}/re",
        *("--do_train=true", "--do_eval=true", "--do_predict=true"),
    ],
    "run_qa.py": [
        *MODEL,
        *TRAIN,
        *SHORT,
        "--do_lower_case=false",
        "--max_query_length=24",
        *("--do_train=true", "--train_file={here}/qa/train.json"),
        *("--do_predict=true", "--predict_file={here}/qa/test.json"),
    ],
    "biocodes/ner_detokenize.py": [
        "--token_test_path={here}/pieces/token_test.txt",
        "--label_test_path={here}/pieces/label_test.txt",
        "--answer_path={here}/pieces/test.tsv",
        "--output_dir={here}/out",
    ],
    "biocodes/conlleval.py": [],
    "biocodes/conlleval.pl": [],
    "biocodes/re_eval.py": [
        "--output_path={here}/scores/test_results.tsv",
        "--answer_path={here}/scores/test.tsv",
    ],
    "biocodes/chemprot_to_tsv.py": [
        *("--input_dir={here}/chemprot", "--output_dir={here}/out")
    ],
    "biocodes/to_corpus.py": [
        *("--input={here}/notes.pubtator", "--output_dir={here}/out")
    ],
    "biocodes/transform_nbset2bioasqform.py": [
        *("--nbest_path={here}/nbest.json", "--output_path={here}/out")
    ],
    "biocodes/transform_n2b_yesno.py": [
        *("--nbest_path={here}/yesno.json", "--output_path={here}/out")
    ],
    "biocodes/transform_n2b_list.py": [
        *("--nbest_path={here}/list.json", "--output_path={here}/out")
    ],
    "biocodes/bioasq_submission.py": [
        *("--input_path={here}/golden.json", "--output_path={here}/out/train.json"),
        "{here}/answers.json",
    ],
    "biocodes/bioasq_eval.py": ["{here}/golden.json", "{here}/answers.json"],
    "biocodes/bioasq_to_squad.py": [
        "--input_path={here}/bioasq.json",
        "--output_path={here}/out/train.json",
        "--mode=train",
    ],
    "biocodes/squad_eval.py": ["{here}/qa/test.json", "{here}/predictions.json"],
    "biocodes/make_report.py": ["{here}/runs/a"],
    "biocodes/compare_runs.py": ["{here}/runs/a", "{here}/runs/b", "--significance"],
    "biocodes/convert_checkpoint.py": [
        *("--input_dir={here}/hf", "--output_dir={here}/converted")
    ],
    "biocodes/export_model.py": [
        *("--model_dir={here}/model", "--output_dir={here}/exported", "--to=slim")
    ],
    "biocodes/unpack.py": [
        *("--archive_path={here}/archive.tar.gz", "--output_dir={here}/unpacked")
    ],
    "biocodes/entity_formats.py": [
        *("--input_path={here}/entities.jsonl", "--output_dir={here}/out"),
        "--output_formats=conll,pubtator,brat,bioc,html",
    ],
    "biocodes/merge_shards.py": [
        *("--input_dir={here}/shards", "--output_path={here}/out/entities.jsonl")
    ],
    "biocodes/conll_types.py": [
        *("--input_dir={here}/typed", "--output_dir={here}/out", "--keep=Disease")
    ],
    "examples/show_entities.py": ["--result_path={here}/table.txt"],
}
MODEL_FILES = ["model/vocab.txt", "model/bert_config.json"]
# Script → the files that it reads, as patterns.
READS = {
    "run_ner.py": [*MODEL_FILES, "ner/*.tsv"],
    "run_re.py": [*MODEL_FILES, "re/*.tsv"],
    "run_qa.py": [*MODEL_FILES, "qa/*.json"],
    "biocodes/ner_detokenize.py": ["pieces/*"],
    "biocodes/conlleval.py": ["table.txt"],
    "biocodes/conlleval.pl": ["table.txt"],
    "biocodes/re_eval.py": ["scores/*"],
    "biocodes/chemprot_to_tsv.py": ["chemprot/*/*"],
    "biocodes/transform_nbset2bioasqform.py": ["nbest.json"],
    "biocodes/transform_n2b_yesno.py": ["yesno.json"],
    "biocodes/transform_n2b_list.py": ["list.json"],
    "biocodes/bioasq_submission.py": ["golden.json", "answers.json"],
    "biocodes/bioasq_eval.py": ["golden.json", "answers.json"],
    "biocodes/bioasq_to_squad.py": ["bioasq.json"],
    "biocodes/squad_eval.py": ["qa/test.json", "predictions.json"],
    "biocodes/make_report.py": ["runs/a/*"],
    "biocodes/compare_runs.py": ["runs/*/*"],
    "biocodes/convert_checkpoint.py": ["hf/*"],
    "biocodes/export_model.py": ["model/bert_config.json", "model/vocab.txt"],
    "biocodes/to_corpus.py": ["notes.pubtator"],
    "biocodes/unpack.py": ["archive.tar.gz"],
    "biocodes/entity_formats.py": ["entities.jsonl"],
    "biocodes/merge_shards.py": ["shards/*.jsonl"],
    "biocodes/conll_types.py": ["typed/*.tsv"],
    "examples/show_entities.py": ["table.txt"],
}
RESULTS = [
    *("token_test.txt", "label_test.txt", "word_test.txt", "NER_result_conll.txt"),
    *("entity_level_results.txt", "eval_results.txt", "test_results.tsv"),
    *("test_predictions.tsv", "test_scores.txt", "predictions.json"),
    *("entities.conll", "entities.html"),
    *("nbest_predictions.json", "train.tsv", "dev.tsv", "test.tsv", "train.json"),
    "BioASQform_BioASQ-answer.json",
]
ENTITY = {"start": 0, "end": 6, "type": "Disease", "text": "Ataxia", "score": 0.5}
CONVERTED = ["bert_config.json", "vocab.txt"]


def lay_out(folder):
    """Makes small good input for every script, and results of an earlier run."""
    golden = DATA / "ner"
    shutil.copytree(str(DATA / "init"), str(folder / "model"))
    shutil.copytree(str(DATA / "chemprot"), str(folder / "chemprot"))
    for name in ("ner", "re", "qa", "pieces", "scores", "typed", "hf"):
        (folder / name).mkdir()
    for name in ("out", "converted"):
        (folder / name).mkdir()
    sentences = (golden / "devel.tsv").read_text(encoding="utf-8").split("\n\n")
    for name in ("train_dev", "devel", "test"):
        write(folder / "ner" / f"{name}.tsv", "\n\n".join(sentences[:8]) + "\n")
    write(folder / "typed" / "test.tsv", "Ataxia\tB-Disease\n\nZinc\tB-Chemical\n")
    passage = {"id": "1", "text": "Ataxia is", "entities": [ENTITY]}
    write(folder / "entities.jsonl", json.dumps(passage) + "\n")
    (folder / "shards").mkdir()
    for i in (1, 2):
        line = json.dumps(dict(passage, id=str(i))) + "\n"
        write(folder / "shards" / f"entities-{i}-of-2.jsonl", line)
    rows = [f"@GENE$ and @DISEASE$, sentence {i}.\t{i % 2}\n" for i in range(8)]
    write(folder / "re" / "train.tsv", "".join(rows))
    write(folder / "re" / "dev.tsv", "".join(rows))
    rows = [f"{i}\t{row}" for i, row in enumerate(rows)]
    write(folder / "re" / "test.tsv", "index\tsentence\tlabel\n" + "".join(rows))
    write(folder / "scores" / "test.tsv", "index\tsentence\tlabel\n" + "".join(rows))
    write(folder / "scores" / "test_results.tsv", "0.25\t0.75\n" * 8)
    write_json(folder / "qa" / "train.json", squad_form(8))
    write_json(folder / "qa" / "test.json", squad_form(4))
    write_json(folder / "predictions.json", {f"q{i}": "MDM2" for i in range(4)})
    for name in ("token_test.txt", "label_test.txt", "test.tsv"):
        shutil.copy(str(golden / name), str(folder / "pieces"))
    for name in ("a", "b"):
        lay_out_run(folder / "runs" / name)
    write(folder / "table.txt", "Ataxia B B\nis O O\n\nA O O\ngene B O\n")
    nbest = [{"text": "p53", "probability": 0.75}, {"text": "x", "probability": 0.25}]
    write_json(folder / "nbest.json", {f"{ID}_001": nbest, f"{ID}_002": nbest})
    more = {"start_logit": 1.0, "end_logit": 1.0, "question_text": "What binds?"}
    listed = [dict(candidate, **more) for candidate in nbest]
    write_json(folder / "list.json", {f"{ID}_001": listed, f"{ID}_002": listed})
    write_json(folder / "yesno.json", {f"{ID}_001": ["yes", [0.75]]})
    answer = {"exact_answer": [["p53"]], "ideal_answer": "p53 binds."}
    for name in ("golden", "answers"):
        write_json(folder / f"{name}.json", bioasq_form(**answer))
    snippets = {"snippets": [{"text": "The p53 protein"}], "exact_answer": "p53"}
    write_json(folder / "bioasq.json", bioasq_form(body="What binds?", **snippets))
    notes = [
        f"{i}|t|Ataxia.\n{i}|a|Rare.\n{i}\t0\t6\tAtaxia\tDisease\n" for i in range(4)
    ]
    write(folder / "notes.pubtator", "\n".join(notes))
    write_hugging_face(folder / "hf")
    with tarfile.open(str(folder / "archive.tar.gz"), "w:gz") as archive:
        archive.add(str(folder / "ner"), "ner")
    for name in RESULTS:
        write(folder / "out" / name, EARLIER)
    for name in CONVERTED:
        write(folder / "converted" / name, EARLIER)


def lay_out_run(folder):
    """Makes the results and records of a training for entities."""
    folder.mkdir(parents=True)
    sentence = "Ataxia B-Disease B-Disease\nis O O\nrare O B-Disease\n\n"
    write(folder / "NER_result_conll.txt", 4 * sentence)
    point = {"step": 2, "epoch": 0.5, "loss": 1.5, "learning_rate": 5e-05}
    write(folder / "training.jsonl", json.dumps(point) + "\n")
    entry = {"step": 2, "epoch": 0.5, "seconds": 0.5, "scores": {"f1": 0.5}}
    write_json(folder / "evaluations.json", [entry])
    arguments = {"seed": 1, "learning_rate": 5e-05, "data_dir": "ner"}
    run = {"command": ["run_ner.py"], "arguments": arguments, "training": {}}
    write_json(folder / "run.json", run)
    scores = {"test.tsv": {"f1": 0.8, "precision": 2 / 3, "recall": 1.0}}
    write_json(folder / "scores.json", dict(run, scores=scores, evaluations=[entry]))


def write(path, text):
    path.write_bytes(text.encode("utf-8"))


def write_json(path, value):
    write(path, json.dumps(value, indent=1) + "\n")


def squad_form(count):
    context = "The p53 protein binds MDM2 ."
    answers = [{"text": "MDM2", "answer_start": 22}]
    qas = [
        {"id": f"q{i}", "question": "What binds ?", "answers": answers}
        for i in range(count)
    ]
    return {"data": [{"paragraphs": [{"context": context, "qas": qas}]}]}


def bioasq_form(**fields):
    return {"questions": [dict(fields, id=ID, type="factoid")]}


def write_hugging_face(folder):
    """A BERT of one layer whose weights are all 0."""
    import safetensors.numpy

    from biocodes.lib.bert_config import encoder_shapes
    from biocodes.models.layout import names_of

    config = json.loads((DATA / "init" / "bert_config.json").read_text())
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "gene"]
    config.update(num_hidden_layers=1, vocab_size=len(pieces))
    write_json(folder / "config.json", config)
    write(folder / "vocab.txt", "".join(f"{piece}\n" for piece in pieces))
    tensors = {}
    for variable, shape in encoder_shapes(config).items():
        name = names_of(variable, "bert.")[0]
        shape = shape[::-1] if variable.endswith("/kernel") else shape
        tensors[name] = np.zeros(shape, np.float32)
    safetensors.numpy.save_file(tensors, str(folder / "model.safetensors"))
