"""A BERT in Hugging Face form as a TensorFlow 1 checkpoint to start from."""

import argparse
import contextlib
import os
import shutil
import sys
from typing import NamedTuple, Optional, Sequence, Tuple

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from biocodes.lib import command, files, hugging_face, model_folder, tensorflow_import
from biocodes.lib.bert_config import Config
from biocodes.lib.labels import LABEL_FILE
from biocodes.models.checkpoint import save_checkpoint
from biocodes.models.from_hugging_face import take_encoder, take_head
from biocodes.models.layout import Arrays

DESCRIPTION = """\
Turn a BERT in Hugging Face form into a TensorFlow 1 checkpoint.

  python biocodes/convert_checkpoint.py --input_dir=biobert-base-cased-v1.2 \\
    --output_dir=biobert_v1.2

reads config.json, vocab.txt and model.safetensors (or pytorch_model.bin) and writes
bert_config.json, vocab.txt and the checkpoint model.ckpt that a run can start from.
"""
DETAILS = """\
The encoder is carried over: embeddings, layers and pooler. So is a head that the suite
has, too: those of pretraining and of question answering, that of sequence
classification with its labels, and that of entity recognition if export_model.py wrote
the folder. --head=drop leaves it behind. Tensors that stay behind are listed. A folder
that would give another model than its files describe is refused.
"""

HEADS = KEEP, DROP = ("keep", "drop")


class Converted(NamedTuple):
    """A model in our form.

    Attributes:
      config: values of bert_config.json.
      vocabulary: lines of vocab.txt.
      do_lower_case: as tokenizer_config.json says; None if it does not.
      variables: of encoder and head.
      labels: of the head; () if it has none.
    """

    config: Config
    vocabulary: Sequence[str]
    do_lower_case: Optional[bool]
    variables: Arrays
    labels: Tuple[str, ...] = ()


def parse_flags(argv: Optional[Sequence[str]]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = command.ArgumentParser(description=DESCRIPTION, epilog=DETAILS)
    parser.add_argument(
        "--input_dir",
        required=True,
        metavar="DIR",
        help="config.json, vocab.txt, model.safetensors or pytorch_model.bin",
    )
    parser.add_argument(
        "--output_dir",
        required=True,
        metavar="DIR",
        help="where bert_config.json, vocab.txt and model.ckpt are written",
    )
    parser.add_argument(
        "--head",
        choices=HEADS,
        default=KEEP,
        help="keep a head that the suite has, too, or drop it; default: keep",
    )
    return parser.parse_args(argv)


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Write the checkpoint, and print what it holds and what was left behind."""
    flags = parse_flags(argv)
    tensorflow_import.check_path(flags.output_dir, "--output_dir")
    config, vocabulary = hugging_face.read_description(flags.input_dir)
    advice = hugging_face.case_advice(flags.input_dir, vocabulary)
    path, weights = hugging_face.read_weights(flags.input_dir)
    encoder = take_encoder(weights, config, path)
    head, labels = {}, ()
    if flags.head == KEEP:
        head, labels = take_head(weights, encoder, config, path)
    model = Converted(
        config,
        vocabulary,
        model_folder.recorded_casing(flags.input_dir),
        {**encoder, **head},
        labels,
    )
    write_model(flags.output_dir, model)
    count = sum(array.size for array in encoder.values())
    print(f"{flags.output_dir}: bert_config.json, vocab.txt and model.ckpt written")
    print(f"{len(encoder)} variables of the encoder, {count:,} weights")
    if head:
        names = f", labels {', '.join(labels)}" if labels else ""
        print(f"{len(head)} variables of the head{names}")
    print("not carried over: " + (", ".join(sorted(weights)) or "nothing"))
    print(advice)


# Writing


def write_model(folder: str, model: Converted) -> None:
    """Write bert_config.json, vocab.txt, model.ckpt.* and what else there is.

    All of it is written in a folder inside and then moved to its place. The old
    configuration goes first and the new one comes last: where there is one, the rest
    is whole and belongs to it.

    Raises:
      InputError: the folder cannot be written, or the disk is full.
    """
    beside = os.path.join(folder, "model.ckpt.incomplete")
    files.make_folder(folder)
    shutil.rmtree(beside, ignore_errors=True)  # a killed run's
    files.make_folder(beside)
    try:
        with files.whole_file(os.path.join(beside, "vocab.txt")) as stream:
            stream.writelines(piece + "\n" for piece in model.vocabulary)
        if model.do_lower_case is not None:
            model_folder.write_casing(beside, model.do_lower_case)
        if model.labels:
            ids = {name: index for index, name in enumerate(model.labels)}
            files.write_json(os.path.join(beside, LABEL_FILE), ids)
        files.write_json(os.path.join(beside, "bert_config.json"), model.config)
        save_checkpoint(os.path.join(beside, "model.ckpt"), model.variables)
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(folder, "bert_config.json"))
        written = os.listdir(beside)
        written.sort(key=lambda name: name == "bert_config.json")
        for name in written:
            os.replace(os.path.join(beside, name), os.path.join(folder, name))
    except OSError as error:
        raise files.unwritable(folder, error) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


if __name__ == "__main__":
    command.run(main)
