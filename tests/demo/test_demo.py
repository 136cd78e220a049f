"""The demo in a real browser: something is drawn, read, turned, and no other machine is asked."""

import importlib.util
import json
import shutil
import socket

import numpy as np
import pytest

import capszoo
from capszoo.demo import canvas
from capszoo.demo import page
from capszoo.demo import presets
from capszoo.demo import sketch
from capszoo.demo.serving import free_port
from tests.once import ONCE

# Gradio leaves the event loop and the sockets of a closed server to the garbage collector.
unclosed = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
pytestmark = [ONCE, unclosed]
SECONDS = 120


def why_no_browser():
    for name in ("gradio", "selenium"):
        if importlib.util.find_spec(name) is None:
            return f"needs {name}: pip install {name}"
    for name in ("chromium", "chromedriver"):
        if shutil.which(name) is None:
            return f"needs {name}: apt-get install chromium chromium-driver"
    return None


@pytest.fixture
def browser():
    reason = why_no_browser()
    if reason:
        pytest.skip(reason)
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    for word in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "window-size=1280,1600"):
        options.add_argument(f"--{word}")
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


@pytest.fixture
def address(monkeypatch, request):
    """Where the page of a preset is, by default that of digits."""
    if importlib.util.find_spec("gradio") is None:
        pytest.skip("needs gradio: pip install gradio")
    for name in page.OFFLINE:
        monkeypatch.setenv(name, "")  # and back afterwards
    preset = getattr(request, "param", page.FIRST)
    shown, found = capszoo.demo.serve(preset, port=free_port())
    yield found
    shown.close()


def hosts(driver):
    """The machines that the page has asked for something."""
    messages = (json.loads(one["message"])["message"] for one in driver.get_log("performance"))
    asked = [
        one["params"]["request"]["url"]
        for one in messages
        if one["method"] == "Network.requestWillBeSent"
    ]
    return {url.split("/")[2] for url in asked if url.startswith(("http", "ws"))}


class Looking:
    """An open page: what is found there, when it is there."""

    def __init__(self, browser, address):
        from selenium.webdriver.common.by import By
        from selenium.webdriver.support.wait import WebDriverWait

        self.by, self.waiting = By.CSS_SELECTOR, WebDriverWait
        self.browser, self.host = browser, address.split("/")[2]
        browser.get(address)

    def find(self, selector):
        return self.browser.find_element(self.by, selector)

    def wait(self, look):
        waiting = self.waiting(self.browser, SECONDS, ignored_exceptions=[Exception])
        return waiting.until(lambda _: look())

    def slide(self, selector, by):
        from selenium.webdriver.common.action_chains import ActionChains

        slider = self.find(f"{selector} input[type=range]")
        ActionChains(self.browser).move_to_element_with_offset(slider, by, 0).click().perform()

    def asked_nobody_else(self):
        return hosts(self.browser) == {self.host}


@pytest.mark.filterwarnings("ignore")  # of Gradio and what it stands on
def test_draw_read_and_turn(address, browser):
    from selenium.webdriver.common.action_chains import ActionChains

    look = Looking(browser, address)
    place = look.wait(lambda: look.find("#canvas canvas"))
    # A one: a line from above to below.
    pen = ActionChains(browser).move_to_element_with_offset(place, 10, -110).click_and_hold()
    for _ in range(4):
        pen.move_by_offset(-2, 55)
    pen.release().perform()
    look.wait(lambda: "score" in look.find("#answer").text)
    assert look.find("#answer").text.startswith("1\n")
    look.wait(lambda: look.find("#scores img") and look.find("#votes img"))
    before = look.wait(lambda: look.find("#decoded img").get_attribute("src"))
    look.slide("#pose_3", 50)
    look.wait(lambda: look.find("#decoded img").get_attribute("src") != before)
    assert look.asked_nobody_else()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("address", ["text_capsnet_generated_questions"], indirect=True)
