"""What the scripts that run files in other engines share."""
import fnmatch
import pathlib
import re
import subprocess
import sys
import tempfile

TREE = pathlib.Path(__file__).resolve().parents[2]
OPEN = 64  # what open sizes but the first become


class Fault(Exception):
    pass


def call(*words):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True)
    if done.returncode:
        raise Fault(done.stderr.strip()[:300])
    return done.stdout


VIEWS = ("Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity")


def made_by(text):
    """Of each value that a node makes in what nninspect prints: (operator, operands)."""
    return {out: (op, operands.split()) for op, operands, out in re.findall(r"^node \S+ (\S+) (.*?) -> (\S+)", text, re.M)}


def steps(text):
    """Of each output of a quantised network, as nninspect prints it, that is rounded to whole numbers: what one of them is worth, else 0.

    Engines that have no quantised network compute in floats and round. A sum that lies exactly between two whole numbers, as sums of small whole numbers often do, comes out on
    either side in floats; layers behind carry that on. (MNN's DeepLab and ResNet8, and ncnn's MACE net: in the first layer that differs from exact sums each value that differs is
    within 1e-4 of a half, and this toolkit in floats is as far from itself in whole numbers.) So the mean error may be a step of the output."""
    scales = dict(re.findall(r"^constant (\S+) f32 (?:scalar|1) = (\S+)$", text, re.M))
    made = made_by(text)

    def step(value):
        op, operands = made.get(value, ("", []))
        if op in VIEWS:
            return step(operands[0])
        if op == "Softmax":  # which changes by half of what its operand does, at most
            return step(operands[0]) / 2
        if op == "DequantizeLinear" and operands[1] in scales:
            rounding, rounded = made.get(operands[0], ("", []))
            return float(scales[operands[1]]) + (step(rounded[0]) if rounding == "QuantizeLinear" else 0)
        if op == "QuantizeLinear" and operands[1] in scales:
            return 1 + step(operands[0]) / float(scales[operands[1]])
        return 0

    return {name: step(name) for name in re.findall(r"^output (\S+)", text, re.M)}


def edited(prefix, model, path, edit):
    """The model as .nn, at the path, with what edit() makes of its text."""
    call(prefix + "convert", "-q", "-o", path, model)
    head, rest = path.read_bytes().split(b"\ndata ", 1)
    line, data = rest.split(b"\n", 1)
    head = edit(head.decode()).encode() + b"\ndata " + line.rstrip()
    path.write_bytes(head + b" " * (-(len(head) + 1) % 64) + b"\n" + data)
    return path


def before_indices(prefix, model, folder):
    """The model with what an ArgMax is the index of as the output in its place: an index has no step."""
    def edit(text):
        for name, (op, operands) in made_by(text).items():
            if op == "ArgMax":
                text = re.sub(rf"^output {re.escape(name)}$", lambda _, v=operands[0]: "output " + v, text, flags=re.M)
        return text
    return edited(prefix, model, pathlib.Path(folder) / "scores.nn", edit)


def in_floats(prefix, model, folder):
    """A quantised network that is run in floats: what is rounded is an output too, behind its own, so that no operator of whole numbers takes its place. Where a network goes on
    with places of the largest, as MoveNet does, its own distance from itself in whole numbers tells how far a peer may be."""
    def edit(text):
        values = dict.fromkeys(re.findall(r"^node \S+ QuantizeLinear (\S+) ", text, re.M))
        outputs = re.findall(r"^output (\S+)", text, re.M)
        return text + "".join(f"\noutput {v}" for v in values if v not in outputs)
    return edited(prefix, model, pathlib.Path(folder) / "floats.nn", edit)


def run_all(models, check, refusals=("cannot carry",)):
    """Argv: PREFIX [PATTERN]. Every model as it is, optimised, and with weights as halves, by check(prefix, model, program, options, folder). A message that has one of
    the refusals in it is no failure: the format lacks something."""
    prefix, pattern = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "*"
    passed = failed = refused = 0
    for model in models:
        if not fnmatch.fnmatch(model.name, pattern):
            continue
        for program, options in (("convert", ""), ("optimize", ""), ("optimize", "fp16")):
            with tempfile.TemporaryDirectory() as folder:
                try:
                    check(prefix, model, program, options, folder)
                    passed += 1
                except (Fault, RuntimeError) as e:
                    text = str(e).replace("\n", " ")[:300]
                    if any(r in str(e) for r in refusals):
                        refused += 1
                        print(f"not carried: {model.name} {program}: {text}", flush=True)
                        continue
                    failed += 1
                    print(f"FAIL {model.name} {program} {options}: {text}", flush=True)
    print(f"{refused} not carried")
    print(f"{passed} passed, {failed} failed")
    return failed > 0
