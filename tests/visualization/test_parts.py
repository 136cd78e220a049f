"""What is drawn of a network that learns without labels: pages, parts, and what is refused."""

import pathlib

import numpy as np
import pytest
from PIL import Image

import capszoo
from capszoo.visualization import draw_code
from capszoo.visualization import draw_parts
from capszoo.visualization import draw_reconstruction
from tests.visualization.test_explanation import pictures_of

PRESET, OF_VOLUMES = "sparse_capsnet_digits", "ucaps3d_autoencoder_generated_volumes"


def shown(axis):
    return np.asarray(axis.images[0].get_array())


def test_parts_stand_in_the_order_of_their_presence():
    model = capszoo.load(PRESET)
    images, _ = capszoo.data.load("digits", "test")
    axes = draw_parts(model, images[0]).axes
    np.testing.assert_allclose(shown(axes[0]), images[0, ..., 0] / 255, atol=1e-6)
    np.testing.assert_allclose(shown(axes[1]), model.reconstruct(images[:1])[0, ..., 0], atol=1e-6)
    parts = model.parts(images[:1])
    # Of the sixteen masks ten are zero.
    assert sum(bool(axis.images) for axis in axes) == 2 + 6
    for axis, number in zip(axes[2:6], np.argsort(-parts.presence[0])[:4], strict=True):
        np.testing.assert_allclose(shown(axis), parts.pictures[0, number, ..., 0], atol=1e-6)
        assert axis.get_xlabel() == f"capsule {number}\n{parts.presence[0, number]:.2f}"
    code = draw_code(model, images[0]).axes[0]
    np.testing.assert_allclose(shown(code), model.encode(images[:1])[0], atol=1e-6)


def test_volumes_are_cut_in_the_middle():
    model = capszoo.load(OF_VOLUMES)
    volume = np.random.default_rng(0).normal(size=model.example_shape)
    axes = draw_reconstruction(model, volume).axes
    assert [axis.get_title() for axis in axes[:3]] == [
        f"slice 8 across\naxis {number}" for number in (1, 2, 3)
    ]
    with pytest.raises(ValueError, match="does not reconstruct pictures"):
        draw_parts(model, volume)


@pytest.mark.parametrize(
    ("name", "parts"), [(PRESET, ["reconstruction", "code", "parts"]), (OF_VOLUMES, None)]
)
def test_page(name, parts, run, tmp_path):
    code, _, error = run("explain", name, "--output", "page")
    assert code == 0, error
    page = tmp_path / "page" / "index.html"
    parts = parts or ["reconstruction", "code"]
    assert pictures_of(page)[: len(parts)] == [f"example_1_{part}.png" for part in parts]
    assert (name == PRESET) != ("Left out" in page.read_text(encoding="utf-8"))


def test_command(run, tmp_path):
    images, _ = capszoo.data.load("digits", "test")
    Image.fromarray(images[0, ..., 0]).resize((30, 20)).save(tmp_path / "digit.png")
    code, _, error = run("parts", PRESET, "digit.png", "--output", "drawn.png")
    assert code == 0, error
    with Image.open(tmp_path / "drawn.png") as drawn:
        assert drawn.size > (800, 150)
    for arguments, match in (
        ((PRESET, "nowhere.png"), "Expected one picture"),
        (("capsnet_digits", "digit.png"), "draws no parts: it does not reconstruct"),
        ((PRESET, "digit.png", "--output", "parts.txt"), "Expected --output"),
        ((PRESET, "digit.png", "--output", "no/parts.png"), "Expected --output"),
    ):
        code, _, error = run("parts", *arguments)
        assert code == 2
        assert match in " ".join(error.split())
    assert {path.name for path in pathlib.Path(tmp_path).iterdir()} == {"digit.png", "drawn.png"}


def test_frames_of_templates_lie_where_parts_are():
    model = capszoo.load("scae_digits")
    images, _ = capszoo.data.load("digits", "test")
    parts = model.parts(images[:1])
    axes = draw_parts(model, images[0]).axes
    first = int(np.argmax(parts.presence[0]))
    x, y = axes[0].lines[0].get_xydata().T
    corners = parts.places[0, first] @ np.array([[-1, 1, 1, -1, -1], [-1, -1, 1, 1, -1], [1] * 5])
    np.testing.assert_allclose([x, y], (corners + 1) * 4, atol=1e-5)
    assert len(axes[0].lines) == (parts.presence[0] > 0.1).sum()
