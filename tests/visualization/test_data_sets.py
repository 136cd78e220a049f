"""What a model makes of a data set, against plain loops."""

import numpy as np
import pytest

import capszoo
from tests.once import ONCE

pytestmark = ONCE


@pytest.fixture(scope="module")
def seen():
    model = capszoo.load("vb_capsnet_digits")
    images, labels = (part[:120] for part in capszoo.data.load("digits", "test"))
    return model, images, labels, model.predict(images, verbose=0)


def test_confusion_and_surprises(seen):
    model, images, labels, scores = seen
    counts = np.zeros((10, 10), int)
    margins = {}
    for place, (own, label) in enumerate(zip(scores, labels, strict=True)):
        counts[label, own.argmax()] += 1
        if own.argmax() != label:
            margins[place] = own.max() - own[label]
    assert margins, "a model without mistakes shows nothing here"
    np.testing.assert_array_equal(capszoo.visualization.confusion(model, images, labels), counts)
    expected = sorted(margins, key=lambda place: -margins[place])
    assert capszoo.visualization.surprises(model, images, labels).tolist() == expected


def test_nearest_examples(seen):
    model, images, _, scores = seen
    poses, classes = model.encode(images), scores.argmax(axis=-1)
    found = capszoo.visualization.nearest_examples(model, images[:5], images[5:], number=3)
    for place, row in enumerate(found):
        same = [
            (np.linalg.norm(poses[place, classes[place]] - poses[5 + other, classes[place]]), other)
            for other in range(len(images) - 5)
            if classes[5 + other] == classes[place]
        ]
        assert row.tolist() == [other for _, other in sorted(same)[:3]]
    few = capszoo.visualization.nearest_examples(model, images[:1], images[:1], number=3)
    assert few.tolist() == [[0, -1, -1]]


def test_refusals(seen):
    model, images, labels, _ = seen
    with pytest.raises(ValueError, match="one integer for each of 120 examples"):
        capszoo.visualization.confusion(model, images, labels[:5])
    with pytest.raises(ValueError, match=r"three examples or more. Received: 2"):
        capszoo.visualization.draw_pose_map(model, images[:2], labels[:2])
