load helper

# A network of two convolutions: net FILE WEIGHT ACTIVATION [NAME]
net() {
    declare_nn "$1" <<END
input ${4}x f32 1x1x6x6
constant ${4}w f32 1x1x3x3 = 1 2 3 4 $2 6 7 8 9
constant ${4}v f32 1x1x3x3 = 1 0 -1 2 0 -2 1 0 -1
node ${4}c1 Conv ${4}x ${4}w -> ${4}a f32 * : pads=[1,1,1,1]
node ${4}act $3 ${4}a -> ${4}b f32 *
node ${4}c2 Conv ${4}b ${4}v -> ${4}y f32 *
output ${4}y
END
}

@test "--compare: a line a layer and output, exit 0 when all agree" {
    nn convert -o a.nn "$TINY/conv.onnx"
    nn optimize -o b.nn a.nn
    npy x.npy f32 1x3x32x32
    try run --compare a.nn b.nn x.npy
    succeeded
    equal "$(cut -f 1 <<< "$output" | tail -n 1)" output
    equal "$(cut -f 5 <<< "$output" | sort -u)" same
    [ "${#lines[@]}" -ge 5 ]
    try run --compare a.nn b.nn
    succeeded
    try run -q --compare a.nn b.nn
    succeeded
    equal "$output" ""
}

@test "--compare: a division by a constant is a product with its inverse" {
    for op in 'Div 4' 'Mul 0.25'; do
        declare_nn "${op% *}.nn" <<END
input x f32 2x3
constant c f32 scalar = ${op#* }
node p ${op% *} x c -> a f32 *
node q Relu a -> y f32 *
output y
END
    done
    npy x.npy f32 2x3
    try run --compare Div.nn Mul.nn x.npy
    succeeded
    equal "$(cut -f 1,5 <<< "$output" | sort -u | tr '\t\n' '  ')" "Mul same Relu same output same "
}

@test "--compare: the first layer that differs is named" {
    net a.nn 5 Relu
    net b.nn 5.1 Relu other_
    net c.nn 5 Tanh
    npy x.npy f32 1x1x6x6
    try run --compare a.nn b.nn x.npy
    equal "$status" 1
    matches "$stderr" "nnrun: differences between the networks: 1, which nninspect -d tells"
    matches "$stderr" "nnrun: x.npy: Conv 'other_c1' differs from 'c1' by .*; so do 4 of 4 layers"
    equal "$(cut -f 1-5 <<< "${lines[0]}")" $'Conv\tother_c1\tc1\t1x1x6x6\tdiffers'
    try run --rtol 0.1 --compare a.nn b.nn x.npy
    succeeded
    try run --compare a.nn c.nn x.npy
    equal "$status" 1
    matches "$stderr" "'act' differs from 'act'"
    equal "$(cut -f 5 <<< "${lines[0]}")" same
    nn run -J --compare a.nn b.nn x.npy 2> /dev/null | jq -es 'length == 4 and .[3].op == "output" and .[0].shape == [1,1,6,6] and .[0].snr > 20'
}

@test "--compare: another layout, and a quantised input and output" {
    net a.nn 5 Relu
    declare_nn last.nn <<END
input x f32 1x6x6x1
constant w f32 1x1x3x3 = 1 2 3 4 5 6 7 8 9
constant v f32 1x1x3x3 = 1 0 -1 2 0 -2 1 0 -1
constant s f32 scalar = 0.05
constant z u8 scalar = 120
node - Transpose x -> t f32 * : perm=[0,3,1,2]
node c1 Conv t w -> a f32 * : pads=[1,1,1,1]
node act Relu a -> b f32 *
node c2 Conv b v -> c f32 *
node - Transpose c -> y f32 * : perm=[0,2,3,1]
output y
END
    npy x.npy f32 1x1x6x6
    try run --compare a.nn last.nn
    succeeded
    nn inspect -d a.nn last.nn
    sed 's/^input x f32/input q u8/; s/^node - Transpose x/node - DequantizeLinear q s z -> x f32 *\nnode - Transpose x/' last.nn | grep -v '^nn 1$\|^data' | declare_nn u8.nn
    try run --rtol 0.05 --compare u8.nn a.nn x.npy
    succeeded
    equal "$(cut -f 5 <<< "$output" | sort -u)" same
    try run --compare u8.nn a.nn x.npy
    equal "$status" 1
    sed 's/^input x f32/input q u8/; s/^node - Transpose x/constant zf f32 scalar = 120\nnode - Cast q -> q1 f32 * : to=1\nnode - Sub q1 zf -> q2 f32 *\nnode - Mul q2 s -> x f32 *\nnode - Transpose x/' last.nn |
        grep -v '^nn 1$\|^data' | declare_nn apart.nn
    npy q.npy u8 1x6x6x1
    try run -q --rtol 1e-5 --compare u8.nn apart.nn q.npy # the bytes as they are, though one says how they are quantised by other operators
    succeeded
    try run -q --rtol 1e-5 --compare apart.nn u8.nn q.npy
    succeeded
    sed 's/^output y/constant r f32 scalar = 2\nconstant h u8 scalar = 128\nnode - QuantizeLinear y r h -> yq u8 *\noutput yq/' last.nn |
        grep -v '^nn 1$\|^data' | declare_nn out8.nn
    try run --rtol 0.02 --compare out8.nn a.nn x.npy
    equal "$(cut -f 1,5 <<< "$output")" $'Conv\tsame\nRelu\tsame\nConv\tsame\noutput\tsame'
}

@test "--compare: open sizes as -s says" {
    try run -J --compare "$TINY/symbolic.onnx" -s batch=2 -s length=5 "$TINY/symbolic.onnx"
    succeeded
    jq -es '.[0].shape == [2, 5, 3] and .[2].shape == [2, 3]' <<< "$output"
    try run -s nothing=2 --compare "$TINY/symbolic.onnx" "$TINY/symbolic.onnx"
    failed_with 1 "no input 'nothing'"
}

@test "the same network in another format, in half precision, too" {
    for model in conv mlp; do
        for option in "" "-O fp16"; do
            nn convert $option -o net.param "$TINY/$model.onnx"
            try inspect -d "$TINY/$model.onnx" net.param
            succeeded
            matches "$output" '^the same network'
            try run --rtol 0.01 --compare "$TINY/$model.onnx" net.param
            succeeded
            equal "$(cut -f 5 <<< "$output" | sort -u)" same
        done
    done
}

@test "--compare: what cannot be" {
    nn convert -o a.nn "$TINY/mlp.onnx"
    try run --compare nowhere.onnx a.nn
    failed_with 1 'nowhere.onnx: No such file'
    npy x.npy f32 1x25
    try run --compare "$TINY/mlp.onnx" a.nn x.npy
    failed_with 1 "input 'x': given 1x25, wants f32 1x24"
    try run --compare "$TINY/unknown.onnx" "$TINY/unknown.onnx"
    failed_with 1 'not known'
}
