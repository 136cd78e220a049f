"""The page that explains, from Python and by the command."""

import re

import numpy as np
import pytest
from PIL import Image

import capszoo
from tests.once import ONCE

pytestmark = ONCE


def pictures_of(page):
    """The pictures a page shows, all of which are there and are none too large or empty."""
    shown = re.findall(r'<img src="([^"]+)"', page.read_text(encoding="utf-8"))
    assert sorted(shown) == sorted(path.name for path in page.parent.glob("*.png"))
    for name in shown:
        picture = np.asarray(Image.open(page.parent / name).convert("L"))
        assert 200 < picture.shape[1] < 2600
        assert picture.std() > 5
    return shown


def test_pictures_and_their_data_set(run, tmp_path):
    code, _, error = run("explain", "capsnet_digits", "--with-data", "--output", "page")
    assert (code, error.split(":")[0]) == (0, "Written")
    page = tmp_path / "page" / "index.html"
    shown = pictures_of(page)
    assert {"confusions.png", "pose_map.png", "neighbours.png", "example_3_votes.png"} <= set(shown)
    assert "Left out: it has a single layer of routed capsules." in page.read_text("utf-8")
    # What is there is not written over.
    code, _, error = run("explain", "capsnet_digits", "--output", "page")
    assert code == 2
    assert "Expected a directory that is empty or not there" in error


def test_several_layers_without_decoder(tmp_path):
    model = capszoo.load("em_capsnet_digits")
    images, _ = capszoo.data.load("digits", "test")
    page = capszoo.visualization.explain(
        model, images[:1], tmp_path / "page", labels_of_examples=["<b>a.png</b>"]
    )
    assert pictures_of(page) == [
        f"example_1_{name}.png" for name in ("scores", "votes", "parse_tree")
    ]
    text = page.read_text("utf-8")
    assert text.count("Left out: it has no decoder.") == 2
    assert "&lt;b&gt;a.png&lt;/b&gt;" in text


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("text_capsnet_generated_questions", ["Who built the old bridge?"], ["scores", "words"]),
        ("capsgnn_generated_graphs", [], ["scores", "nodes"]),
        ("ucaps3d_generated_volumes", [], ["label_map"]),
        ("segcaps_digit_scenes", [], ["label_map"]),
    ],
)
def test_other_modalities(run, tmp_path, name, given, expected):
    code, _, error = run("explain", name, *given, "--output", "page")
    assert code == 0, error
    shown = pictures_of(tmp_path / "page" / "index.html")
    assert shown[: len(expected)] == [f"example_1_{one}.png" for one in expected]


def test_a_generator_shows_what_it_makes(run, tmp_path):
    code, _, error = run("explain", "conv_gan_digits", "--with-data", "--output", "page")
    assert code == 0, error
    page = tmp_path / "page" / "index.html"
    assert pictures_of(page) == [
        *(f"{name}.png" for name in ("made", "interpolation", "judgement")),
        *(f"example_{number}_realness.png" for number in (1, 2, 3)),
        "realness.png",
    ]
    assert "What conv_gan_digits makes" in page.read_text("utf-8")


def test_a_generator_whose_judge_is_gone(tmp_path):
    model = capszoo.models.ConvGAN((8, 8, 1), latent_dim=4, judge="nobody")
    images, _ = capszoo.data.load("digits", "test")
    page = capszoo.visualization.explain(model, images[:1], tmp_path / "page")
    assert pictures_of(page) == [
        f"{name}.png" for name in ("made", "interpolation", "example_1_realness")
    ]
    assert "nobody" in page.read_text("utf-8")


def test_what_is_drawn_is_what_the_networks_say():
    """The numbers below the pictures are the discriminator's and the judge's."""
    model = capszoo.load("capsule_gan_digits")
    made = model.generate(24, seed=0)

    def lines(figure):
        return [axis.get_xlabel() for axis in figure.axes]

    bytes_of_made = np.rint(made * 255).astype("uint8")
    realness = model.predict(made * 255, verbose=0).ravel()
    drawn = [float(line) for line in lines(capszoo.visualization.draw_made(model))]
    np.testing.assert_allclose(drawn, realness, atol=0.006)
    classes = capszoo.load(model.judge).predict(bytes_of_made, verbose=0).argmax(-1)
    drawn = lines(capszoo.visualization.draw_judgement(model))
    assert [line[0] for line in drawn] == [str(one) for one in classes]
    first, last = model.latents(6, seed=0)[:2]
    ends = model.decode(np.stack([first, last]))
    axes = capszoo.visualization.draw_interpolation(model).axes
    for axis, end in zip((axes[0], axes[7]), ends, strict=True):
        np.testing.assert_allclose(axis.images[0].get_array(), end[..., 0], atol=1e-5)


def test_pictures_of_any_size_are_segmented(run, tmp_path):
    picture = Image.fromarray(np.eye(70, dtype="uint8") * 200)
    for name, size in (("small", (20, 30)), ("large", (70, 45))):
        picture.resize(size).save(tmp_path / f"{name}.png")
    code, _, error = run(
        "explain", "segcaps_digit_scenes", "small.png", "large.png", "--output", "page"
    )
    assert code == 0, error
    assert len(pictures_of(tmp_path / "page" / "index.html")) == 2
    code, _, error = run("explain", "segcaps_digit_scenes", "page/index.html", "--output", "other")
    assert code == 2
    assert "This model takes files of pictures that end in" in error
    assert not (tmp_path / "other").exists()


def test_bad_input_leaves_nothing(run, tmp_path):
    model = capszoo.load("capsnet_digits")
    for images in (np.zeros((0, 8, 8, 1)), np.zeros((21, 8, 8, 1))):
        with pytest.raises(ValueError, match="Expected 1 to 20 examples"):
            capszoo.visualization.explain(model, images, tmp_path / "page")
    with pytest.raises(ValueError, match=r"channel|shape"):
        capszoo.visualization.explain(model, np.zeros((1, 8, 8, 3)), tmp_path / "page")
    code, _, error = run("explain", "capsnet_digits", "nowhere.png")
    assert code == 2
    assert "nowhere.png" in error
    assert not list(tmp_path.glob("page*"))
    assert not list(tmp_path.glob(".explained*"))
