"""A trained model in another form: smaller, or for other programs."""

import argparse
import importlib
import os
import sys
from typing import Optional, Sequence

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from biocodes.lib import command, files, packages, tensorflow_import
from biocodes.models.folder import Model, read_model

DESCRIPTION = """\
Write a model's folder in another form, into a new folder.

  python biocodes/export_model.py --model_dir=ner_outputs --output_dir=ner_slim \\
    --to=slim

--to=slim         the same without the optimizer's variables: a third of the size, and
                  all scripts read it
--to=huggingface  config.json, model.safetensors, tokenizer and model card, for
                  transformers; convert_checkpoint.py goes back
--to=onnx         model.onnx, which the three scripts predict with by --engine=onnx;
                  with --int8=true matrix products are of 8-bit numbers
--to=savedmodel   for tf.saved_model and TensorFlow Serving
"""
DETAILS = """\
What kind of model a folder holds (entity recognition, relation extraction, question
answering, or an encoder alone) is found from its files. Of several checkpoints the
newest is taken, finished training or not; its step is printed. docs/export.md says
more.
"""
SLIM, HUGGING_FACE, ONNX, SAVED_MODEL = "slim", "huggingface", "onnx", "savedmodel"
# Form → module of biocodes.models that writes it, which has
#   PACKAGES: what it needs beside NumPy and TensorFlow
#   write(model, folder) → lines to print; of ONNX also write_int8
MODULES = {
    SLIM: "to_slim",
    HUGGING_FACE: "to_hugging_face",
    ONNX: "to_onnx",
    SAVED_MODEL: "to_saved_model",
}


def parse_flags(argv: Optional[Sequence[str]]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = command.ArgumentParser(description=DESCRIPTION, epilog=DETAILS)
    parser.add_argument(
        "--model_dir",
        required=True,
        metavar="DIR",
        help="a pretrained model, or the output folder of a training",
    )
    parser.add_argument(
        "--output_dir", required=True, metavar="DIR", help="the folder to make"
    )
    parser.add_argument(
        "--to", required=True, choices=MODULES, help="the form, see above"
    )
    parser.add_argument(
        "--int8",
        type=str.lower,
        choices=("true", "false"),
        default="false",
        help="with --to=onnx: quantize the weights; default: false",
    )
    parser.add_argument(
        "--init_checkpoint",
        metavar="PREFIX",
        help="another checkpoint than the newest in model_dir",
    )
    return parser.parse_args(argv)


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Read the model, write it in the other form, and print what it is."""
    flags = parse_flags(argv)
    quantized = flags.int8 == "true"
    if quantized and flags.to != ONNX:
        raise files.InputError("means nothing without --to=onnx", "--int8")
    for path, name in (
        (flags.model_dir, "model_dir"),
        (flags.output_dir, "output_dir"),
    ):
        tensorflow_import.check_path(path, f"--{name}")
    files.check_new_folder(flags.output_dir)
    form = importlib.import_module(f"biocodes.models.{MODULES[flags.to]}")
    for package in form.PACKAGES:
        packages.require(package, f"--to={flags.to}")
    model = read_model(flags.model_dir, flags.init_checkpoint)
    with files.new_folder(flags.output_dir) as folder:
        write = form.write_int8 if quantized else form.write
        notes = write(model, folder)
        written = sorted(os.listdir(folder))
    print(f"{flags.model_dir}: {model.describe()}")
    print(f"{flags.output_dir}: {', '.join(written)} written")
    for note in notes:
        print(note)
    report_left_behind(model, flags.to)


def report_left_behind(model: Model, form: str) -> None:
    """Print which variables are not in the new form, if any."""
    left = [] if form == SLIM else model.left_behind()
    if left:
        print(f"not carried over: {', '.join(left)}")


if __name__ == "__main__":
    command.run(main)
