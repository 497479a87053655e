"""Writes models as MNN and runs the files in MNN itself: as floats to the answers of the model that was written, with weights as halves or in 8 bits to those
that this toolkit gives for the same file. Where values are rounded to integers on the way, an error of the last bit becomes a step, and steps grow: there the mean error
counts, which may be a step of the output (harness.steps)."""
import fnmatch
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import MNN.expr as F
import MNN.nn as nn
import numpy as np

from harness import TREE, Fault, before_indices, in_floats, steps

TYPES = {"f32": np.float32, "i32": np.int32, "i64": np.int64, "u8": np.uint8, "i8": np.int8, "bool": np.bool_}
WINOGRAD_LEVEL = 3  # of the runtime's hints; at 0 it convolves directly, which costs it no digits
SKIPPED = {"vgg16", "unknown"}


def program(prefix, name, *args):
    done = subprocess.run([prefix + name, "-q", *map(str, args)], capture_output=True, text=True)
    if done.returncode:
        raise Fault(done.stderr.strip()[:400])
    return done.stdout


def interface(prefix, model):
    """(inputs, outputs): [(name, type, dims)], unknown dims by name."""
    found = {"input": [], "output": []}
    for line in program(prefix, "inspect", model).splitlines():
        word = line.split(" ")
        if word[0] in found:
            dims = word[3].split("x") if len(word) > 3 and word[3] != "scalar" else []
            found[word[0]].append((word[1].replace("%20", " "), word[2] if len(word) > 2 else "f32", dims))
    return found["input"], found["output"]


def golden_inputs(model):
    """The arrays of the first golden case that names the model, or None."""
    folder = model.parent
    for top in (folder, folder.parent):
        for meta in sorted(top.glob("golden/*/meta.json")):
            said = json.loads(meta.read_text())
            if str(model.relative_to(top)) in [said["model"], *said.get("also", [])]:
                return [np.load(meta.parent / i["file"]) for i in said["inputs"]]
    beside = sorted(model.with_suffix("").glob("in_*.npy"))
    return [np.load(f) for f in beside] or None


def make_inputs(inputs):
    rng = np.random.default_rng(1)
    arrays = []
    for _, dtype, dims in inputs:
        dims = [int(d) if d.isdigit() else 1 if i == 0 else 96 for i, d in enumerate(dims)]
        a = rng.standard_normal(dims) if dtype == "f32" else rng.integers(0, 2, dims)
        arrays.append(np.asarray(a, TYPES[dtype]))
    return arrays


def run_mnn(path, names, arrays, outputs):
    runtime = nn.create_runtime_manager(({"backend": "CPU", "numThread": 1},))
    runtime.set_hint(WINOGRAD_LEVEL, 0)
    module = nn.load_module_from_file(str(path), names, outputs, runtime_manager=runtime)
    given = []
    for a in arrays:
        a = a.astype(np.int32) if a.dtype in (np.int64, np.bool_) else a
        x = F.placeholder(list(a.shape), F.NCHW, {"f": F.float, "u": F.uint8}.get(a.dtype.kind, F.int8 if a.itemsize == 1 else F.int))
        x.write(a.ravel().tolist() if a.dtype == np.int8 else np.ascontiguousarray(a))
        given.append(x)
    return [np.array(y.read()).reshape(y.shape) for y in (F.convert(y, F.NCHW) if y.data_format == F.NC4HW4 else y for y in module.onForward(given))]


def run_own(prefix, model, names, arrays, folder):
    files = []
    for name, a in zip(names, arrays):
        files.append(f"{name}={folder}/{len(files)}.npy")
        np.save(f"{folder}/{len(files) - 1}.npy", a)
    program(prefix, "run", "-o", folder, model, *files)
    return [np.load(f) for f in sorted(pathlib.Path(folder).glob("out_*.npy"), key=lambda f: int(re.sub(r"\D", "", f.stem)))]


def check(prefix, model, options, folder):
    written = pathlib.Path(folder) / "written.mnn"
    arrays = golden_inputs(model)
    text = program(prefix, "inspect", model)
    quantised = " QuantizeLinear " in text
    if quantised:
        model = before_indices(prefix, model, folder)
        text = program(prefix, "inspect", model)
    program(prefix, "convert", "-o", written, *(["-O", options] if options else []), model)
    inputs, outputs = interface(prefix, model)
    names, results = [n for n, _, _ in inputs], [n for n, _, _ in outputs]
    arrays = arrays or make_inputs(inputs)
    given = len(arrays)
    arrays += [np.zeros(list(map(int, dims)), TYPES[dtype]) for _, dtype, dims in inputs[given:]]  # states, which have defaults before
    if options:
        own = written, names, [a.astype(np.int32) if a.dtype in (np.int64, np.bool_) else a for a in arrays]
    else:
        own = model, names[:given], arrays[:given]
    wanted = run_own(prefix, *own, folder)
    if quantised:
        step, floats = steps(text), pathlib.Path(folder) / "floats"
        floats.mkdir()
        other = run_own(prefix, in_floats(prefix, own[0], folder), *own[1:], floats)
    for i, (name, y, want) in enumerate(zip(results, run_mnn(written, names, arrays, results), wanted)):
        if y.shape != want.shape:
            raise Fault(f"output '{name}' has the shape {y.shape}, want {want.shape}")
        most = float(np.abs(want).max(initial=0)) or 1
        off = np.abs(y.astype(np.float64) - want)
        error = float(off.max(initial=0)) / most
        allowed = 1e-4
        if quantised:
            error, allowed = float(off.mean()) / most, max(1e-3, step.get(name, 0) / most, 3 * float(np.abs(other[i].astype(np.float64) - want).mean()) / most)
        if not error <= allowed:
            raise Fault(f"output '{name}' differs by {error:.2g} of the largest")


def models():
    shared = TREE.parent / "shared" / "models"
    yield from sorted((TREE / "tests/models/tiny").glob("*.onnx"))
    yield from sorted((TREE / "tests/models").glob("*.onnx"))
    yield from sorted((TREE / "tests/models/mnn").glob("*.mnn"))
    if shared.is_dir():
        yield from (f for f in sorted(shared.rglob("*.onnx")) if "conformance" not in f.parts)
        yield from sorted(shared.rglob("*.tflite"))
        yield from (f for f in sorted(shared.rglob("*.prototxt")) if "caffe" in str(f))


def one(prefix, model, options):
    """In a process of its own, which MNN may end."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            check(prefix, pathlib.Path(model), options, folder)
            return 0
        except Fault as e:
            print(str(e), file=sys.stderr)
            return 2 if "MNN cannot carry" in str(e) else 1


def main():
    prefix, pattern = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "*"
    if pattern == "--one":
        return one(prefix, *sys.argv[3:5])
    passed = failed = refused = 0
    for model in models():
        if not fnmatch.fnmatch(model.name, pattern) or model.stem in SKIPPED:
            continue
        for options in ("", "fp16", "int8"):
            done = subprocess.run([sys.executable, __file__, prefix, "--one", model, options], capture_output=True, text=True)
            said = (done.stderr.strip().splitlines() or [f"MNN ended with {done.returncode}"])[-1]
            if done.returncode == 2:
                refused += 1
                print(f"not carried {model.name}: {said}", flush=True)
                break
            passed += done.returncode == 0
            failed += done.returncode != 0
            if done.returncode:
                print(f"FAIL {model.name} {options}: {said}", flush=True)
    print(f"{refused} not carried")
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
