"""The task of segmentation: what it takes, what it gives, what it learns by."""

import keras
import numpy as np
import pytest

from capszoo import losses
from tests.layer_checks import to_numpy
from tests.models import tiny_segmenter

each_rank = pytest.mark.parametrize("rank", [2, 3])
WEIGHTS = {"margin_weight": 0.1, "reconstruction_weight": 0.2}


def make(rank, **arguments):
    return tiny_segmenter.SEGMENTERS[rank](**arguments)


@each_rank
def test_trains_saves_and_loads(rank, tmp_path):
    examples, labels = tiny_segmenter.data(rank, 16)
    model = make(rank, **WEIGHTS)
    model.compile(optimizer=keras.optimizers.Adam(0.03))
    history = model.fit(examples, labels, batch_size=8, epochs=8, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert history["dice"][-1] > history["dice"][0]
    probabilities = model.predict(examples, verbose=0)
    assert probabilities.shape == (*labels.shape, model.num_classes)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(-1), 1, atol=1e-5)

    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.get_config() == model.get_config()
    np.testing.assert_allclose(again.predict(examples, verbose=0), probabilities, atol=1e-5)


@each_rank
def test_the_loss_is_that_of_its_parts(rank):
    examples, labels = tiny_segmenter.data(rank, 3)
    model = make(rank, **WEIGHTS)
    model.compile()
    outputs = to_numpy(model(examples))
    one_hot = np.eye(model.num_classes)[labels]
    answer = float(losses.SegmentationLoss()(labels, outputs["probabilities"]))

    # Each capsule stands for an area of two positions along each axis.
    halves = one_hot
    for axis in range(1, rank + 1):
        halves = (halves.take(range(0, halves.shape[axis], 2), axis) / 2) + (
            halves.take(range(1, halves.shape[axis], 2), axis) / 2
        )
    lengths = outputs["lengths"]
    assert lengths.shape == halves.shape
    margin = halves * np.maximum(0, 0.7 - lengths) ** 2
    margin = margin + 0.5 * (1 - halves) * np.maximum(0, lengths - 0.3) ** 2
    margin = margin.sum(-1)

    target = examples / 255
    if rank == 3:
        axes = (1, 2, 3)
        target = examples - examples.mean(axes, keepdims=True)
        target = target / examples.std(axes, keepdims=True)
    np.testing.assert_allclose(outputs["targets"], target, atol=1e-4)
    errors = ((target - outputs["reconstructions"]) ** 2).mean(-1)

    loss = model.evaluate(examples, labels, verbose=0, return_dict=True)["loss"]
    expected = answer + 0.1 * margin.mean() + 0.2 * errors[labels > 0].mean()
    assert loss == pytest.approx(expected, rel=1e-4)

    # Weights of cases count in every part.
    weight = np.array([1.0, 0.0, 2.0], "float32")
    answer = float(losses.SegmentationLoss()(labels, outputs["probabilities"], weight))
    margin = (margin.reshape(3, -1).mean(-1) * weight).mean()
    of_places = (labels > 0) * weight.reshape(-1, *[1] * rank)
    expected = answer + 0.1 * margin + 0.2 * (errors * of_places).sum() / of_places.sum()
    loss = model.evaluate(examples, labels, sample_weight=weight, verbose=0, return_dict=True)
    assert loss["loss"] == pytest.approx(expected, rel=1e-4)


