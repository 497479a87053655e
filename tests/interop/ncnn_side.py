"""ncnn_side.py PREFIX: see run-ncnn."""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

import numpy as np

from harness import in_floats, steps

HERE = os.path.dirname(os.path.abspath(__file__))
SHARED = os.path.join(HERE, "../../../shared/models")


def cases():
    """Models with inputs: the samples that have answers, then the golden cases."""
    with open(os.path.join(HERE, "../../lib/format/format.def")) as f:
        rows = re.findall(r'"([^"]*)"', re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S))
    for sample in " ".join(rows).split():
        model = os.path.join(HERE, "../models", sample.split(",")[0])
        inputs = sorted(glob.glob(os.path.splitext(model)[0] + "/in_*.npy"))
        if inputs:
            yield model, inputs
    seen = set()
    for meta in sorted(glob.glob(SHARED + "/**/meta.json", recursive=True)):
        golden = os.path.dirname(meta)
        with open(meta) as f:
            case = json.load(f)
        for name in [case["model"]] + case.get("also", []):
            model = os.path.join(golden.split("/golden/")[0], name)
            if model not in seen:
                seen.add(model)
                yield model, [os.path.join(golden, i["file"]) for i in case["inputs"]]


def blobs(param):
    """Names and numbers of axes (None: not stated) of the inputs; names of what no layer takes."""
    made, used, inputs = [], set(), []
    for line in open(param).read().splitlines()[2:]:
        words = line.split()
        ins, outs = int(words[2]), int(words[3])
        used.update(words[4:4 + ins])
        made += words[4 + ins:4 + ins + outs]
        if words[0] == "Input":
            sizes = [w for w in words[5:] if re.match(r"(0|1|2|11)=", w)]
            inputs.append((words[4], len(sizes) or None))
    return inputs, [b for b in made if b not in used]


def run_ncnn(stem, arrays):
    import ncnn
    net = ncnn.Net()
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.opt.use_bf16_storage = net.opt.use_winograd_convolution = False
    if net.load_param(stem + ".param") != 0 or net.load_model(stem + ".bin") != 0:
        raise RuntimeError("ncnn does not load what was written")
    run = net.create_extractor()
    inputs, outputs = blobs(stem + ".param")
    keep = []
    for (name, axes), array in zip(inputs, arrays):
        while array.ndim > (axes or array.ndim - 1) and array.shape[0] == 1:
            array = array[0]
        if array.dtype.itemsize == 1 or array.dtype.kind == "f": # 8-bit integers are written as floats
            array = array.astype(np.float32)
        else: # all others are of 32 bits
            array = array.astype(np.int32)
        keep.append(ncnn.Mat(np.ascontiguousarray(array)).clone())
        run.input(name, keep[-1])
    results = []
    for name in outputs:
        status, mat = run.extract(name)
        if status != 0:
            raise RuntimeError(f"ncnn does not compute '{name}'")
        results.append(np.array(mat))
    return results


def compare(results, wanted, step, others, allowed):
    """Outputs stand in another order: each wanted one is held against the nearest of its size. step: of quantised networks (else None) that of each output, 0 where it has none:
    there the mean error counts, which may be a step, or thrice that of this toolkit in floats (others)."""
    for k, want in enumerate(wanted):
        of = np.max if step is None else np.mean
        errors = [(of(np.abs(r.ravel().astype(np.float64) - want.ravel())), i) for i, r in enumerate(results) if r.size == want.size]
        bound = allowed
        if step is not None:
            bound = max(allowed, 1e-3, max(step[k], 3 * np.abs(others[k].astype(np.float64) - want).mean()) / max(np.abs(want).max(), 1e-9))
        if not errors:
            raise RuntimeError(f"no output of {want.shape}: {[r.shape for r in results]}")
        error, at = min(errors)
        if not error <= bound * max(np.abs(want).max(), 1e-9):
            raise RuntimeError(f"differs by {error:.3g} where the largest is {np.abs(want).max():.3g}")
        results.pop(at)


