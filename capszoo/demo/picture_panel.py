"""Draw or drop a picture: its class, votes and reconstructions, and its capsule to turn by hand."""

import numpy as np
from PIL import Image

from capszoo.demo.canvas import SIDE
from capszoo.demo.canvas import decoded
from capszoo.demo.canvas import encoded
from capszoo.demo.canvas import make_canvas
from capszoo.demo.sketch import as_picture
from capszoo.demo.sketch import share_of_ink
from capszoo.visualization import decode_classes
from capszoo.visualization import draw_scores
from capszoo.visualization import draw_vote_maps
from capszoo.visualization import prepared_pictures
from capszoo.visualization import why_no_reconstructions
from capszoo.visualization import why_no_vote_maps
from capszoo.visualization.reconstructions import decode
from capszoo.visualization.reconstructions import one_class_each

# Of a decoded picture, in pixels on the page.
_SIDE = 256
_PER_ROW = 4
_WORDS = {
    "votes": "**Votes.** Bright places gave the class a large share of their capsules.",
    "pictures": "**Reconstructions.** What the two best classes' capsules decode to.",
    "turn": "**The winning capsule, number by number.** Move one: the picture is decoded anew.",
}


def picture_panel(gr, model, names, examples) -> None:
    """Adds the panel to a page of Gradio.

    Args:
        gr: The module `gradio`.
        model: A `CapsuleClassifier` of pictures of 1 or 3 channels.
        names: Of its classes.
        examples: Test pictures; `None` where there are none.
    """
    no_votes, no_decoder = why_no_vote_maps(model), why_no_reconstructions(model)
    fill = share_of_ink(examples if model.example_shape[-1] == 1 else None)
    poses, at = gr.State(), gr.State(0)
    with gr.Row():
        with gr.Column(min_width=360):
            canvas = make_canvas(gr)
            another = gr.Button("Another test picture", visible=examples is not None)
        with gr.Column(min_width=420):
            answer = gr.Markdown("### Draw something", elem_id="answer")
            scores = gr.Plot(show_label=False, elem_id="scores")
    sliders, turned = [], None
    if no_decoder is None:
        with gr.Row():
            with gr.Column(min_width=280, scale=1):
                gr.Markdown(_WORDS["turn"])
                turned = gr.Image(
                    show_label=False, interactive=False, buttons=[], height=_SIDE, elem_id="decoded"
                )
            with gr.Column(scale=3):
                numbers = list(range(model.output["poses"].shape[-1]))
                for start in range(0, len(numbers), _PER_ROW):
                    with gr.Row():
                        for number in numbers[start : start + _PER_ROW]:
                            sliders.append(
                                gr.Slider(
                                    -1,
                                    1,
                                    0,
                                    step=0.01,
                                    label=f"pose[{number}]",
                                    min_width=130,
                                    elem_id=f"pose_{number}",
                                )
                            )
    with gr.Row():
        with gr.Column():
            gr.Markdown(_WORDS["votes"] if no_votes is None else f"No map of votes: {no_votes}.")
            votes = gr.Plot(show_label=False, elem_id="votes", visible=no_votes is None)
        with gr.Column():
            gr.Markdown(_WORDS["pictures"] if no_decoder is None else f"No decoding: {no_decoder}.")
            with gr.Row():
                pictures = [
                    gr.Image(
                        label=label,
                        interactive=False,
                        buttons=[],
                        height=190,
                        min_width=130,
                        visible=no_decoder is None,
                    )
                    for label in ("the picture", "best class", "second best")
                ]
    shown = [answer, scores, votes, *pictures, poses, *sliders, *([turned] if turned else [])]

    def look(value):
        drawn = decoded(value)
        picture = None if drawn is None else as_picture(drawn, model, fill)
        if picture is None:
            return ["### Draw something", *[gr.skip()] * (len(shown) - 1)]
        batch = picture[None]
        found = model.predict(batch, verbose=0)[0]
        best = int(found.argmax())
        result = [
            f"### {names[best]}\nscore {found[best]:.2f}",
            draw_scores(found, names),
            draw_vote_maps(model, picture, names=names) if no_votes is None else None,
        ]
        if no_decoder is not None:
            return [*result, *[None] * (len(shown) - len(result))]
        alone = one_class_each(model.encode(batch), [best])
        own = alone[0, best]
        largest = max(1.0, float(np.ceil(np.abs(own).max())))
        places = [
            gr.update(value=round(float(one), 2), minimum=-largest, maximum=largest) for one in own
        ]
        pair = np.argsort(-found)[: min(2, len(found))]
        again = decode_classes(model, np.repeat(batch, len(pair), axis=0), pair)
        seen = [
            _enlarged(prepared_pictures(model, batch)[0]),
            *(
                gr.update(value=_enlarged(one), label=f"decoded from {names[number]}")
                for one, number in zip(again, pair, strict=True)
            ),
        ]
        seen += [None] * (len(pictures) - len(seen))
        return [*result, *seen, (alone, best), *places, _enlarged(decode(model, alone)[0])]

    def turn(kept, *values):
        if kept is None:
            return gr.skip()
        alone, best = kept
        alone = alone.copy()
        alone[0, best] = values
        return _enlarged(decode(model, alone)[0])

    def show_another(number):
        picture = _enlarged(examples[number % len(examples)] / 255.0, SIDE)
        return encoded(picture), number + 1

    one_at_a_time = {"concurrency_limit": 1, "concurrency_id": "model", "api_visibility": "private"}
    # Not on every slider: what was seen before stays until there is something new.
    quietly = {**one_at_a_time, "show_progress_on": scores}
    canvas.input(look, canvas, shown, trigger_mode="always_last", **quietly)
    shows = another.click(show_another, at, [canvas, at], **one_at_a_time)
    shows.then(look, canvas, shown, **quietly)
    for slider in sliders:
        slider.input(
            turn,
            [poses, *sliders],
            turned,
            trigger_mode="always_last",
            show_progress="hidden",
            **one_at_a_time,
        )


def _enlarged(picture, side=_SIDE):
    """A picture of numbers from 0 to 1 as bytes, its pixels as squares."""
    array = (np.clip(picture, 0, 1) * 255).round().astype("uint8")
    small = Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array).convert("RGB")
    width = round(side * small.width / small.height)
    return np.asarray(small.resize((width, side), Image.Resampling.NEAREST))
