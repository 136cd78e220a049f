"""Text files written whole or not at all."""

import os


def write_text(path, text):
    """Writes a text file beside its name and moves it there: nobody sees half of it.

    Args:
        path: `pathlib.Path` of the file.
        text: What it will hold.
    """
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)
