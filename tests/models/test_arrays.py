"""Bad images and labels raise before any training step."""

import warnings

import keras
import numpy as np
import pytest

import capszoo
from tests.models import tiny

IMAGES, LABELS = tiny.data(6)
ONE_HOT = np.eye(3)[LABELS]


@pytest.fixture(scope="module")
def model():
    model = tiny.capsnet()
    model.compile()
    return model


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (IMAGES[..., 0], r"Add the channel axis: images\[..., None\]"),
        (IMAGES[0], r"Add the batch axis: images\[None\]"),
        (np.moveaxis(IMAGES, -1, 1), "Move the channels last"),
        (np.repeat(IMAGES, 3, -1), r"\(batch, 12, 10, 1\). Received: images of shape"),
        (IMAGES[:, :8], "Received: images of shape"),
        (IMAGES.reshape(6, -1), "Received: images of shape"),
        (IMAGES[:0], "at least one image"),
    ],
    ids=["channel", "batch", "first", "colours", "height", "flat", "empty"],
)
def test_images(model, images, message):
    for call in (
        lambda: model.fit(images, LABELS[: len(images)], verbose=0),
        lambda: model.evaluate(images, LABELS[: len(images)], verbose=0),
        lambda: model.predict(images, verbose=0),
        lambda: model.encode(images),
        lambda: model.fit(IMAGES, LABELS, validation_data=(images, LABELS), verbose=0),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    assert int(model.optimizer.iterations) == 0


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (LABELS + 1, "labels from 0 to 2 for 3 classes. Received: labels from 1 to 3"),
        (LABELS - 1, "Received: labels from -1 to 1"),
        (LABELS[:-1], "6 images, 5 labels"),
        (np.eye(4)[LABELS], r"\(batch, 3\). Received: labels of shape \(6, 4\)"),
        (ONE_HOT[..., None], "Received: labels of shape"),
        (2 * ONE_HOT, r"from 0 to 1 for 3 classes \(one-hot or multi-hot\)"),
        (ONE_HOT * np.nan, "a label nan"),
        (np.array(["cat"] * 6), "labels that are numbers. Received: .*cat"),
    ],
    ids=["high", "low", "short", "wide", "rank", "twos", "nan", "words"],
)
def test_labels(model, labels, message):
    forms = (np.asarray, keras.ops.convert_to_tensor)
    for form in forms[: 1 if labels.dtype.kind == "U" else 2]:
        for method in (model.fit, model.evaluate):
            with pytest.raises(ValueError, match=message):
                method(IMAGES, form(labels), verbose=0)
    assert int(model.optimizer.iterations) == 0


def test_labels_of_a_single_class():
    model = tiny.capsnet(num_classes=1)
    model.compile()
    for labels, message in (
        (LABELS, "from 0 to 1 for a single class. Received: labels from 0 to 2"),
        (2 * (LABELS > 0) - 1, "Received: labels from -1 to 1"),
        (ONE_HOT[:, :2], r"0 and 1 of shape .* Received: labels of shape \(6, 2\)"),
    ):
        with pytest.raises(ValueError, match=message):
            model.fit(IMAGES, labels, verbose=0)


def test_no_class_where_the_loss_compares_classes():
    none = np.eye(3)[LABELS]
    none[4] = 0
    model = tiny.capsnet(decoder=None)
    for loss in (capszoo.losses.SpreadLoss(), capszoo.losses.SoftmaxCrossentropy()):
        model.compile(loss=loss)
        with pytest.raises(ValueError, match="no class in the labels of image 4"):
            model.fit(IMAGES, none, verbose=0)
    model.compile()
    model.evaluate(IMAGES, none, verbose=0)


class Batches(keras.utils.PyDataset):
    """Two batches, made anew each time."""

    def __init__(self, images, labels):
        super().__init__()
        self.arrays = images, labels

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return tuple(array[3 * index : 3 * index + 3] for array in self.arrays)


def generator(images, labels):
    yield from Batches(images, labels)


def tf_data(images, labels):
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices((images, labels)).batch(3)


def loader(images, labels):
    torch = pytest.importorskip("torch")
    pairs = torch.utils.data.TensorDataset(torch.tensor(images), torch.tensor(labels))
    return torch.utils.data.DataLoader(pairs, batch_size=3, shuffle=True)


each_pipeline = pytest.mark.parametrize("form", [Batches, generator, tf_data, loader])
# What Keras says of generators without a number of steps.
ran_out = pytest.mark.filterwarnings("ignore:Your input ran out of data")


@each_pipeline
@ran_out
def test_pipelines_are_checked_as_arrays_are(model, form):
    for labels, message in ((LABELS + 1, "labels from 1 to 3"), (2 * ONE_HOT, "from 0 to 2")):
        for call in (
            lambda wrong: model.fit(wrong, verbose=0),
            lambda wrong: model.evaluate(wrong, verbose=0),
            lambda wrong: model.fit(IMAGES, LABELS, validation_data=wrong, verbose=0),
            # As the sixth argument after the labels.
            lambda wrong: model.fit(IMAGES, LABELS, None, 1, 0, None, 0.0, wrong),
        ):
            with pytest.raises(ValueError, match=message):
                call(form(IMAGES, labels))
    with pytest.raises(ValueError, match="Received: images of shape"):
        model.predict(form(IMAGES[:, :8], LABELS), verbose=0)
    with pytest.warns(UserWarning, match="no value above 1"):
        model.evaluate(form((IMAGES / 255).astype("float32"), LABELS), verbose=0)
    assert int(model.optimizer.iterations) == 0


