"""The page on an address of this machine alone."""

import socket

from capszoo.demo.page import FIRST
from capszoo.demo.page import make_page

HOST = "127.0.0.1"
# The port that Gradio takes, and so many after it.
PORT, PORTS = 7860, 100


def free_port(port: int | None = None) -> int:
    """Finds a port that nobody listens on.

    Args:
        port: The one that it has to be. Defaults to `None`, the first free one from 7860 on.

    Returns:
        Its number.

    Raises:
        ValueError: If the port is in use, or all of them are.

    Example:

    >>> capszoo.demo.serving.free_port() >= 7860
    True
    """
    for one in range(PORT, PORT + PORTS) if port is None else (port,):
        with socket.socket() as probe:
            # A port whose last connections are still being closed is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, one))
            except OSError:
                continue
            return one
    if port is not None:
        raise ValueError(
            f"Port {port} is in use, or not yours to use. Without --port the demo takes the first "
            f"free one from {PORT} on."
        )
    raise ValueError(f"All ports from {PORT} to {PORT + PORTS - 1} are in use; give --port.")


def serve(preset: str = FIRST, port: int | None = None, open_browser: bool = False):
    """Starts the demo on 127.0.0.1, and comes back.

    Args:
        preset: The preset shown first. Defaults to `"capsnet_digits"`.
        port: The port. Defaults to `None`, the first free one from 7860 on.
        open_browser: Whether a browser is opened. Defaults to `False`.

    Returns:
        The page, a `gradio.Blocks`, and its address.

    Raises:
        ImportError: If Gradio or Matplotlib is not installed.
        ValueError: If the preset cannot be shown or the port is in use.
    """
    port = free_port(port)
    page = make_page(preset)
    import gradio as gr

    _, address, _ = page.launch(
        server_name=HOST,
        server_port=port,
        inbrowser=open_browser,
        share=False,
        quiet=True,
        prevent_thread_lock=True,
        ssr_mode=False,
        footer_links=[],
        theme=gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["monospace"]),
    )
    return page, address
