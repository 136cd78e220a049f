"""What codes say of classes: clusters against all ways to call them, probes, presets."""

import itertools

import numpy as np
import pytest

import capszoo
from capszoo.training.codes import clustering_accuracy
from capszoo.training.codes import measure_codes
from capszoo.training.codes import probe_accuracy
from capszoo.zoo import read_preset


def test_clusters_are_called_in_the_best_way():
    random = np.random.default_rng(0)
    labels = random.integers(0, 4, 60)
    centres = 20 * random.permutation(4)
    # A fifth lies with another class.
    seen = np.where(random.uniform(size=60) < 0.2, random.integers(0, 4, 60), labels)
    codes = (centres[seen] + random.normal(size=60))[:, None]
    expected = max(
        np.mean(np.array(names)[seen] == labels) for names in itertools.permutations(range(4))
    )
    assert clustering_accuracy(codes, labels) == pytest.approx(expected)
    # Names of classes are names.
    assert clustering_accuracy(codes, labels * 10 + 3) == pytest.approx(expected)


def test_codes_that_are_all_the_same():
    labels = np.array([0, 0, 1])
    assert clustering_accuracy(np.zeros((3, 2)), labels) == pytest.approx(2 / 3)


def test_a_probe_is_asked_for_what_it_has_not_seen():
    random = np.random.default_rng(0)
    codes, labels = random.normal(size=(400, 30)), random.integers(0, 2, 400)
    chance = probe_accuracy((codes[:40], labels[:40]), (codes[40:], labels[40:]))
    assert abs(chance - 0.5) < 0.15
    codes[:, 3] += 50 * labels
    # On whatever scale.
    codes[:, 3] *= 1e-4
    assert probe_accuracy((codes[:40], labels[:40]), (codes[40:], labels[40:])) > 0.9


def test_of_a_preset():
    preset = read_preset("sparse_capsnet_digits")
    model = capszoo.load("sparse_capsnet_digits", prepared=True)
    found = measure_codes(preset, model)
    assert found["probe_accuracy"] == pytest.approx(preset.results.test_probe_accuracy, abs=0.01)
    assert found["clustering_accuracy"] == pytest.approx(
        preset.results.test_clustering_accuracy, abs=0.02
    )
    images, _ = capszoo.data.load("digits", "test")
    assert model.codes(images[:3]).shape == (3, 256)


def test_no_probe_where_the_classes_of_the_test_are_others(monkeypatch):
    preset = read_preset("sparse_capsnet_digits")
    model = capszoo.load("sparse_capsnet_digits", prepared=True)
    load = model.input_end.load

    def of_persons(content, split, *rest):
        images, labels = load(content, split, *rest)
        known = (labels < 5) == (split == "train")
        return images[known], labels[known]

    monkeypatch.setattr(model.input_end, "load", staticmethod(of_persons))
    assert set(measure_codes(preset, model)) == {"clustering_accuracy"}


def test_volumes_have_no_classes():
    name = "ucaps3d_autoencoder_generated_volumes"
    assert measure_codes(read_preset(name), capszoo.load(name, prepared=True)) == {}


def test_commands_name_them(run):
    code, out, _ = run("evaluate", "sparse_capsnet_digits")
    assert code == 0
    assert "agrees" in out
    assert "probe_accuracy: 9" in out
    assert "clustering_accuracy: " in out
    code, out, _ = run("show", "sparse_capsnet_digits")
    assert "test_probe_accuracy" in out
