"""What the scripts that run files in other engines share."""
import fnmatch
import pathlib
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
