"""A model as TensorFlow's SavedModel, for tf.saved_model and TensorFlow Serving."""

import os
import shutil
from typing import Any, Dict, List

from biocodes.lib import files
from biocodes.lib.labels import LABEL_FILE
from biocodes.models import layout, to_slim
from biocodes.models.checkpoint import unwritable
from biocodes.models.folder import Model
from biocodes.models.graph import Graph, built

PACKAGES = ()
# Files that are not the graph's lie here; TensorFlow leaves it alone.
EXTRA = "assets.extra"


def write(model: Model, folder: str) -> List[str]:
    """Write the SavedModel into an empty folder.

    The signature serving_default takes input_ids, input_mask and segment_ids, int32
    [B, S]. Where all pieces are of segment 0, the signature ids_only takes input_ids
    alone: what is not [PAD] is no padding. Both give what predictions_of says.

    Raises:
      InputError: the checkpoint is damaged, or the disk is full.
    """
    beside = os.path.join(folder, "saved")
    with built(model) as graph:
        _save(graph, model, beside)
    for name in os.listdir(beside):
        os.rename(os.path.join(beside, name), os.path.join(folder, name))
    shutil.rmtree(beside)
    extra = os.path.join(folder, EXTRA)
    files.make_folder(extra)
    to_slim.copy_description(model, extra)
    if model.labels:
        ids = {name: index for index, name in enumerate(model.labels)}
        files.write_json(os.path.join(extra, LABEL_FILE), ids)
    return []


def predictions_of(tf: Any, model: Model, outputs: Dict[str, Any]) -> Dict[str, Any]:
    """Return what the task predicts.

    Returns:
      The outputs, and of a classifier also probabilities (of all labels) and label_ids
      (int32, of the best one), in the shape of the logits but for the last axis. Where
      there are several labels a text, there are no label_ids.
    """
    if model.kind not in (layout.NER, layout.RE):
        return outputs
    logits = outputs["logits"]
    return dict(
        outputs,
        probabilities=tf.nn.softmax(logits),
        label_ids=tf.argmax(logits, -1, output_type=tf.int32),
    )


def _save(graph: Graph, model: Model, folder: str) -> None:
    tf = graph.tf
    outputs = predictions_of(tf, model, graph.outputs)
    signatures = {"serving_default": _signature(tf, graph.inputs, outputs)}
    if model.kind != layout.QA:
        ids = {"input_ids": graph.inputs["input_ids"]}
        signatures["ids_only"] = _signature(tf, ids, outputs)
    try:
        builder = tf.saved_model.Builder(folder)
        builder.add_meta_graph_and_variables(
            graph.session,
            [tf.saved_model.tag_constants.SERVING],
            signature_def_map=signatures,
            # So that an older TensorFlow can read what a newer one writes.
            strip_default_attrs=True,
        )
        builder.save()
    except tf.errors.OpError as error:
        raise unwritable(folder, error) from error


def _signature(tf: Any, inputs: Dict[str, Any], outputs: Dict[str, Any]) -> Any:
    return tf.saved_model.signature_def_utils.predict_signature_def(inputs, outputs)
