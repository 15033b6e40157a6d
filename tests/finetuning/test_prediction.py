"""prediction.py: predictions are those of the input, in its order, however batched."""

import os
import re

import numpy as np
import pytest

from biocodes.lib import files
from finetuning.prediction import PredictionSettings, Predictor
from kit.golden import PRETRAINED
from kit.small_run import parsed
from kit.small_training import COUNT, LENGTHS, SCHEMA, counting_model, sentences


@pytest.mark.parametrize("pad", [False, True])
def test_flags_become_settings(pad):
    flags = parsed(
        f"--pad_to_max_length={pad}", "--max_seq_length=64", "--predict_batch_size=7"
    )
    expected = PredictionSettings(7, 64, 64 if pad else None)
    assert PredictionSettings.from_flags(flags) == expected


def predictor(prefix, size=3, limit=12, pad_to=None):
    settings = PredictionSettings(size, limit, pad_to)
    return Predictor(counting_model(), prefix, settings)


def predictions(data, prefix, *settings):
    return list(predictor(prefix, *settings).predict(data))


def test_predictions_are_those_of_the_input_in_its_order(data, trained):
    """Whatever goes together into a batch, and however it is padded."""
    alone = predictions(data, trained, 1, 1)
    assert [index for index, _ in alone] == list(range(COUNT))
    for size, limit, pad_to in [(3, 12, None), (100, 12, None), (3, 12, 12)]:
        together = predictions(data, trained, size, limit, pad_to)
        assert [index for index, _ in together] == list(range(COUNT))
        for (_, actual), (_, expected), length in zip(together, alone, LENGTHS):
            np.testing.assert_allclose(actual["logits"], expected["logits"], atol=1e-5)
            hidden = actual["hidden"][:length]
            np.testing.assert_allclose(hidden, expected["hidden"], atol=1e-5)
    assert len(together[0][1]["hidden"]) == 12  # padded as the settings say


def test_prediction_can_be_left_early(data, trained):
    results = predictor(trained).predict(data)
    index, values = next(results)
    assert index == 0 and values["logits"].shape == (2,)
    results.close()
    assert len(predictions(data, trained)) == COUNT


def test_prediction_budget_is_in_pieces(data):
    settings = PredictionSettings(2, 12, None)
    sizes = [len(rows) for rows in settings.order(data.lengths)]
    assert sum(sizes) == COUNT and max(sizes) > 2
    padded = PredictionSettings(4, 12, 12)
    assert [len(rows) for rows in padded.order(data.lengths)] == [4, 4, 2]


def test_prediction_needs_a_head(data):
    with pytest.raises(files.InputError, match="no trained head"):
        predictions(data, PRETRAINED)


def test_prediction_changes_nothing_beside_the_checkpoint(data, trained, listing):
    before = listing(os.path.dirname(trained))
    predictions(data, trained)
    assert listing(os.path.dirname(trained)) == before


def test_predictions_of_a_stream_are_those_of_the_file(data, trained):
    streamed = list(predictor(trained).predict_stream(SCHEMA, iter(sentences())))
    assert [index for index, _ in streamed] == list(range(COUNT))
    for (_, actual), (_, expected) in zip(streamed, predictions(data, trained)):
        np.testing.assert_allclose(actual["logits"], expected["logits"], atol=1e-5)


def test_pieces_that_may_wait_bound_what_is_sorted_together(data):
    """Large predictions are put back in order after few examples, not all of them."""
    settings = PredictionSettings(2, 12, None, pieces_waiting=5 * 12)
    batches = [rows.tolist() for rows in settings.order(data.lengths)]
    assert sorted(sum(batches, [])) == list(range(COUNT))
    assert all(len({row // 5 for row in rows}) == 1 for rows in batches)


def test_batch_too_large_for_the_memory_is_told(data, trained):
    with pytest.raises(files.InputError) as caught:
        predictions(data, trained, 3, 12, 1 << 42)
    message = str(caught.value)
    assert message.startswith(
        "out of memory with a batch of 3 examples of up to 12 pieces; lower the batch"
    )
    assert set(re.findall(r"--(\w+)", message)) < set(parsed())
