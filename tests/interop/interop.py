"""interop.py PREFIX [PATTERN...]: see run."""
import collections
import fnmatch
import sys
import tempfile
import time

import numpy as np

import models
import operators
import own
from side import Fault, check, one_node, write


def run_operator(prefix, case):
    """The node with all inputs given at run time, some of unknown sizes too, and with all but the first in the file."""
    count = len(case["inputs"])
    wide = [i for i, data in enumerate(case["inputs"]) if i == 0 or (data is not None and data.ndim > 2)]
    forms = [{}, {"symbolic": wide}, {"constant": range(1, count)}]
    for form in forms:
        model, feeds = one_node(case["op"], case["inputs"], case["attrs"], case["outputs"], case["domain"], **form)
        with tempfile.TemporaryDirectory() as work:
            try:
                check(prefix, write(model, work), feeds, case["tolerance"], case["rewrite"])
            except Fault as e:
                raise Fault(f"{'with ' + next(iter(form)) + ' inputs: ' if form else ''}{e}")


def run_model(prefix, case):
    with tempfile.TemporaryDirectory() as work:
        try:
            made = case["make"](work)
        except Exception as e:
            raise Fault(f"making the model: {type(e).__name__}: {str(e)[:160]}") from e
        if made is None:
            return False
        path, feeds = made
        check(prefix, path, feeds, case["tolerance"], case["rewrite"], case["level"])
    return True


def main():
    prefix, patterns = sys.argv[1], sys.argv[2:] or ["*"]
    counts = collections.OrderedDict()
    skipped = 0
    for case in operators.cases() + own.cases() + models.cases():
        if not any(fnmatch.fnmatch(case["name"], p) for p in patterns):
            continue
        np.random.seed(1)
        row = counts.setdefault(case["group"], [0, 0])
        start = time.time()
        try:
            if "own" in case:
                own.run(prefix, case)
            elif "op" in case:
                run_operator(prefix, case)
            elif not run_model(prefix, case):
                skipped += 1
                print(f"skip {case['name']}: its file is not here", flush=True)
                continue
            row[0] += 1
        except Fault as e:
            row[1] += 1
            print(f"FAIL {case['name']}: {e}", flush=True)
        if time.time() - start > 20:
            print(f"slow {case['name']}: {time.time() - start:.0f} s", flush=True)
    for group, (passed, failed) in counts.items():
        print(f"{group:34} {passed + failed:4} {passed:4} passed {failed:4} failed")
    passed, failed = (sum(row[i] for row in counts.values()) for i in (0, 1))
    if skipped:
        print(f"{skipped} skipped")
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
