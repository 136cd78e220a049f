"""The command line: parse, call the package, print. Each module adds its commands to the app."""

from capszoo.cli import benchmark
from capszoo.cli import convert
from capszoo.cli import demo
from capszoo.cli import evaluation
from capszoo.cli import explain
from capszoo.cli import export
from capszoo.cli import generate
from capszoo.cli import inference
from capszoo.cli import parts
from capszoo.cli import presets
from capszoo.cli import robustness
from capszoo.cli import training
from capszoo.cli import tune
from capszoo.cli.app import app
from capszoo.cli.app import main