def without_image(rows):
    """Rows of Caffe's DetectionOutput as ncnn has them: without the image's number, by score."""
    rows = rows.reshape(-1, 7)[:, 1:]
    return rows[np.argsort(-rows[:, 1], kind="stable")]


def answers(prefix, model, inputs, folder):
    subprocess.run([prefix + "run", "-q", "-o", folder, model, *inputs], check=True, capture_output=True)
    return [np.load(f) for f in sorted(glob.glob(folder + "/**/*.npy", recursive=True), key=lambda f: (len(f), f))]


def sizes_of(prefix, written):
    """The sizes of each input, as text."""
    lines = subprocess.run([prefix + "inspect", "-q", "--summary", written], capture_output=True, text=True, check=True).stdout.splitlines()
    return [re.sub(r".*\s\w+ ", "", line.replace(" x ", "x")).split("x") for line in lines if line.startswith("input\t")]


def check(prefix, model, inputs, options, allowed, work):
    """In a process of its own: ncnn ends it where it meets what it does not expect."""
    written = subprocess.run([prefix + "convert", "-q", *options, "-o", work + "/net.param", model], capture_output=True, text=True)
    if written.returncode != 0:
        return written.stderr.strip().split(": ", 2)[-1]
    inputs, sizes = list(inputs), sizes_of(prefix, work + "/net.param")
    single = [len(s) if s[0] == "1" else 0 for s in sizes]  # ncnn has no batches
    text = subprocess.run([prefix + "inspect", "-q", model], capture_output=True, text=True, check=True).stdout
    given, begins = len(inputs), re.findall(r"^input (\S+) .*\nconstant \1 [^=]*(?:= (.*)|bytes=.*)$", text, re.M)
    for k, (_, numbers) in enumerate(begins):  # states
        inputs.append(f"{work}/input_{given + k}.npy")
        state = np.zeros([int(n) for n in sizes[given + k]], np.float32)
        state.flat = np.array(numbers.split() or 0, np.float32)  # many numbers are not printed
        np.save(inputs[-1], state)
    for k, name in enumerate(inputs):
        array = np.load(name)
        first = array[:1] if array.ndim == single[k] else array
        if first.size != array.size or (options and first.dtype.itemsize == 1):
            inputs[k] = f"{work}/input_{k}.npy"
            np.save(inputs[k], first.astype(np.float32) if options and first.dtype.itemsize == 1 else first)
    step = [steps(text).get(name, 0) for name in re.findall(r"^output (\S+)", text, re.M)] if " QuantizeLinear " in text else None
    of = work + "/net.param" if options else model  # halves: what is done with them, not what they are off
    fed = inputs if options else inputs[:given]
    wanted = answers(prefix, of, fed, work + "/want")
    if model.endswith(".prototxt") and not options and ".DetectionOutput " in text:
        wanted = [without_image(want) for want in wanted]
    others = step and answers(prefix, str(in_floats(prefix, of, work)), fed, work + "/floats")
    child = os.fork()
    if child == 0:
        try:
            compare(run_ncnn(work + "/net", [np.load(i) for i in inputs]), wanted, step, others, allowed)
            os._exit(0)
        except Exception as e:  # pylint: disable=broad-except
            print(f"{model}: {e}", flush=True)
            os._exit(1)
    if os.waitpid(child, 0)[1] != 0:
        raise RuntimeError("not the same in ncnn")
    return None


def main():
    prefix, passed, failed, left = os.path.abspath(sys.argv[1]), 0, 0, []
    for model, inputs in [c for c in cases() if not sys.argv[2:] or sys.argv[2] in c[0]]:
        for options, allowed in (((), 1e-4), (("-O", "fp16"), 1e-3)):
            with tempfile.TemporaryDirectory() as work:
                try:
                    why = check(prefix, model, inputs, options, allowed, work)
                except (RuntimeError, subprocess.CalledProcessError) as e:
                    print(f"{model} {' '.join(options)}: {e}", flush=True)
                    failed += 1
                    continue
            if why:
                left.append(f"{os.path.relpath(model, HERE)}: {why[:300]}")
                break
            passed += 1
    print("\n".join(["not carried:"] + left) if left else "all are carried")
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