@each_pipeline
@ran_out
def test_no_batch_is_lost_by_looking_at_it(form):
    model = tiny.capsnet()
    model.compile(optimizer=keras.optimizers.SGD(0.0))
    model.fit(
        form(IMAGES, LABELS),
        validation_data=form(IMAGES, LABELS),
        steps_per_epoch=2,
        validation_steps=2,
        shuffle=False,
        verbose=0,
    )
    assert int(model.optimizer.iterations) == 2
    scores = model.predict(IMAGES, verbose=0)
    found = model.predict(form(IMAGES, LABELS), verbose=0)
    # A loader draws an order of its own.
    np.testing.assert_allclose(np.sort(found, axis=0), np.sort(scores, axis=0), atol=1e-5)


@pytest.mark.parametrize("form", [Batches, generator])
@ran_out
# TensorFlow, which takes batches from Python, has an error of its own with ours in it.
@pytest.mark.parametrize("workers", [0, 2])
def test_later_batches_of_python_are_checked(model, form, workers):
    labels = LABELS.copy()
    labels[5] = 3
    if form is generator and workers:
        pytest.skip("generators have no workers")
    for call, options in ((model.fit, {"shuffle": False}), (model.evaluate, {})):
        batches = form(IMAGES, labels)
        if workers:
            batches.workers = workers
        with pytest.raises(Exception, match="labels from 0 to 3"):
            call(batches, **options, verbose=0)
    # The model still has its values.
    assert np.isfinite(model.predict(IMAGES, verbose=0)).all()


def test_a_checked_pipeline_is_told_of_epochs(model):
    class Counting(Batches):
        began = ended = 0

        def on_epoch_begin(self):
            self.began += 1

        def on_epoch_end(self):
            self.ended += 1

    checked, not_checked = Counting(IMAGES, LABELS), Counting(IMAGES, LABELS)
    not_checked.is_checked = True
    for batches in (checked, not_checked):
        model.fit(batches, epochs=3, verbose=0)
    assert checked.ended == not_checked.ended >= 3
    assert checked.began == not_checked.began >= 3


def test_a_label_beyond_the_classes_in_a_later_batch_is_seen():
    """Where no batch can be looked at on its way, by a loss that is not a number."""
    labels = LABELS.copy()
    labels[5] = 3
    model = tiny.capsnet()
    model.compile(optimizer=keras.optimizers.SGD(0.0))
    history = model.fit(tf_data(IMAGES, labels), shuffle=False, verbose=0).history
    assert np.isnan(history["loss"][-1])
    assert np.isnan(history["accuracy"][-1])


def test_single_batches_are_checked(model):
    for call in (model.train_on_batch, model.test_on_batch):
        with pytest.raises(ValueError, match="labels from 1 to 3"):
            call(IMAGES, LABELS + 1)
        with pytest.raises(ValueError, match="images of shape"):
            call(IMAGES[:, :8], LABELS)
        with pytest.warns(UserWarning, match="no value above 1"):
            call(IMAGES / 255, LABELS)
        assert np.isfinite(call(IMAGES, LABELS, return_dict=True)["loss"])
    with pytest.raises(ValueError, match="images of shape"):
        model.predict_on_batch(IMAGES[:, :8])
    assert model.predict_on_batch(IMAGES).shape == (len(IMAGES), 3)


def test_scaled_twice(model):
    with pytest.warns(UserWarning, match="no value above 1"):
        model.predict(IMAGES / 255, verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        tiny.capsnet(rescaling=1).predict(IMAGES / 255, verbose=0)


@pytest.mark.parametrize(
    ("images", "rescaling", "message"),
    [
        (IMAGES.astype("uint16") * 257, 1 / 255, r"rescaling=1 / 65535\."),
        (IMAGES.astype("float32") * 16, 1 / 255, "values up to .* should see values from 0 to 1"),
        (IMAGES, 1, r"rescaling=1 / 255\."),
        (IMAGES, 1 / 65535, r"pixel values from 0 to 65535"),
        ((IMAGES > 99).astype("uint8"), 1 / 255, "no value above 1,"),
        (IMAGES > 99, 1 / 255, "no value above 1,"),
        (IMAGES // 16, 1 / 255, r"rescaling=1 / 15\."),
    ],
    ids=["16 bits", "12 bits", "not rescaled", "8 of 16 bits", "masks", "bool", "16 levels"],
)
def test_other_scales(images, rescaling, message):
    model = tiny.capsnet(rescaling=rescaling, decoder=None)
    with pytest.warns(UserWarning, match=message):
        model.check_data(images)


@pytest.mark.parametrize(
    ("images", "rescaling"),
    [
        (IMAGES, 1 / 255),
        (IMAGES.astype("uint16") * 257, 1 / 65535),
        (IMAGES > 99, 1),
        # Normalized elsewhere; one dark picture; pictures of nothing.
        ((IMAGES / 25 - 5).astype("float32"), 1),
        (IMAGES[:1] // 100, 1 / 255),
        (np.zeros_like(IMAGES), 1 / 255),
    ],
    ids=["8 bits", "16 bits", "masks", "normalized", "dark", "nothing"],
)
def test_right_scales(images, rescaling):
    model = tiny.capsnet(rescaling=rescaling, decoder=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.check_data(images)
