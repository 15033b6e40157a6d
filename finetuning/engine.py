"""What computes predictions: TensorFlow, or ONNX Runtime with an exported model.

An engine is a module with these functions. It is imported when a run has chosen it, so
that nobody waits for TensorFlow who does without it:

    report_device(require_gpu)       log what it computes on
    device_name()                    that, in words
    check_mixed_precision()          refuse it where nothing is faster by it
    has_gpu()                        whether that is a GPU
    trained(folder, init_checkpoint) the checkpoint that a run predicts with
    check(model, checkpoint)         compare what a model needs with what is there
    label_count(checkpoint, suffix)  labels of a classifier; None without a classifier
    step(checkpoint), digest(checkpoint)
    predict_batches(predictor, schema, batches)    a stream of batches
    open_session(predictor, schema)  a model in memory: run(batch), close()
    MEMORY_ERRORS                    what it raises when memory is used up

A checkpoint says by its name which engine it is for.
"""

from types import ModuleType
from typing import Any

from biocodes.lib import files
from biocodes.lib.model_folder import is_exported
from finetuning import allocator
from finetuning.command_line import set_up_tensorflow, start_tensorflow

TENSORFLOW, ONNX = ENGINES = ("tensorflow", "onnx")
# What an exported model cannot do, of the flags that scripts have.
_NOT_EXPORTED = ("do_train", "do_embed")


def start_engine(flags: Any) -> None:
    """Import the engine that the flags ask for, and log what it computes on.

    Raises:
      InputError: it does not do what the flags ask for, or is not installed.
    """
    if flags.engine == ONNX:
        for name in _NOT_EXPORTED:
            if name in flags and flags[name].value:
                raise files.InputError(
                    "does not go with --engine=onnx, which predicts and no more",
                    f"--{name}",
                    remedy=f"give --{name}=false",
                )
    else:
        set_up_tensorflow()
        allocator.keep_freed_memory()
    named(flags.engine).report_device(flags.require_gpu)
    if flags.mixed_precision:
        named(flags.engine).check_mixed_precision()


def named(name: str) -> ModuleType:
    """Import the engine of this name."""
    if name == ONNX:
        from finetuning import onnx_engine

        return onnx_engine
    start_tensorflow()
    from finetuning import tensorflow_engine

    return tensorflow_engine


def engine_of(checkpoint: str) -> ModuleType:
    """Import the engine that computes with a checkpoint."""
    return named(ONNX if is_exported(checkpoint) else TENSORFLOW)
