"""Benchmarks: how long things take and how much memory, beside what the machine could do."""

from capszoo.benchmarks.benchmark import benchmark
from capszoo.benchmarks.report import read_csv
from capszoo.benchmarks.report import write_csv
