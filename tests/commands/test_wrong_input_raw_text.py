"""Wrong input of run_ner.py --predict_file: passages, flags, the output folder."""

import pytest
import tensorflow.compat.v1 as tf

from kit.golden import INIT, NER_MODEL
from kit.raw_text import TEXTS
from kit.small_input import EARLIER, MODEL
from kit.wrong_input import cases_of, give, instead, names_of, put

tf.disable_v2_behavior()

OWN = "--predict_file={here}/own.txt"
CASES = cases_of(
    "run_ner.py",
    (
        "no such file",
        [give("--predict_file={here}/no.txt")],
        r"no.txt: cannot be read \(no",
    ),
    (
        "a folder",
        [give("--predict_file={here}/ner")],
        r"ner: there is no \.txt in this folder; name .*/ner/\*\.xml\.gz",
    ),
    (
        "an empty file",
        [give("--predict_file=/dev/null")],
        "there is no passage in it",
        # A stream, which is read only when all is ready.
        ("out/run.json",),
    ),
    (
        "a wrong line",
        [
            put("wrong.jsonl", '{"id": 1, "text": "a"}\n{"id": 2}\n'),
            give("--predict_file={here}/wrong.jsonl"),
        ],
        r"wrong.jsonl:2: without \"text\"; write",
    ),
    (
        "records of PubMed in a .txt",
        [
            put("set.txt", "PMID- 1\nTI  - A title\nAD  - Department of Ataxia.\n"),
            give("--predict_file={here}/set.txt"),
        ],
        "set.txt: this looks like PubMed's MEDLINE .* --input_format=medline reads it",
    ),
    (
        "a table without known columns",
        [put("a.csv", "a,b\n1,2\n"), give("--predict_file={here}/a.csv")],
        "a.csv:1: no column is called text, .* name one by --text_column",
    ),
    (
        "entities in XML",
        [
            put("a.xml", '<!DOCTYPE a [<!ENTITY b "c">]>\n<a>&b;</a>'),
            give("--predict_file={here}/a.xml"),
        ],
        "a.xml:1: the file declares the entity b; such files are not read",
    ),
    (
        "two files of the same ids",
        [
            put("a.jsonl", '{"id": 1, "text": "a"}\n'),
            put("b.jsonl", '{"id": 1, "text": "a"}\n'),
            give("--predict_file={here}/?.jsonl"),
        ],
        "b.jsonl:1: the id 1 stands on line 1 of .*a.jsonl already",
    ),
    (
        "input format",
        [give(OWN, "--input_format=word")],
        "--input_format: 'word' is no format; choose of plain, ",
    ),
    (
        "input format without",
        [give("--input_format=plain")],
        "--input_format: means nothing without --predict_file",
    ),
    (
        "results of another input",
        [
            put("out/entities.jsonl", '{"id": "1", "text": "a", "entities": []}\n'),
            give(OWN),
        ],
        "out/entities.jsonl: holds the results of another input; give another ",
    ),
    ("score", [give(OWN, "--min_score=2")], "--min_score: must be from 0 to 1, not 2"),
    (
        "type",
        [give(OWN, "--type_name=a b")],
        "--type_name: 'a b' is no type; write a word",
    ),
    (
        "format",
        [give(OWN, "--output_formats=html,xml")],
        "--output_formats: 'xml' is no f",
    ),
    (
        "windows",
        [give(OWN, "--long_sentences=cut")],
        "long_sentences.* <window|truncate>",
    ),
    (
        "shard",
        [give(OWN, "--shard=3/2")],
        "--shard: '3/2' is no part of a whole; write",
    ),
    (
        "a shard beside a corpus",
        [give(OWN, "--shard=1/2", "--data_dir=x")],
        "--shard: is for --predict_file alone",
    ),
    (
        "both resumed and overwritten",
        [give(OWN, "--resume=true", "--overwrite_output_dir=true")],
        "--resume: contradicts --overwrite_output_dir=true, .*resumed; leave one",
    ),
    (
        "resume without",
        [give("--resume=true")],
        "--resume: means nothing without --predict_",
    ),
    (
        "several processes",
        [give(OWN, "--horovod=true")],
        "--horovod: does not divide raw text among processes; .*--shard=1/8",
    ),
    (
        "format without",
        [give("--output_formats=html")],
        "--output_formats: means nothing",
    ),
    (
        "shard without",
        [give("--shard=1/2")],
        "--shard: means nothing without --predict_file",
    ),
    (
        "training without a corpus",
        [give(OWN, "--do_train=true")],
        "--data_dir: is required by --do_train and --do_eval",
    ),
    (
        "no head",
        [give(OWN, f"--init_checkpoint={INIT / 'model.ckpt'}")],
        "model.ckpt: has no trained head",
    ),
    (
        "a brat folder that is not ours",
        [put("out/brat/mine", ""), give(OWN, "--output_formats=brat")],
        "out/brat: mine is in it, which is not made here",
    ),
    (
        "no exported model for the engine",
        [give(OWN, "--engine=onnx", "--model_dir={here}/model")],
        r"--init_checkpoint=\S+: no model.onnx there; make one .*export_model.py --to",
    ),
    (
        "a folder that is not exported",
        [give(OWN, "--engine=onnx", "--model_dir={here}/model", "--init_checkpoint=")],
        "--model_dir=.*/model: no model.onnx there; make one of the model: python bio",
    ),
    (
        "training by the engine that predicts",
        [give(OWN, "--engine=onnx", "--do_train=true", "--data_dir={here}/ner")],
        "--do_train: does not go with --engine=onnx, which predicts and no more; give",
    ),
    (
        "embedding by it",
        [give(OWN, "--engine=onnx", "--do_embed=true")],
        "--do_embed: does not go with --engine=onnx",
    ),
    (
        "an engine that there is not",
        [give(OWN, "--engine=pytorch")],
        "--engine=pytorch: .* <tensorflow|onnx>",
    ),
    base=[
        put("own.txt", "".join(f"{text}\n" for text in TEXTS)),
        put("out/entities.jsonl", EARLIER),
        instead(
            *MODEL,
            f"--init_checkpoint={NER_MODEL}",
            "--do_train=false",
            "--max_seq_length=64",
        ),
    ],
)


@pytest.mark.parametrize("case", CASES, ids=names_of(CASES))
def test_wrong_input_is_one_line(case, refused):
    refused(case)
