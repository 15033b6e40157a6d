"""Wrong input of run_ner.py: vocabulary, configuration, checkpoint, its labels."""

import pytest
import tensorflow.compat.v1 as tf

from kit.golden import NER_MODEL
from kit.wrong_input import (
    PREDICT_NER,
    cases_called,
    cases_of,
    config,
    cut,
    give,
    line,
    names_of,
    put,
    put_json,
)

tf.disable_v2_behavior()

CASES = cases_of(
    "run_ner.py",
    # Vocabulary and configuration.
    (
        "no vocabulary",
        [put("model/vocab.txt", None)],
        "/model/vocab.txt: cannot be read",
    ),
    ("empty vocabulary", [put("model/vocab.txt", "")], "/model/vocab.txt: empty"),
    (
        "vocabulary of another size",
        [cut("model/vocab.txt", 20000)],
        r"/model/vocab.txt: [\d,]+ pieces, but the configuration says vocab_size 3,000",
    ),
    (
        "vocabulary without [SEP]",
        [line("model/vocab.txt", 4, b"other")],
        r"/model/vocab.txt: without the piece \[SEP\]",
    ),
    (
        "undecodable vocabulary",
        [line("model/vocab.txt", 9, b"\xff")],
        "/model/vocab.txt:9: byte 1 of the line is not UTF-8",
    ),
    (
        "no configuration",
        [put("model/bert_config.json", None)],
        "/model/bert_config.json: cannot be read",
    ),
    (
        "empty configuration",
        [put("model/bert_config.json", "")],
        "/model/bert_config.json:1: not JSON",
    ),
    (
        "truncated configuration",
        [cut("model/bert_config.json", 100)],
        r"/model/bert_config.json:\d: not JSON .*; is the file complete\?",
    ),
    (
        "configuration is a list",
        [put("model/bert_config.json", "[]")],
        "/model/bert_config.json: the configuration must be a JSON object",
    ),
    (
        "configuration lacks keys",
        [config(hidden_act=..., vocab_size=...)],
        "/model/bert_config.json: missing vocab_size, hidden_act",
    ),
    (
        "configuration with text for a number",
        [config(hidden_size="32")],
        "/model/bert_config.json: hidden_size must be a whole number from 1, not '32'",
    ),
    (
        "configuration with a list for a name",
        [config(hidden_act=["gelu"])],
        "/model/bert_config.json: hidden_act must be one of",
    ),
    (
        "configuration with an unknown activation",
        [config(hidden_act="swish")],
        "/model/bert_config.json: hidden_act must be one of gelu",
    ),
    (
        "configuration with too high a rate",
        [config(hidden_dropout_prob=1.5)],
        "/model/bert_config.json: hidden_dropout_prob must be from 0 to below 1",
    ),
    (
        "heads that do not divide",
        [config(num_attention_heads=5)],
        "/model/bert_config.json: hidden_size 32 is not a multiple of num_attention",
    ),
    (
        "sequences too long for the model",
        [give("--max_seq_length=385")],
        "--max_seq_length: 385 is more than the model's max_position_embeddings 384",
    ),
    (
        "case against the checkpoint's name",
        [give("--init_checkpoint=/x/uncased_L-12_H-768_A-12/bert_model.ckpt")],
        "is a model of lower-cased text; use --do_lower_case=true",
    ),
    # The checkpoint.
    (
        "no such checkpoint",
        [give("--init_checkpoint={here}/model/model.ckpt-1000000")],
        "no such checkpoint; in .*/model there is model.ckpt$",
    ),
    (
        "no folder of a checkpoint",
        [give("--init_checkpoint={here}/nowhere/model.ckpt")],
        "no such folder; in .*/nowhere there is no checkpoint at all",
    ),
    (
        "folder without a checkpoint",
        [give("--init_checkpoint={here}/ner")],
        "--init_checkpoint=.*/ner: no checkpoint in this folder",
    ),
    (
        "checkpoint without its data",
        [put("model/model.ckpt.data-00000-of-00001", None)],
        "the checkpoint's .data file is missing or incomplete",
    ),
    (
        "truncated checkpoint",
        [cut("model/model.ckpt.data-00000-of-00001", 100000)],
        "/model/model.ckpt: not a readable TensorFlow checkpoint; copy or download it",
    ),
    (
        "garbage for a checkpoint",
        [put("model/model.ckpt.index", b"\x01" * 900)],
        "/model/model.ckpt: not a readable TensorFlow checkpoint",
    ),
    (
        "checkpoint of another shape",
        [config(intermediate_size=128)],
        r"kernel has shape \[32, 64\] there but \[32, 128\] in this model; is --bert_",
    ),
    (
        "checkpoint of fewer layers",
        [config(num_hidden_layers=3)],
        "/model/model.ckpt: lacks 16 variables of the encoder, bert/encoder/layer_2/",
    ),
    (
        "head of other labels",
        [
            give(f"--init_checkpoint={NER_MODEL}"),
            line("ner/train_dev.tsv", 1, b"word\tB-Gene"),
        ],
        r"output_\w+ has shape \[7.*\] there but \[9.*; it was trained with other",
    ),
    # Prediction.
    (
        "nothing to predict with",
        [give("--do_train=false", "--init_checkpoint=")],
        "/out: there is no checkpoint in it; train first .* --init_checkpoint",
    ),
    (
        "prediction without a head",
        [give("--do_train=false")],
        "/model/model.ckpt: has no trained head for this task .* train first",
    ),
    (
        "prediction with another configuration",
        [PREDICT_NER, config(intermediate_size=128)],
        "/out/model.ckpt-1190: bert/encoder/layer_0/.* is --bert_config_file the one",
    ),
    (
        "prediction with a truncated checkpoint",
        [PREDICT_NER, cut("out/model.ckpt-1190.data-00000-of-00001", 90000)],
        "/out/model.ckpt-1190: not a readable TensorFlow checkpoint",
    ),
    (
        "labels that are no JSON",
        [PREDICT_NER, put("out/label2id.json", "{")],
        "/out/label2id.json:1: not JSON",
    ),
    (
        "labels of another form",
        [PREDICT_NER, put("out/label2id.json", '{"B": [1]}')],
        "/out/label2id.json: not a JSON object of labels",
    ),
    (
        "labels of another model",
        [PREDICT_NER, put("out/label2id.json", '{"[PAD]": 0, "B": 1}')],
        "/out/label2id.json: 2 labels, but the checkpoint's head has 7",
    ),
    (
        "labels of another task",
        [
            PREDICT_NER,
            put_json("out/label2id.json", {c: i for i, c in enumerate("abcdefg")}),
        ],
        "/out: not the labels of a model for entity recognition: a, b",
    ),
    (
        "prediction with another vocabulary",
        [
            PREDICT_NER,
            put("out/run.json", '{"training": {"vocabulary": "0123"}}'),
        ],
        "/out: the model in it was trained otherwise: its vocabulary differs; predict",
    ),
    (
        "run record that is none",
        [PREDICT_NER, put("out/run.json", "[]")],
        "/out/run.json: not a record of this suite; remove it",
    ),
    (
        "truncated run record",
        [PREDICT_NER, put("out/run.json", '{"training": {')],
        "/out/run.json:1: not JSON",
    ),
    (
        "unknown label for the given model",
        [PREDICT_NER, line("ner/test.tsv", 2, b"word\tB-Gene")],
        "/ner/test.tsv:2: the model does not know the label B-Gene; it knows B, I, O",
    ),
)
AS_COMMANDS = cases_called(
    CASES,
    "vocabulary of another size",
    "truncated checkpoint",
    "prediction without a head",
)


@pytest.mark.parametrize("case", CASES, ids=names_of(CASES))
def test_wrong_model_is_one_line(case, refused):
    refused(case)


@pytest.mark.parametrize("case", AS_COMMANDS, ids=names_of(AS_COMMANDS))
def test_wrong_model_is_one_line_of_the_command(case, refused, as_new_command):
    refused(case, as_new_command)
