load helper

@test "--check on inputs given, with a tolerance" {
    declare_nn length.nn <<END
input x f32 nx4
input n i64 scalar
constant zero i64 1 = 0
constant one i64 1 = 1
node - Unsqueeze n zero -> e i64 1
node - Slice x zero e zero one -> h f32 *
node - Relu h -> y f32 *
output y
END
    try optimize --check -i n=2 -s x=3x4 -o out.nn length.nn
    succeeded
    try optimize --check -i m=2 -o out.nn length.nn
    failed_with 1 "no such input: want one of 'x', 'n'"
    try optimize --check --rtol -1 length.nn
    equal "$status" 2
    try optimize -s x=3x4 -o out.nn length.nn
    failed_with 2 'for --check alone'
    nn bench -q -n 2 -i n=2 -s x=3x4 length.nn
}

operators() { nn inspect "$1" | awk '$1 == "node" { n[$3]++ } END { for (op in n) print op, n[op] }' | sort; }

@test "the result does the same with less" {
    nn optimize -o small.nn "$TINY/conv.onnx"
    operators small.nn > ops
    not grep -q -e Identity -e BatchNormalization -e Relu ops
    npy x.npy f32 1x3x32x32
    nn run -o want "$TINY/conv.onnx" x.npy
    nn run --expect want small.nn x.npy
}

@test "optimising twice changes nothing" {
    for m in conv mlp symbolic two if; do
        nn optimize "$TINY/$m.onnx" > 1.nn
        nn optimize 1.nn > 2.nn
        cmp 1.nn 2.nn
    done
}

@test "the same input gives the same bytes" {
    nn optimize "$TINY/conv.onnx" > 1.nn
    nn optimize < "$TINY/conv.onnx" > 2.nn
    nn convert "$TINY/conv.onnx" | nn optimize - > 3.nn
    cmp 1.nn 2.nn && cmp 2.nn 3.nn
}

@test "-o writes ONNX, without operators of our own" {
    nn optimize -o small.onnx "$TINY/conv.onnx"
    nn inspect small.onnx > text
    not grep -q ' nn\.' text
    npy x.npy f32 1x3x32x32
    nn run -o want "$TINY/conv.onnx" x.npy
    nn run --expect want small.onnx x.npy
    nn optimize -t onnx "$TINY/conv.onnx" | cmp - small.onnx
    nn optimize --opset 13 -o older.onnx "$TINY/conv.onnx"
    nn run --expect want older.onnx x.npy
}

@test "-p runs passes alone, -x leaves them out" {
    nn optimize -p remove-identity "$TINY/conv.onnx" > a.nn
    operators a.nn > ops
    grep -q BatchNormalization ops
    not grep -q Identity ops
    nn optimize -x fuse-activation,fuse-residual "$TINY/conv.onnx" > b.nn
    operators b.nn | grep -q Relu
    nn optimize -p remove-identity,fold-scale "$TINY/conv.onnx" > c.nn
    operators c.nn | not grep -q BatchNormalization
}

@test "an unknown pass is wrong usage" {
    try optimize -p nonsense "$TINY/conv.onnx"
    failed_with 2 "^nnoptimize: pass 'nonsense'"
    try optimize -x fold-scale,nonsense "$TINY/conv.onnx"
    failed_with 2 "^nnoptimize: pass 'nonsense'"
}

@test "--list: name, default, what it does" {
    try optimize --list
    succeeded
    for line in "${lines[@]}"; do
        matches "$line" $'^[a-z-]+\t(yes|no)\t[^\t]+$'
    done
    nn optimize --list -J | jq -es 'map(.name) | index("dead-code") != null'
}

@test "every pass alone keeps the answer" {
    npy x.npy f32 1x3x32x32
    nn run -o want "$TINY/conv.onnx" x.npy
    for p in $(nn optimize --list | cut -f 1); do
        nn optimize -p "$p" --check=1 -o one.nn "$TINY/conv.onnx"
        nn run --expect want one.nn x.npy
    done
}

@test "-v tells how often each pass applied" {
    try optimize -v -o small.nn "$TINY/conv.onnx"
    succeeded
    matches "$stderr" $'(^|\n)remove-identity\t[1-9]'
    try optimize -o small.nn "$TINY/conv.onnx"
    equal "$stderr" ""
}

@test "--check compares on random inputs" {
    for m in conv mlp symbolic two if; do
        try optimize --check -o small.nn "$TINY/$m.onnx"
        succeeded
        matches "$stderr" 'check: 3 runs agree'
    done
    try optimize --check=7 -o small.nn "$TINY/conv.onnx"
    matches "$stderr" 'check: 7 runs agree'
    try optimize --check=0 -o small.nn "$TINY/conv.onnx"
    failed_with 2 'check'
    try optimize -q --check -o small.nn "$TINY/conv.onnx"
    equal "$stderr" ""
}

@test "a model with unknown operators is passed on" {
    nn optimize -o out.nn "$TINY/unknown.onnx"
    matches "$(nn inspect out.nn)" 'com.example.Swizzle'
}

@test "properties stay" {
    classifier
    nn optimize -o small.nn net.nn
    equal "$(nn inspect small.nn | grep ^property)" "$(nn inspect net.nn | grep ^property)"
}

@test "channels-last networks keep one Transpose, of their input" {
    for model in cnn cnn_fp16 cnn_int8; do
        nn convert -q -o out.nn "$TINY/../tflite/$model.tflite"
        equal "$(nn inspect out.nn | grep -c '^node .* Transpose ')" 1
    done
}

@test "operators of whole numbers, and back for other runtimes" {
    nn convert -q -o out.nn "$TINY/../tflite/cnn_int8.tflite"
    nn optimize -q -p fuse-qdq -o whole.nn out.nn
    matches "$(nn inspect whole.nn)" ' nn.QConv '
    nn convert -q -o whole.onnx whole.nn
    matches "$(nn inspect whole.onnx)" ' QuantizeLinear '
    equal "$(nn inspect whole.onnx | grep -c nn.QConv)" 0
}

@test "weights of half precision stay so in the file" {
    npy x.npy f32 1x24
    for t in f16 bf16; do
        nn convert --weights $t -o half.nn "$TINY/mlp.onnx"
        nn optimize -q -o optimised.nn half.nn
        [ "$(wc -c < optimised.nn)" -le "$(wc -c < half.nn)" ]
        nn inspect optimised.nn | grep -q " $t "
        nn run -o want half.nn x.npy
        nn run --expect want --rtol 1e-6 optimised.nn x.npy
        nn optimize -q -o again.nn optimised.nn
        cmp again.nn optimised.nn
    done
}
