"""Finding and listing presets: ours, the user's own, directories and files."""

import pytest

import capszoo
from capszoo.files import load_yaml
from capszoo.zoo import find_preset
from capszoo.zoo import list_presets
from capszoo.zoo import read_preset
from tests.zoo.tiny import tiny_model
from tests.zoo.tiny import write_tiny

# Keras itself, saving weights on JAX with NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def test_list_presets():
    assert {"capsnet_digits", "capsnet_mnist"} <= set(list_presets())
    assert list_presets() == sorted(list_presets())
    assert list_presets("capsnet_d*") == ["capsnet_digits"]
    assert all(name.endswith("_digits") for name in list_presets("*_digits"))
    assert list_presets("nothing*") == []


def test_find_by_name_file_and_directory(tmp_path):
    ours = find_preset("capsnet_digits")
    assert ours.name == "capsnet_digits.yaml"
    assert find_preset(ours) == find_preset(str(ours)) == ours
    tiny_model().save_to_preset(tmp_path / "saved")
    assert find_preset(tmp_path / "saved") == tmp_path / "saved" / "preset.yaml"


def test_unknown_name_suggests():
    with pytest.raises(ValueError, match=r"preset 'capsnet_digit'\. Did you mean 'capsnet_digits'"):
        find_preset("capsnet_digit")


@pytest.mark.parametrize("missing", ["nowhere/tiny.yaml", "tiny.yaml", "no/such/folder"])
def test_missing_file_or_directory(missing, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=rf"No such preset file or directory: '{missing}'"):
        find_preset(missing)


def test_directory_without_a_preset(tmp_path):
    with pytest.raises(ValueError, match=r"is no preset: it has no preset\.yaml"):
        find_preset(tmp_path)


def test_a_name_wins_over_a_folder_called_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny_model().save_to_preset(tmp_path / "capsnet_digits")
    assert find_preset("capsnet_digits").name == "capsnet_digits.yaml"
    assert find_preset("./capsnet_digits").name == "preset.yaml"
    assert capszoo.load("./capsnet_digits").count_params() < 20_000


def test_own_presets_are_listed_and_loaded(tmp_path, monkeypatch):
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    (first / "search_space.yaml").write_text("not: a preset")
    write_tiny(first)
    tiny_model(name="saved").save_to_preset(second / "saved")
    monkeypatch.setenv("CAPSZOO_PRESETS", f"{first}:{second}")
    assert set(list_presets()) >= {"tiny", "saved", "capsnet_digits"}
    assert read_preset("tiny").training.epochs == 2
    assert capszoo.load("saved").name == "saved"
    assert capszoo.load("tiny", load_weights=False).num_classes == 10


def test_missing_folder_of_presets(tmp_path, monkeypatch):
    monkeypatch.setenv("CAPSZOO_PRESETS", str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match=r"CAPSZOO_PRESETS names '.*nowhere', which is not a fold"):
        list_presets()


def test_two_presets_of_one_name(tmp_path, monkeypatch):
    path = write_tiny(tmp_path, name="capsnet_digits")
    monkeypatch.setenv("CAPSZOO_PRESETS", str(tmp_path))
    with pytest.raises(ValueError, match=r"Two files are named preset 'capsnet_digits'") as caught:
        read_preset("capsnet_digits")
    assert str(path) in str(caught.value)
    assert read_preset(path).family == "capsnet"
    assert "capsnet_mnist" in list_presets()


def test_numbers_and_keys(tmp_path):
    path = write_tiny(tmp_path)
    text = path.read_text() + "description: twice\n"
    path.write_text(text + "description: thrice\n")
    with pytest.raises(ValueError, match="stands twice"):
        read_preset(path)
    assert load_yaml("[1e-3, 1E5, .5e1, 1e, 12, -2e-1]") == [1e-3, 1e5, 5.0, "1e", 12, -0.2]