def test_type_and_read(address, browser):
    from selenium.webdriver.common.keys import Keys

    look = Looking(browser, address)
    # The text that is there at first is read already.
    look.wait(lambda: "score" in look.find("#answer").text)
    line = look.wait(lambda: look.find("#line textarea"))
    for typed, kind in (
        ("how many bridges were built in farrow ?", "number"),
        ("who sold the old garden ?", "person"),
    ):
        line.send_keys(Keys.CONTROL, "a")
        line.send_keys(typed, Keys.ENTER)
        look.wait(lambda kind=kind: look.find("#answer").text.startswith(f"{kind}\nscore"))
    assert look.find("#scores img")
    assert look.find("#words img")
    line.send_keys(Keys.CONTROL, "a")
    line.send_keys(Keys.BACKSPACE)
    look.wait(lambda: look.find("#answer").text == "Type something")
    assert look.asked_nobody_else()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("address", ["ucaps3d_generated_volumes"], indirect=True)
def test_open_a_scan_and_go_through_it(address, browser, tmp_path):
    nibabel = pytest.importorskip("nibabel", reason="needs nibabel: pip install nibabel")
    volumes, _ = capszoo.data.load("generated_volumes", "test")
    path = tmp_path / "scan.nii.gz"
    nibabel.save(nibabel.Nifti1Image(volumes[0][..., 0], np.eye(4)), path)
    look = Looking(browser, address)
    look.wait(lambda: look.find("input[type=file]")).send_keys(str(path))
    look.wait(lambda: "voxels" in look.find("#answer").text)
    # As many as the network finds in the array that the file was made of.
    labels = capszoo.load("ucaps3d_generated_volumes").segment(volumes[:1])
    for number, name in enumerate(("background", "dim", "bright")):
        assert f"{name}: {np.sum(labels == number):,} voxels" in look.find("#answer").text
    # It begins in the middle.
    look.wait(lambda: look.find("#slice input[type=range]").get_attribute("value") == "8")
    before = look.wait(lambda: look.find("#labels img").get_attribute("src"))
    look.slide("#slice", 50)
    look.wait(lambda: look.find("#labels img").get_attribute("src") != before)
    assert look.asked_nobody_else()


def test_a_port_in_use():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match=f"Port {port} is in use"):
            free_port(port)
    assert free_port() >= 7860


@pytest.mark.parametrize(
    ("preset", "message"),
    [
        ("capsgnn_generated_graphs", "There is no panel for capsgnn_generated_graphs"),
        ("capsnet_digit", "Did you mean 'capsnet_digits'?"),
    ],
)
def test_a_preset_that_cannot_be_shown(preset, message, run, monkeypatch):
    monkeypatch.setattr(page.importlib.util, "find_spec", lambda name: name)
    code, _, err = run("demo", preset)
    assert code == 2
    assert message in err


def test_without_gradio_it_says_so(monkeypatch):
    monkeypatch.setattr(page.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install \"capszoo\[demo\]\""):
        page.make_page()


def test_every_kind_has_a_preset_and_a_panel():
    kinds = {presets.kind_of(capszoo.zoo.read_preset(name)) for name in presets.shown_presets()}
    assert kinds == set(page.PANELS)


@pytest.mark.parametrize("dark", [True, False])
def test_a_sketch_becomes_such_as_the_data(dark):
    """Digits of the data, large, to one side and dark on bright, are read as they are."""
    model = capszoo.load("capsnet_digits")
    images, _ = capszoo.data.load("digits", "test")
    fill = sketch.share_of_ink(images)
    drawn = np.zeros((20, 300, 300, 3), "uint8")
    drawn[:, 30:190, 100:260] = np.kron(images[:20], np.ones((1, 20, 20, 3), "uint8")) // 17 * 15
    made = np.stack([sketch.as_picture(255 - one if dark else one, model, fill) for one in drawn])
    agree = model.predict(made, verbose=0).argmax(-1) == model.predict(images[:20]).argmax(-1)
    assert agree.mean() >= 0.9


def test_an_empty_canvas_is_no_picture():
    model = capszoo.load("capsnet_digits")
    assert sketch.as_picture(np.full((9, 9, 3), 255, "uint8"), model) is None
    assert canvas.decoded("data:image/png;base64,nonsense!") is None
    assert canvas.decoded(None) is None
