"""Type a text: its class, and which of its words voted for it."""

from capszoo.visualization import draw_scores
from capszoo.visualization import draw_words


def text_panel(gr, model, names, examples) -> None:
    """Adds the panel to a page of Gradio.

    Args:
        gr: The module `gradio`.
        model: A `CapsuleClassifier` of texts.
        names: Of its classes.
        examples: Test texts; `None` where there are none.
    """
    has_words = hasattr(model, "words")

    def look(text):
        if not text.strip():
            return "### Type something", None, None
        try:
            found = model.predict([text], verbose=0)[0]
        except ValueError as error:
            return f"### {error}", None, None
        best = names[int(found.argmax())]
        drawn = draw_words([text], model.words([text]), [best]) if has_words else None
        return f"### {best}\nscore {found.max():.2f}", draw_scores(found, names), drawn

    first = "" if examples is None else str(examples[0])
    at_first = look(first)
    # Said outright: what examples write into is taken for an output, which nobody may type in.
    line = gr.Textbox(
        first,
        label="Type a text and press Enter",
        elem_id="line",
        autofocus=True,
        interactive=True,
    )
    if examples is not None:
        gr.Examples([str(one) for one in examples[:6]], line, label="Texts of the test data")
    answer = gr.Markdown(at_first[0], elem_id="answer")
    with gr.Row():
        scores = gr.Plot(at_first[1], show_label=False, elem_id="scores")
        words = gr.Plot(at_first[2], show_label=False, elem_id="words", visible=has_words)
    gr.on(
        [line.submit, line.change],
        look,
        line,
        [answer, scores, words],
        trigger_mode="always_last",
        # What was said before stays until there is something new.
        show_progress_on=scores,
        concurrency_limit=1,
        concurrency_id="model",
        api_visibility="private",
    )
