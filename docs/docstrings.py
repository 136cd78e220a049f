"""Docstrings as the site shows them: of Keras' sections Google's style knows some."""

import re

import griffe

# What Keras' habit adds to Google's sections, and `Returns:`, which has no type here.
_TITLES = ("Call arguments", "Input shape", "Output shape", "Returns", "Example", "Reference")
_SECTION = re.compile(rf"^({'|'.join(_TITLES)}):\n((?:\n|[ ]{{4}}.*(?:\n|\Z))*)", re.MULTILINE)
_ARGUMENT = re.compile(r"^(\w+): ", re.MULTILINE)
_EXAMPLE = re.compile(r"^>>> .*(?:\n(?!\n).*)*", re.MULTILINE)


def _section(match):
    """A title and its text, no longer indented; arguments are a list."""
    title, text = match.groups()
    text = re.sub(r"^    ", "", text, flags=re.MULTILINE)
    if title == "Call arguments":
        text = _ARGUMENT.sub(r"- `\1`: ", text)
    return f"**{title}:**\n\n{text}"


class KerasDocstrings(griffe.Extension):
    """Makes Markdown of what Google's style does not know: Keras' sections and bare examples."""

    def on_object(self, *, obj: griffe.Object, **kwargs) -> None:
        """Rewrites the docstring of each object before it is parsed."""
        if obj.docstring is not None:
            text = _SECTION.sub(_section, obj.docstring.value)
            obj.docstring.value = _EXAMPLE.sub(r"```pycon\n\g<0>\n```", text)
