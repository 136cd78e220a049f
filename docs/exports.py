"""Writes the table of docs/export.md: which family goes into which form, and how fast it is there.

    python docs/exports.py                # the table of docs/exports.csv, at once
    python docs/exports.py --measure      # each family is exported, run and timed before

Measuring runs on TensorFlow, which writes the files, with every form's runtime installed. Rows that
the CSV has already stay as they are: delete one, and it is measured anew.
"""

import argparse
import csv
import os
import pathlib
import tempfile
import time

FOLDER = pathlib.Path(__file__).parent
PAGE, MEASURED = FOLDER / "export.md", FOLDER / "exports.csv"
BEGIN, END = "<!-- exports: begin -->\n", "<!-- exports: end -->\n"
FORMS = {".onnx": "ONNX", ".savedmodel": "SavedModel", ".tflite": "LiteRT"}
BATCHES = (1, 32)
EXAMPLES = 100
# The quickest of so many runs counts, which others on the machine disturb least.
RUNS = 40
COLUMNS = [
    "family", "preset", *FORMS, "examples",
    *(f"{who}_ms_{batch}" for batch in BATCHES for who in ("keras", "onnx")),
]  # fmt: skip


def presets():
    """Maps each family to its trained preset on data that are part of the package."""
    from capszoo import zoo

    found = {}
    for one in map(zoo.read_preset, zoo.list_presets()):
        data = one.data.name if one.data else ""
        inside = data in ("digits", "digit_scenes", "moving_digits")
        if one.weights and (data.startswith("generated_") or inside):
            found.setdefault(one.family, one.name)
    return found


def measured(family, preset):
    """Exports a preset in each form, which holds it against the model, and times the first."""
    import numpy as np
    import onnxruntime

    import capszoo
    from capszoo.export.graph import input_dtype

    model, description = capszoo.load(preset), capszoo.zoo.read_preset(preset)
    content = description.data.model_dump()
    x, _ = model.input_end.load(content, "test", None, model.example_shape)
    x = np.asarray(model.to_arrays(x[:EXAMPLES]))
    row = {"family": family, "preset": preset, "examples": len(x)}
    with tempfile.TemporaryDirectory() as folder:
        for ending in FORMS:
            try:
                found = model.export(f"{folder}/model{ending}", examples=x)
            except ValueError as error:
                row[ending] = str(error).partition(", which ")[2].partition(". ")[0]
            else:
                assert found.same_classes, f"{preset}{ending}: {found}"
                row[ending] = f"{found.largest_difference:.1e}"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(f"{folder}/model.onnx", options)
        (entry,) = session.get_inputs()
        x = x.astype(input_dtype(model))
        for batch in BATCHES:
            runs = {
                "keras": lambda part=x[:batch]: model.predict_on_batch(part),
                "onnx": lambda part=x[:batch]: session.run(None, {entry.name: part}),
            }
            row.update({f"{who}_ms_{batch}": ms for who, ms in quickest(runs).items()})
    return row


def quickest(runs):
    """Times functions in turn; milliseconds of the quickest run of each."""
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(RUNS):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            best[name] = min(best[name], 1000 * (time.perf_counter() - start))
    return {name: f"{value:.3g}" for name, value in best.items()}


def measure():
    """Measures the families that have no row yet; each row is written as soon as it is there."""
    rows = {row["family"]: row for row in read()}
    for family, preset in presets().items():
        if family not in rows:
            rows[family] = measured(family, preset)
            with open(MEASURED, "w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows[name] for name in sorted(rows))
            print(rows[family], flush=True)


def read():
    """The rows of the CSV."""
    if not MEASURED.is_file():
        return []
    with open(MEASURED, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def table():
    """The table in Markdown."""
    heads = ["family", *FORMS.values(), "Keras, ONNX: ms for 1", "times", "for 32", "times"]
    lines = [heads, ["---"] * len(heads)]
    refused = {}
    for row in read():
        cells = [f"`{row['family']}`"]
        for ending in FORMS:
            is_number = row[ending][:1].isdigit()
            cells.append(row[ending] if is_number else f"no[^{row['family']}]")
            if not is_number:
                refused[row["family"]] = f"LiteRT {row[ending]}."
        for batch in BATCHES:
            times = [row[f"{who}_ms_{batch}"] for who in ("keras", "onnx")]
            if not all(times):
                cells += ["-", "-"]
                continue
            keras, onnx = map(float, times)
            cells += [f"{keras:.3g}, {onnx:.3g}", f"{keras / onnx:.1f}"]
        lines.append(cells)
    text = "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
    notes = "".join(f"- `{family}`: {why}\n" for family, why in refused.items())
    for family in refused:
        text = text.replace(f"no[^{family}]", "no")
    return text + (f"\nWhere it says no:\n\n{notes}" if notes else "")


def page():
    """The page with the table anew."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{table()}{END}{after}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write the table of docs/export.md.")
    parser.add_argument("--measure", action="store_true", help="Measure what is not yet.")
    if parser.parse_args().measure:
        os.environ.update({"KERAS_BACKEND": "tensorflow", "TF_NUM_INTRAOP_THREADS": "1"})
        measure()
    PAGE.write_text(page(), encoding="utf-8")
