"""Drop a picture or a scan: the classes of its pixels, or of its voxels slice by slice."""

import numpy as np

from capszoo.data.mask_pictures import read_picture
from capszoo.data.nifti import read_volume
from capszoo.visualization import draw_label_map
from capszoo.visualization.label_maps import coloured
from capszoo.visualization.label_maps import grey_of

_AXES = ("first", "second", "third")
# Of a slice on the page, in pixels.
_SIDE = 400


def label_panel(gr, model, names, examples) -> None:
    """Adds the panel of networks that segment pictures to a page of Gradio.

    Args:
        gr: The module `gradio`.
        model: A `CapsuleSegmenter` of pictures.
        names: Of its classes.
        examples: Test pictures; `None` where there are none.
    """
    at = gr.State(0)
    with gr.Row():
        dropped = gr.File(label="Drop a picture", type="filepath")
        another = gr.Button("Another test picture", visible=examples is not None, elem_id="another")
    found = gr.Plot(show_label=False, elem_id="labels")

    def look(path):
        if path is None:
            return gr.skip()
        try:
            return draw_label_map(model, read_picture(path, model.image_shape[-1]), names)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from error

    def show_another(number):
        return draw_label_map(model, examples[number % len(examples)], names), number + 1

    alone = {"concurrency_limit": 1, "concurrency_id": "model", "api_visibility": "private"}
    dropped.change(look, dropped, found, **alone)
    another.click(show_another, at, [found, at], **alone)


def slice_panel(gr, model, names, examples) -> None:
    """Adds the panel of networks that segment volumes to a page of Gradio.

    Args:
        gr: The module `gradio`.
        model: A `CapsuleSegmenter` of volumes.
        names: Of its classes.
        examples: Test volumes; `None` where there are none.
    """
    at, kept = gr.State(0), gr.State()
    with gr.Row():
        with gr.Column():
            dropped = gr.File(label="Drop a scan (.nii, .nii.gz)", type="filepath")
            another = gr.Button(
                "Another test volume", visible=examples is not None, elem_id="another"
            )
            axis = gr.Radio(list(_AXES), value="first", label="Across which axis")
            place = gr.Slider(0, 1, 0, step=1, label="Slice", elem_id="slice")
            counts = gr.Markdown(elem_id="answer")
        plain = gr.Image(label="Slice", interactive=False, buttons=[], height=_SIDE)
        labelled = gr.Image(
            label="Classes found", interactive=False, buttons=[], height=_SIDE, elem_id="labels"
        )

    def segment(volume):
        labels = np.asarray(model.segment([volume])[0])
        number = np.bincount(labels.ravel(), minlength=len(names))
        words = "\n".join(
            f"- {name}: {count:,} voxels" for name, count in zip(names, number, strict=True)
        )
        return (grey_of(volume), labels), words

    def look(path):
        if path is None:
            return gr.skip(), gr.skip()
        try:
            return segment(read_volume(path).array)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from error

    def show_another(number):
        return *segment(examples[number % len(examples)]), number + 1

    def to_middle(pair, name):
        if pair is None:
            return gr.skip()
        size = pair[1].shape[_AXES.index(name)]
        return gr.update(maximum=size - 1, value=size // 2)

    def cut(pair, name, number):
        if pair is None:
            return None, None
        along = _AXES.index(name)
        number = min(int(number), pair[1].shape[along] - 1)
        grey, labels = (np.take(one, number, along) for one in pair)
        step = max(1, _SIDE // max(grey.shape))
        pictures = (np.repeat(grey[..., None], 3, -1), coloured(grey, labels, len(names)))
        return [
            (255 * np.kron(one, np.ones((step, step, 1)))).round().astype("uint8")
            for one in pictures
        ]

    alone = {"concurrency_limit": 1, "concurrency_id": "model", "api_visibility": "private"}
    shown = ([kept, axis, place], [plain, labelled])
    for event in (
        dropped.change(look, dropped, [kept, counts], **alone),
        another.click(show_another, at, [kept, counts, at], **alone),
        axis.change(lambda: None, **alone),
    ):
        event.then(to_middle, [kept, axis], place, **alone).then(cut, *shown, **alone)
    place.input(cut, *shown, trigger_mode="always_last", show_progress="hidden", **alone)
