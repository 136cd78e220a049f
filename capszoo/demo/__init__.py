"""A page in the browser: draw, drop or type something, and see what a network makes of it."""

from capszoo.demo.page import make_page
from capszoo.demo.presets import shown_presets
from capszoo.demo.serving import serve
