# For all tests: `nn run …` calls the program under test, in a folder of the test's own. NN and MAN come from tests/run-bats.
bats_require_minimum_version 1.5.0

TOOLS=$BATS_TEST_DIRNAME
TINY=$BATS_TEST_DIRNAME/../models/tiny
DEMO=$BATS_TEST_DIRNAME/../../demo

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    printf 'cat\ndog\ncup\ntable\nsky\n' > labels.txt
}

nn() {
    local program=$1
    shift
    "$NN$program" "$@"
}

# Runs a line of shell on a terminal of its own; a container need not have any to give.
terminal() { timeout 20 script -qec "$1" /dev/null; }
need_terminal() { terminal true > /dev/null 2>&1 || skip "no pseudo-terminals"; }

# Runs a program, standard error apart: sets status, output, lines, stderr.
try() {
    run --separate-stderr nn "$@"
}

# Fails where a command does not, which "!" in front of it only says of a test's last line.
not() { if "$@"; then return 1; fi; }

npy() { "$TOOLS/make-npy" "$@"; }
show() { "$TOOLS/show-npy" "$@"; }
ppm() { "$TOOLS/make-ppm" "$@"; }

# A classifier that knows how to take a photo: net.nn.
classifier() {
    nn convert -p resize=32x32,rgb,mean=127,std=128 -T classify -l labels.txt -o net.nn "$TINY/conv.onnx"
}

# Declarations of a .nn file, from standard input, to a file.
declare_nn() { "$TOOLS/make-nn" "$1"; }

# one_node FILE TYPE OP SHAPE: a network of one operator on x [2][3].
one_node() { printf 'graph g\ninput x %s 2x3\nnode it %s x -> y %s %s\noutput y\n' "$2" "$3" "$2" "$4" | declare_nn "$1"; }

# A detector that finds one thing in any picture, from a quarter to three quarters of it.
finder() {
    declare_nn find.nn <<END
property recipe resize=8x8
property task detect=ssd
property labels thing
input x f32 1x3x8x8
constant none f32 scalar = 0
constant box f32 1x1x1x6 = 0 0.5 0.25 0.25 0.75 0.75
node - ReduceMin x -> m f32 1x1x1x1
node - Mul m none -> z f32 1x1x1x1
node - Add z box -> y f32 1x1x1x6
output y
END
}

fail() {
    echo "$*"
    return 1
}

equal() { [ "$1" = "$2" ] || fail "got '$1', want '$2'"; }
matches() { [[ $1 =~ $2 ]] || fail "'$1' does not match '$2'"; }

# try … ended with this status and one line of error that matches.
failed_with() {
    equal "$status" "$1"
    [ -n "$stderr" ] || fail "no message"
    equal "$(printf '%s\n' "$stderr" | wc -l)" 1
    matches "$stderr" "$2"
}

succeeded() {
    equal "$status" 0
}
