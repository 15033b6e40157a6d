"""mixed_precision.py: where it is refused, what it switches on, what stays float32."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from biocodes.lib import files
from finetuning import engine, mixed_precision
from kit.models import values_of
from kit.small_training import train

tf.disable_v2_behavior()

HAS_BFLOAT16 = "auto_mixed_precision_onednn_bfloat16" in {
    field.name
    for field in tf.ConfigProto().graph_options.rewrite_options.DESCRIPTOR.fields
}
needs_bfloat16 = pytest.mark.skipif(
    not HAS_BFLOAT16, reason="this TensorFlow has no bfloat16 on a CPU"
)


def with_speeds(monkeypatch, single, half):
    """Have products run at these GFLOP/s in float32 and bfloat16."""
    speeds = {tf.float32: single * 1e9, tf.bfloat16: half * 1e9}
    monkeypatch.setattr(mixed_precision, "speed_of_products", speeds.__getitem__)


@needs_bfloat16
def test_cpu_that_gains_nothing_is_refused_with_both_speeds(monkeypatch):
    with_speeds(monkeypatch, 145.2, 78.4)
    with pytest.raises(files.InputError) as caught:
        mixed_precision.check()
    assert str(caught.value) == (
        "--mixed_precision: this CPU gains nothing: products run at 78 GFLOP/s in"
        " bfloat16, at 145 in float32; leave the flag out"
    )


@needs_bfloat16
def test_cpu_that_gains_is_taken(monkeypatch, log):
    with_speeds(monkeypatch, 160.0, 330.0)
    mixed_precision.check()
    assert log() == [
        "mixed precision: products run at 330 GFLOP/s in bfloat16, 160 in float32"
    ]


@pytest.mark.skipif(HAS_BFLOAT16, reason="this TensorFlow has bfloat16 on a CPU")
def test_tensorflow_without_bfloat16_is_refused():
    with pytest.raises(files.InputError, match="TensorFlow 1.15.* has none on a CPU"):
        mixed_precision.check()


@pytest.mark.parametrize("is_able", [False, True])
def test_card_without_units_for_float16_is_refused(monkeypatch, is_able):
    asked = []

    def is_gpu_available(*arguments):
        asked.append(arguments)
        return is_able

    monkeypatch.setattr(mixed_precision.device, "has_gpu", lambda: True)
    monkeypatch.setattr(tf.test, "is_gpu_available", is_gpu_available)
    if is_able:
        mixed_precision.check()
    else:
        with pytest.raises(files.InputError, match="compute capability 7.0"):
            mixed_precision.check()
    assert asked == [(True, (7, 0))]  # CUDA's only, from that capability on


def test_onnx_refuses_it():
    with pytest.raises(files.InputError, match="does not go with --engine=onnx"):
        engine.named(engine.ONNX).check_mixed_precision()


def test_speed_of_products_is_measured():
    assert 1e8 < mixed_precision.speed_of_products(tf.float32) < 1e14


def test_card_gets_float16_and_a_factor_of_the_loss(monkeypatch):
    monkeypatch.setattr(mixed_precision.device, "has_gpu", lambda: True)
    options = tf.ConfigProto()
    mixed_precision.switch_on(options)
    rewriting = options.graph_options.rewrite_options
    assert rewriting.auto_mixed_precision == rewriting.ON
    assert mixed_precision.needs_loss_scale()


@needs_bfloat16
def test_training_in_bfloat16_is_close_and_its_checkpoint_is_float32(data, tmp_path):
    """And not the same: a flag without effect would pass otherwise."""
    single = values_of(train(data, tmp_path / "single"))
    mixed = values_of(train(data, tmp_path / "mixed", mixed_precision=True))
    assert single.keys() == mixed.keys()
    differences = []
    for name, values in mixed.items():
        assert values.dtype == single[name].dtype
        differences.append(np.abs(values - single[name]).max())
    assert 0.0 < max(differences) < 0.1


def test_scaled_training_is_the_same_but_for_nothing(data, tmp_path, monkeypatch):
    """The factor goes with a whole training, and no checkpoint has it."""
    single = values_of(train(data, tmp_path / "single"))
    monkeypatch.setattr(mixed_precision, "needs_loss_scale", lambda: True)
    monkeypatch.setattr(mixed_precision, "switch_on", lambda options: None)
    scaled = values_of(train(data, tmp_path / "scaled", mixed_precision=True))
    assert single.keys() == scaled.keys()
    for name, values in scaled.items():
        np.testing.assert_allclose(values, single[name], rtol=0, atol=1e-6)
