"""The page of an explanation: its parts, and how they are put together."""

import dataclasses
import pathlib


@dataclasses.dataclass
class Part:
    """A picture of the page, or why there is none.

    Attributes:
        title: What it shows.
        text: What to see in it.
        file: Name of the PNG; `None` where there is none.
        reason: Why there is none.
    """

    title: str
    text: str = ""
    file: str | None = None
    reason: str | None = None


def render_page(model, of_model, examples, of_data) -> str:
    """Makes the HTML of a page, of the parts about a model, about examples and a data set."""
    import jinja2

    template = pathlib.Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(
        name=model.name,
        family=type(model).__name__,
        parameters=f"{model.count_params():,}",
        makes_pictures=model.task == "generation",
        of_model=of_model,
        examples=examples,
        of_data=of_data,
    )
