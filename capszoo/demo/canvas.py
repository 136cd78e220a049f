"""A square to draw on, or to drop or paste a picture into, as a component of Gradio."""

import base64
import binascii
import io

import numpy as np
from PIL import Image

SIDE = 320

_HTML = """<div class="place"></div>
<p>Draw here, or drop or paste a picture. <button type="button">Clear</button></p>"""
_CSS = """.place { width: 322px; border: 1px solid #9ca3af; line-height: 0; }
canvas { cursor: crosshair; touch-action: none; }
p { margin: 8px 0; }
button { border: 1px solid #9ca3af; border-radius: 4px; padding: 2px 10px; cursor: pointer; }"""
# The value is the picture as a data address; what the server gives is drawn.
_SCRIPT = """const SIDE = 320, WIDTH = 30;
const canvas = document.createElement('canvas');
canvas.width = canvas.height = SIDE;
element.querySelector('.place').appendChild(canvas);
const pen = canvas.getContext('2d');
let drawing = false, mine = '';
const clear = () => { pen.fillStyle = 'white'; pen.fillRect(0, 0, SIDE, SIDE); };
const tell = () => { mine = props.value = canvas.toDataURL('image/png'); trigger('input'); };
const show = (address, done) => {
  const picture = new Image();
  picture.onload = () => {
    clear();
    const scale = SIDE / Math.max(picture.width, picture.height);
    const width = picture.width * scale, height = picture.height * scale;
    pen.imageSmoothingEnabled = scale < 4;
    pen.drawImage(picture, (SIDE - width) / 2, (SIDE - height) / 2, width, height);
    done();
  };
  picture.src = address;
};
const read = (file) => {
  if (!file || !file.type.startsWith('image/')) return;
  const reader = new FileReader();
  reader.onload = () => show(reader.result, tell);
  reader.readAsDataURL(file);
};
const place = (event) => {
  const box = canvas.getBoundingClientRect();
  return [(event.clientX - box.left) * SIDE / box.width,
          (event.clientY - box.top) * SIDE / box.height];
};
clear();
pen.lineWidth = WIDTH; pen.lineCap = pen.lineJoin = 'round'; pen.strokeStyle = 'black';
canvas.addEventListener('pointerdown', (event) => {
  drawing = true;
  canvas.setPointerCapture(event.pointerId);
  pen.beginPath(); pen.moveTo(...place(event)); pen.lineTo(...place(event)); pen.stroke();
});
canvas.addEventListener('pointermove', (event) => {
  if (drawing) { pen.lineTo(...place(event)); pen.stroke(); }
});
canvas.addEventListener('pointerup', () => { if (drawing) { drawing = false; tell(); } });
canvas.addEventListener('dragover', (event) => event.preventDefault());
canvas.addEventListener('drop', (event) => {
  event.preventDefault(); read(event.dataTransfer.files[0]);
});
document.addEventListener('paste', (event) => {
  if (canvas.isConnected) read(event.clipboardData.files[0]);
});
element.querySelector('button').addEventListener('click', () => { clear(); tell(); });
watch('value', () => { if (props.value && props.value !== mine) show(props.value, () => {}); });
"""


def make_canvas(gr):
    """Makes the component.

    Args:
        gr: The module `gradio`.

    Returns:
        A `gradio.HTML`: its value is a picture, see `decoded` and `encoded`, and it says `input`
        when something was drawn.
    """
    return gr.HTML(html_template=_HTML, css_template=_CSS, js_on_load=_SCRIPT, elem_id="canvas")


def decoded(value: str | None) -> np.ndarray | None:
    """Reads the picture that is the value of a canvas.

    Args:
        value: A data address, or `None`.

    Returns:
        uint8 array `(height, width, 3)`; `None` where there is no picture.

    Example:

    >>> white = np.full((2, 2, 3), 255, "uint8")
    >>> canvas = capszoo.demo.canvas
    >>> bool((canvas.decoded(canvas.encoded(white)) == white).all())
    True
    """
    if not value:
        return None
    try:
        content = base64.b64decode(value.partition(",")[2], validate=True)
        with Image.open(io.BytesIO(content)) as picture:
            return np.asarray(picture.convert("RGB"))
    except (binascii.Error, OSError):
        return None


def encoded(picture: np.ndarray) -> str:
    """Makes a picture the value of a canvas.

    Args:
        picture: uint8 array `(height, width, 3)`.

    Returns:
        A data address.
    """
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "png")
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"