@each_rank
def test_cases_without_foreground(rank):
    examples, labels = tiny_segmenter.data(rank, 4)
    model = make(rank, **WEIGHTS)
    model.compile(optimizer=keras.optimizers.SGD(0.1))
    history = model.fit(examples, 0 * labels, epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert all(np.isfinite(to_numpy(variable.value)).all() for variable in model.variables)


def test_weights_of_positions_and_low_precision():
    examples, labels = tiny_segmenter.data(2, 4)
    model = make(2, **WEIGHTS, dtype="mixed_float16")
    model.compile()
    # Labels count nowhere where they weigh nothing.
    positions = np.ones(labels.shape, "float32")
    positions[:, :4] = 0
    losses_of = []
    for upper in (0, 1):
        labels[:, :4] = upper
        losses_of.append(
            model.evaluate(examples, labels, 4, 0, positions, return_dict=True)["loss"]
        )
    assert losses_of[0] == pytest.approx(losses_of[1], rel=1e-5)
    assert model.predict(examples, verbose=0).dtype == np.float32


@each_rank
@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda x, y: (x, y[:, 1:]), "label maps of the size of the examples: .* Received: "),
        (lambda x, y: (x, y[:-1]), "Received: 4 examples, 3 label maps"),
        (lambda x, y: (x, y + 2), r"label maps of 0 to \d .* Received: labels from 2 to"),
        (lambda x, y: (x, y.astype("int8") - 1), "Received: labels from -1 to"),
        (lambda x, y: (x, 255 * (y > 0)), r"Masks of 0 and 255 become labels by labels // 255"),
        (lambda x, y: (x, y + 0.5), "integers. Received: a label 0.5|a label 1.5|a label 2.5"),
        (lambda x, y: (x, np.where(y > 0, np.nan, y)), "NaN or infinity among them"),
        (lambda x, y: (x, 0.4 * np.eye(1 + y.max())[y]), "add up to 1 at each position"),
        (lambda x, y: (np.where(x == x.max(), np.nan, x), y), "none of them NaN or infinite"),
        (lambda x, y: (x[:, 1:], y), r"Expected (images|volumes) of shape"),
        (lambda x, y: (x[..., 0], y), r"Expected (images|volumes) of shape"),
        (lambda x, y: (x[:0], y[:0]), r"Expected at least one (image|volume)"),
    ],
)
def test_what_does_not_fit_is_refused(rank, change, match):
    model = make(rank)
    model.compile()
    before = model.get_weights()
    x, y = change(*tiny_segmenter.data(rank, 4))
    with pytest.raises(ValueError, match=match):
        model.fit(x, y, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_pictures_for_a_model_of_volumes():
    images, _ = tiny_segmenter.data(2, 4)
    with pytest.raises(ValueError, match=r"volumes of shape \(batch, depth, height, width, chan"):
        make(3).predict(images, verbose=0)
    with pytest.raises(ValueError, match="Pictures need a model of pictures"):
        make(3).predict(np.zeros((5, 6, 4, 2)), verbose=0)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"num_classes": 1}, "at least 2 classes, the background the first"),
        ({"margin_weight": -0.1}, "margin_weight"),
        ({"resize": (8, 8)}, "Unknown argument 'resize'"),
        ({"rescaling": 0}, "rescaling"),
        ({"normalization": "per_volume"}, "'per_image' or a dict"),
        ({"image_shape": (8, 8)}, r"\(height, width, channels\)"),
    ],
)
def test_bad_arguments(arguments, match):
    with pytest.raises(ValueError, match=match):
        make(2, **arguments)
    with pytest.raises(ValueError, match="volume_shape"):
        make(3, volume_shape=(8, 8, 1))


def test_a_weight_of_an_output_that_is_not_there(monkeypatch):
    def plain(*arguments, **named):
        outputs = body(*arguments, **named)
        return {"probabilities": outputs["probabilities"]}

    body = tiny_segmenter.body
    monkeypatch.setattr(tiny_segmenter, "body", plain)
    for weight in WEIGHTS:
        with pytest.raises(ValueError, match=rf"`{weight}`, expected 0, as this model has no"):
            make(2, **{weight: 0.1})
    assert list(make(2).output) == ["probabilities"]


def test_class_weight_says_where_it_goes():
    model = make(2)
    model.compile()
    with pytest.raises(ValueError, match=r"SegmentationLoss\(class_weights="):
        model.fit(*tiny_segmenter.data(2, 2), class_weight={0: 0.1, 1: 1.0})


@each_rank
def test_a_golden_record_holds_some_positions(rank):
    model = make(rank)
    answer = model.predict(model.synthetic_examples(2), verbose=0)
    spatial = model.example_shape[:-1]
    record = model.condense(answer)
    assert record.shape == (2, *[3] * rank, model.num_classes)
    # The middle of the last third along each axis.
    last = tuple(5 * size // 6 for size in spatial)
    np.testing.assert_array_equal(record[(1, *[2] * rank)], answer[(1, *last)])
