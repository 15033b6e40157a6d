"""Wrong input of run_ner.py --do_embed."""

import pytest
import tensorflow.compat.v1 as tf

from kit.small_input import MODEL
from kit.wrong_input import cases_of, config, give, instead, names_of, put

tf.disable_v2_behavior()

CASES = cases_of(
    "run_ner.py",
    *(
        (flag, [give(flag)], message)
        for flag, message in [
            ("--predict_file=", "--predict_file: is required by --do_embed; name the "),
            ("--predict_file=/nowhere", "/nowhere: cannot be read"),
            (
                "--do_train=true",
                "--do_train: does not go with --do_embed; give --do_train=f",
            ),
            ("--do_eval=true", "--do_eval: does not go with --do_embed; leave it out"),
            ("--data_dir=x", "--data_dir: does not go with --do_embed"),
            ("--output_formats=html", "--output_formats: does not go with --do_embed"),
            ("--resume=true", "--resume: does not go with --do_embed"),
            ("--do_embed=false", "--layers: means nothing without --do_embed"),
            ("--embed=sentence", "embed=sentence.*passage.*word.*--help lists the fla"),
            ("--pooling=max", "pooling=max"),
            ("--layers=", "--layers: '' is no list of layers; write numbers with comm"),
            ("--layers=-1,x", "--layers: '-1,x' is no list of layers"),
            ("--layers=-3", "--layers: there is no layer -3; the model has 2: 0 to 1,"),
            ("--layers=2", "--layers: there is no layer 2"),
            ("--layers=-1,1", "--layers: -1,1 names a layer twice"),
            ("--shard=3/2", "--shard: '3/2' is no part"),
            ("--init_checkpoint=", "/out: there is no checkpoint in it"),
        ]
    ),
    (
        "encoder of other layers",
        [config(num_hidden_layers=3)],
        "lacks 16 variables of the encoder",
    ),
    base=[
        put("own.jsonl", '{"id": "1", "text": "Ataxia is seen."}\n'),
        instead(
            *MODEL,
            "--init_checkpoint={here}/model/model.ckpt",
            "--predict_file={here}/own.jsonl",
            "--do_train=false",
            "--do_embed=true",
            "--layers=-1,-2",  # the tiny BERT has two
            "--max_seq_length=16",
        ),
    ],
)


@pytest.mark.parametrize("case", CASES, ids=names_of(CASES))
def test_wrong_flag_is_one_line(case, refused):
    refused(case)
