load helper

@test "all six programs in pipes" {
    npy x.npy f32 1x3x32x32
    ppm red.ppm 40 30 255 0 0
    nn convert -p resize=32x32 -T classify -l labels.txt "$TINY/conv.onnx" | nn optimize | nn quantize -q > net.nn
    nn inspect < net.nn | grep -q '^node'
    nn run -k 1 net.nn red.ppm | grep -q $'^red.ppm\t1\t'
    nn bench -q -n 2 - < net.nn
    nn convert "$TINY/conv.onnx" | nn optimize | nn quantize -q | nn convert -t onnx | nn inspect -d net.nn - > differences || [ $? = 1 ]
}

@test "a pipe gives what files give" {
    nn convert -o 1.nn "$TINY/conv.onnx"
    nn optimize -o 2.nn 1.nn
    nn quantize -q -o 3.nn 2.nn
    nn convert "$TINY/conv.onnx" | nn optimize | nn quantize -q | cmp - 3.nn
    nn inspect 3.nn | cmp - <(nn convert "$TINY/conv.onnx" | nn optimize | nn quantize -q | nn inspect)
}

@test "a reader that stops early ends the writer quietly" {
    {
        echo 'input v0 f32 3'
        seq 20000 | awk '{ print "node - Relu v" $1 - 1 " -> v" $1 " f32 3" }'
        echo 'output v20000'
    } | declare_nn long.nn
    run --separate-stderr bash -c '"$NN"inspect long.nn | head -n 1; exit ${PIPESTATUS[0]}'
    equal "$output" "nn 1"
    equal "$stderr" ""
    [ "$status" = 141 ] || [ "$status" = 1 ] || [ "$status" = 0 ]
    run --separate-stderr bash -c '"$NN"convert long.nn | head -c 100 > /dev/null; exit ${PIPESTATUS[0]}'
    equal "$stderr" ""
}

@test "nothing is written when what comes first in a pipe fails" {
    run --separate-stderr bash -c '"$NN"convert nowhere.onnx | "$NN"optimize -o out.nn'
    equal "$status" 1
    [ ! -e out.nn ]
    matches "$stderr" 'nnconvert: nowhere.onnx: No such file'
    matches "$stderr" 'nnoptimize: standard input: '
}

@test "a file may be its own output" {
    nn convert -o net.nn "$TINY/conv.onnx"
    nn optimize -o want.nn net.nn
    nn optimize -o net.nn net.nn
    cmp net.nn want.nn
}

@test "the locale does not matter" {
    npy x.npy f32 1x24
    nn convert "$TINY/mlp.onnx" > want.nn
    nn run "$TINY/mlp.onnx" x.npy > want.txt
    for l in C C.UTF-8 POSIX $(locale -a 2>/dev/null | grep -i -e '^de_' -e '^tr_' -e '^fr_' | head -n 3); do
        LC_ALL=$l nn convert "$TINY/mlp.onnx" | cmp - want.nn
        LC_ALL=$l nn run want.nn x.npy | cmp - want.txt
        LC_ALL=$l nn convert -p resize=32x32,mean=123.5,std=58.25 "$TINY/conv.onnx" | LC_ALL=C nn inspect | grep -q 'mean=123.5'
    done
}

@test "results go to standard output, all else to standard error" {
    npy x.npy f32 1x24
    nn optimize -v --check "$TINY/mlp.onnx" 2> /dev/null > out.nn
    nn run out.nn x.npy > /dev/null
    nn quantize -v -c x.npy "$TINY/mlp.onnx" 2> /dev/null > out.nn
    nn run out.nn x.npy > /dev/null
}

@test "only one process may use the machine: threads follow the affinity mask" {
    npy x.npy f32 1x3x32x32
    nn run "$TINY/conv.onnx" x.npy > want.txt
    taskset -c 0 "$NN"run "$TINY/conv.onnx" x.npy | cmp - want.txt
}
