"""random_side.py PREFIX FOLDER FORMAT: writes the graphs that random_graphs.py left in the folder as ncnn, mnn, tflite or xml. The runtime of that format and nnrun must give what
onnxruntime gave, to 2e-4 of the largest; nnrun of the graph itself, too."""
import importlib
import os
import pathlib
import sys
import tempfile

import numpy as np

from harness import Fault, call

BOUND = 2e-4
MODULES = {"ncnn": "ncnn_side", "mnn": "mnn", "tflite": "tflite", "xml": "openvino"}
# Whose own reading of the ONNX file gives the same, or that its kernels are known to compute otherwise.
MISCOMPUTED = {"ncnn": (), "mnn": (), "tflite": (), "xml": ()}


def theirs(form, model, written, arrays):
    if form == "ncnn":
        from ncnn_side import run_ncnn
        return run_ncnn(str(written.with_suffix("")), arrays)
    if form == "mnn":
        from mnn import interface, run_mnn
        inputs, outputs = interface(sys.argv[1], model)
        return run_mnn(written, [n for n, _, _ in inputs], arrays, [n for n, _, _ in outputs])
    if form == "tflite":
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
        from tflite import run
        it = Interpreter(model_path=str(written), experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)  # the reference LRN leaves a channel out
        it.allocate_tensors()
        return run(it, arrays)
    import openvino
    net = openvino.Core().compile_model(str(written), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return list(net.create_infer_request().infer(arrays).values())


def compare(whose, have, want, flat):
    if len(have) != len(want):
        raise Fault(f"{whose}: {len(have)} outputs, want {len(want)}")
    for i, (x, y) in enumerate(zip(have, want)):
        x = np.asarray(x)
        if x.size != y.size or (x.shape != y.shape and not flat):
            raise Fault(f"{whose}: output {i} is {x.shape}, want {y.shape}")
        error = np.abs(x.reshape(y.shape).astype(np.float64) - y).max() / max(np.abs(y).max(), 1e-3)
        if not error <= BOUND:
            raise Fault(f"{whose}: output {i} differs by {error:.2g} of the largest")


def check(prefix, form, model):
    folder = model.with_suffix("")
    files = sorted(folder.glob("in_*.npy"))
    want = [np.load(folder / f"out_{i}.npy") for i in range(len(list(folder.glob("out_*.npy"))))]

    def ours(path, work):
        call(prefix + "run", "-q", "-o", work, path, *files)
        return [np.load(f"{work}/out_{i}.npy") for i in range(len(want))]

    with tempfile.TemporaryDirectory() as work:
        written = pathlib.Path(work) / ("written." + {"ncnn": "param"}.get(form, form))
        compare("nnrun", ours(model, work), want, False)
        call(prefix + "convert", "-q", "-o", written, model)
        compare("nnrun of what was written", ours(written, work), want, form == "ncnn")
        if model.stem not in MISCOMPUTED[form]:
            compare(form, theirs(form, model, written, [np.load(f) for f in files]), want, form == "ncnn")


def one(prefix, form, model):
    """0, or 2 for what the format cannot carry, or 1 after saying what is wrong."""
    try:
        check(prefix, form, model)
        return 0
    except (Fault, RuntimeError, ValueError) as e:
        if "cannot carry" in str(e):
            return 2
        print(f"FAIL {form} of seed {model.stem}: {str(e)[:300]!r}", flush=True)
        return 1


def main():
    prefix, folder, form = sys.argv[1:4]
    importlib.import_module(MODULES[form])  # once, for all
    counts = [0, 0, 0]
    for model in sorted(pathlib.Path(folder).glob("*.onnx"), key=lambda f: int(f.stem)):
        child = os.fork()  # which a runtime may end
        if child == 0:
            os._exit(one(prefix, form, model))
        status = os.waitpid(child, 0)[1]
        if os.WIFSIGNALED(status):
            print(f"FAIL {form} of seed {model.stem}: signal {os.WTERMSIG(status)}", flush=True)
        counts[1 if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)] += 1
    print(f"{form}: {counts[2]} not carried")
    print(f"{counts[0]} passed, {counts[1]} failed")
    return counts[1] > 0


if __name__ == "__main__":
    sys.exit(main())
