"""What transformers and PyTorch make of exported folders; for an interpreter with them.

  python transformers_script.py < request.json > answer.json

The request has `models`, a list of objects: folder, class, and the paths of inputs, an
.npz of a batch, and outputs, an .npz that is written; and `texts`, which the pipeline
for entities finds entities in, with the first folder's model.
"""

import json
import sys

import numpy as np
import torch
import transformers


def run_model(folder, architecture, inputs, outputs):
    """Save what a model computes of a batch."""
    model = getattr(transformers, architecture).from_pretrained(folder)
    model.eval()
    with np.load(inputs) as batch, torch.no_grad():
        values = model(**{name: torch.tensor(batch[name]) for name in batch})
    np.savez(outputs, **{name: value.numpy() for name, value in values.items()})


def find_entities(folder, texts):
    """Return for each text [start, end, type] of its entities."""
    find = transformers.pipeline(
        "token-classification", folder, aggregation_strategy="first", device=-1
    )
    keys = ("start", "end", "entity_group")
    return [[[entity[key] for key in keys] for entity in find(text)] for text in texts]


def main():
    request = json.load(sys.stdin)
    for model in request["models"]:
        run_model(model["folder"], model["class"], model["inputs"], model["outputs"])
    entities = find_entities(request["models"][0]["folder"], request["texts"])
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    json.dump({"entities": entities, "versions": versions}, sys.stdout)


if __name__ == "__main__":
    main()
