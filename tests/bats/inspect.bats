load helper

@test "the graph as the header of a .nn file" {
    nn convert "$TINY/conv.onnx" > net.nn
    cmp <(nn inspect net.nn) <(sed '/^data /,$d' net.nn)
    cmp <(nn inspect < net.nn) <(nn inspect net.nn)
}

@test "an unknown format, a text, an empty file, a folder" {
    try inspect labels.txt
    failed_with 1 '^nninspect: labels.txt: .*(nn|onnx)'
    : > empty
    try inspect empty
    failed_with 1 '^nninspect: empty: '
    try inspect .
    failed_with 1 '^nninspect: \.: '
    try inspect nowhere.onnx
    failed_with 1 '^nninspect: nowhere.onnx: No such file'
}

@test "--summary" {
    nn inspect --summary "$TINY/conv.onnx" > out
    grep -qx $'input\timage\tf32 1x3x32x32' out
    grep -qx $'output\tscores\tf32 1x5' out
    grep -qx $'op\tConv\t2' out
    grep -qx $'total\tparameters\t349' out # the normalisation's 32 are in the convolution
    grep -qx $'total\tmacs\t73768' out     # 16*16*8*27 + 16*16*8*9 + 8*5
    grep -qx $'total\tactivations\t6144' out
    grep -qx $'file\tnodes\t10' out
    grep -qx $'file\tconstant bytes\t1524' out
    classifier
    nn inspect --summary net.nn | grep -qx $'property\trecipe\tresize=32x32,rgb,mean=127,std=128'
    nn inspect --summary -J net.nn | jq -es 'any(.name == "parameters" and .value == 349)'
}

@test "--summary with open sizes" {
    nn inspect --summary "$TINY/symbolic.onnx" > out
    grep -qx $'input\tx\tf32 batch x length x 4' out
    nn inspect --summary -J "$TINY/symbolic.onnx" | jq -es '.[0].shape == ["batch", "length", 4]'
    grep -qx $'open\tactivations\t3' out
    grep -qx $'file\topset\t17' out
    grep -qx $'file\tproducer\ttests' out
    nn inspect -s batch=2 -s length=3 --summary "$TINY/symbolic.onnx" > out
    grep -qx $'input\tx\tf32 2x3x4' out
    not grep -q '^open' out
    try inspect -s batch=0.5 --summary "$TINY/symbolic.onnx"
    equal "$status" 2
}

# What the network is, without what depends on the file: its format, its names.
network() { nn inspect -q --summary "$@" | grep -E '^(op|total|open)'; }

@test "--summary: the same for the same network in other formats, opsets, precisions, optimised" {
    for model in mlp conv two; do
        network "$TINY/$model.onnx" > want
        nn optimize -q -o b.nn "$TINY/$model.onnx"
        for other in a.nn old.onnx half.onnx a.tflite a.mnn; do
            nn convert -q -o $other $([ $other != old.onnx ] || echo --opset 11) \
                $([ $other != half.onnx ] || echo --weights f16) "$TINY/$model.onnx"
            network $other | diff want -
        done
        network b.nn | diff want -
    done
    nn convert -q -o a.param "$TINY/conv.onnx" # which says no sizes
    network -s image=1x3x32x32 a.param | diff <(network "$TINY/conv.onnx") -
    network "$TINY/../ppocr_cls.onnx" > want
    for other in a.tflite a.mnn a.param; do
        nn convert -q -o $other "$TINY/../ppocr_cls.onnx"
        network -s 'x=1x3x48x192' $other > got
        network -s 'x=1x3x48x192' "$TINY/../ppocr_cls.onnx" | diff - got
    done
}

@test "-J: an object for each property, value and node" {
    nn inspect -J "$TINY/conv.onnx" > out
    jq -es 'map(.kind) | group_by(.) | map({(.[0]): length}) | add
        == {constant: 10, input: 1, node: 10, output: 1, property: 2, value: 9}' out
    jq -es 'map(select(.kind == "node" and .name == "conv1")) ==
        [{kind: "node", name: "conv1", domain: "", op: "Conv", inputs: ["image", "w1", "b1"], outputs: ["c1"],
          attributes: {pads: [1, 1, 1, 1], strides: [2, 2]}}]' out
    jq -es 'map(select(.name == "c1"))[0].shape == [1, 8, 16, 16]' out
    nn inspect -J "$TINY/if.onnx" | jq -es 'map(select(.graph == "branch" and .kind == "node").op) | sort == ["Mul", "Neg"]'
    declare_nn ends.nn << 'END'
input x f32 2
node - Neg x -> a f32 2
node - Abs a -> b f32 2
output b
output x
output a
END
    nn inspect -J ends.nn | jq -ce 'select(.kind == "output").name' | diff - <(printf '"%s"\n' b x a)
    nn inspect -J "$TINY/symbolic.onnx" | jq -es 'map(select(.kind == "input"))[0].shape == ["batch", "length", 4]'
    nn inspect -J --weights "$TINY/conv.onnx" | jq -es '.[0].shape == [8, 3, 3, 3]'
}

@test "tables have a header and aligned columns on a terminal, and not in a pipe" {
    need_terminal
    terminal "'${NN}inspect' --weights '$TINY/conv.onnx'" < /dev/null | tr -d '\r' > out
    matches "$(head -n 1 out)" '^name  *dtype  *shape  *bytes  *min  *max'
    equal "$(grep -c $'\t' out)" 0
    equal "$(awk '{ print index($0, $2) }' out | sort -u | wc -l)" 1
    equal "$(nn inspect --weights "$TINY/conv.onnx" | head -n 1 | cut -f 1-4)" $'w1\tf32\t8x3x3x3\t864'
    terminal "'${NN}bench' -n 2 '$TINY/conv.onnx'" < /dev/null | head -n 1 | grep -q '^name .* median ms '
}

@test "--weights" {
    nn inspect --weights "$TINY/conv.onnx" > out
    equal "$(wc -l < out)" 10
    equal "$(grep ^w1 out | cut -f 1-4)" $'w1\tf32\t8x3x3x3\t864'
    nn inspect --weights -J "$TINY/conv.onnx" | jq -es 'length == 10'
}

@test "--dot" {
    nn inspect --dot "$TINY/if.onnx" > out
    matches "$(head -n 1 out)" '^digraph'
    equal "$(tail -n 1 out)" "}"
    equal "$(grep -c '{' out)" "$(grep -c '}' out)"
}

# Every tag of the file is closed, in order, and nothing stands outside of tags that XML does not allow.
well_formed() {
    perl -0777 -e '
        local $_ = <>;
        utf8::decode($_) or die "no UTF-8\n";
        /[\x00-\x08\x0b\x0c\x0e-\x1f]/ and die "a control character\n";
        s/^<\?xml[^>]*\?>//;
        my @open;
        while (/\G([^<]*)<(\/?)([a-z]+)((?:\s+[a-zA-Z:]+="[^"<]*")*)\s*(\/?)>/gc) {
            die "text with & or >: $1\n" if $1 =~ />|&(?!(amp|lt|gt|quot);)/;
            if ($2) { die "</$3>\n" unless @open && pop(@open) eq $3 } elsif (!$5) { push @open, $3 }
        }
        die "not closed, or malformed: ", substr($_, pos // 0, 60) if @open || substr($_, pos) =~ /\S/;' "$1"
}

@test "--svg: a drawing that is XML, the same each time" {
    for model in conv two if symbolic unknown; do
        nn inspect --svg "$TINY/$model.onnx" > out.svg
        well_formed out.svg
        nn inspect --svg "$TINY/$model.onnx" | cmp - out.svg
    done
    nn inspect --svg "$TINY/conv.onnx" > out.svg
    equal "$(grep -c '<rect' out.svg)" "$(($(nn inspect "$TINY/conv.onnx" | grep -cE '^(input|node|output)') + 1))"
    matches "$(cat out.svg)" '>Conv</text>'
    printf 'input %%3Ca%%26%%22b%%3E f32 3\nnode x%%01y%%FFz Relu %%3Ca%%26%%22b%%3E -> out%%C3%%A9 f32 3\noutput out%%C3%%A9\n' | declare_nn odd.nn
    nn inspect --svg odd.nn > odd.svg
    well_formed odd.svg
    matches "$(cat odd.svg)" '&lt;a&amp;&quot;b&gt;'
}

@test "--svg: the ends of long names, types by name, no shape twice" {
    name=jit_network_network_block_block_block_
    printf 'input x f32 3\nnode %s7 Cast x -> y i64 3 : to=7\noutput y\n' "$name" | declare_nn long.nn
    nn inspect --svg long.nn > long.svg
    matches "$(tr '\n' ' ' < long.svg)" '>\.\.\.[a-z_]*_block_7</text>.*>to i64</text>'
    equal "$(grep -c '>f32 3</text>' long.svg)" 1
}

@test "--svg: large graphs" {
    chain() { echo 'input x f32 4'; seq "$1" | awk '{ print "node - Add " (NR > 1 ? "v" NR - 1 : "x") " x -> v" NR " f32 4" }'; echo "output v$1"; }
    chain 3000 | declare_nn long.nn
    nn inspect --svg long.nn > long.svg
    well_formed long.svg
    chain 20001 | declare_nn longer.nn
    try inspect --svg longer.nn
    failed_with 1 'longer.nn: 20003 nodes: more than 20000 nobody could read'
}

@test "-d: the same network, in other formats, opsets, optimised, with other names and order" {
    for model in mlp conv symbolic two if unknown; do
        nn convert -q -o a.nn "$TINY/$model.onnx"
        nn optimize -q -o b.nn "$TINY/$model.onnx"
        sed 's/\<conv1\>/first/g' a.nn > c.nn
        for other in a.nn b.nn c.nn; do
            try inspect -d $other "$TINY/$model.onnx"
            succeeded
            matches "$output" '^the same network'
        done
    done
    nn inspect -d c.nn - < a.nn
    nn inspect -J -d a.nn b.nn | jq -es '.[0].what == "same"'
    equal "$(nn inspect -q -d a.nn b.nn)" ""
}

# One recurrent layer of 8 units over 6 steps, with both its biases, and what a GELU is written with behind it.
recurrent() {
    awk -v cell="$1" -v gates="$2" 'function list(n, i, s) { for (i = 0; i < n; i++) s = s sprintf(" %.3f", sin(++k)); return s }
    BEGIN {
        print "graph g"; print "input x f32 6x1x40"
        print "constant W f32 1x" gates * 8 "x40 =" list(gates * 320); print "constant R f32 1x" gates * 8 "x8 =" list(gates * 64)
        print "constant B f32 1x" gates * 16 " =" list(gates * 16)
        print "constant two f32 scalar = 1.41421356"; print "constant one f32 scalar = 1"; print "constant half f32 scalar = 0.5"
        print "constant axis i64 1 = 1"
        print "node cell " cell " x W R B -> h f32 6x1x1x8 : hidden_size=8"
        print "node last Squeeze h axis -> s f32 6x1x8"; print "node - Div s two -> d f32 6x1x8"; print "node - Erf d -> e f32 6x1x8"
        print "node - Add e one -> a f32 6x1x8"; print "node - Mul s a -> m f32 6x1x8"; print "node - Mul m half -> y f32 6x1x8"
        print "output y"
    }'
}

@test "-d: the same recurrent network where a format has one bias, writes all lengths, or has GELU alone" {
    recurrent LSTM 4 | declare_nn lstm.nn
    recurrent GRU 3 | declare_nn gru.nn
    recurrent LSTM 4 | sed 's/ 0.841/ 0.541/' | declare_nn other.nn
    for other in lstm.mnn lstm.xml lstm.param gru.mnn gru.xml; do
        nn convert -q -o $other "${other%.*}.nn"
        try inspect -d $other "${other%.*}.nn"
        succeeded
        matches "$output" '^the same network'
    done
    try inspect -d other.nn lstm.nn
    equal "$status" 1
    last() { recurrent LSTM 4 | sed 's/-> h f32 6x1x1x8 :/-> - h f32 1x1x8 :/; s/Squeeze h axis/Identity h/; s/6x1x8/1x1x8/' | sed "$1" | declare_nn "$2"; }
    last '' states.nn
    for steps in 6 5; do
        last "s/^node cell.* B /constant lengths i32 1 = $steps\\n&lengths /" $steps.nn
    done
    equal "$(nn inspect -d 6.nn states.nn)" 'the same network'
    try inspect -d 5.nn states.nn
    equal "$status" 1
    nn convert -q -o lstm.tflite lstm.nn
    nn inspect --summary lstm.tflite | grep -q $'^op\tGelu\t1$'
    [ "$(wc -c < lstm.tflite)" -lt 28000 ] # all steps share their weights
    npy x.npy f32 6x1x40
    mkdir out
    nn run -o out lstm.nn x.npy
    nn run --expect out lstm.tflite x.npy
}

@test "-d: rounding is told, and larger differences are not rounding" {
    nn quantize -q -w f16 -o half.nn "$TINY/../ppocr_cls.onnx"
    try inspect -d half.nn "$TINY/../ppocr_cls.onnx"
    succeeded
    matches "$output" '^the same network up to rounding: .* 0\.000'
    perl -0pe 's/(.*)\xbd/$1\xbc/s' "$TINY/mlp.onnx" > b.onnx
    not cmp -s b.onnx "$TINY/mlp.onnx"
    try inspect -d b.onnx "$TINY/mlp.onnx"
    equal "$status" 1
    equal "$(cut -f 1,3 <<< "$output" | sort -u)" $'weights\tproduct1\nweights\tproduct2'
}

@test "-d: the layer, and what differs" {
    common='input x f32 1x1x6x6
constant w f32 1x1x3x3 = 1 2 3 4 5 6 7 8 9'
    net() {
        printf '%s\nnode c1 Conv x w -> a f32 * : pads=[1,1,1,1] strides=[%s]\nnode act %s a -> b f32 *\nnode c2 Conv b w -> y f32 *\noutput y\n' \
            "$common" "$1" "$2" | declare_nn "$3"
    }
    net 1,1 Relu a.nn
    net 2,1 Relu b.nn
    net 1,1 Tanh c.nn
    try inspect -d a.nn b.nn
    equal "$status" 1
    equal "$output" $'attribute\tConv\tc1\tc1\tstrides: 2,1 and 1,1'
    try inspect -d c.nn a.nn
    equal "$output" $'operator\tRelu\tact\tact\tRelu and Tanh'
    equal "$(nn inspect -J -d c.nn a.nn | jq -r '[.what, .op, .layer, .other, .detail] | join("/")')" 'operator/Relu/act/act/Relu and Tanh'
    printf '%s\nnode c1 Conv x w -> a f32 * : pads=[1,1,1,1]\nnode c2 Conv a w -> y f32 *\noutput y\n' "$common" | declare_nn d.nn
    try inspect -d d.nn a.nn
    equal "$output" $'only\tRelu\tact\t\tRelu'
    try inspect -d a.nn d.nn
    equal "$output" $'only\tRelu\t\tact\tRelu'
}

@test "-d: layer normalisation is the same between Transposes, written as arithmetic too" {
    normal() {
        { printf '%s\n' 'input x f32 1x3x2x2' 'constant s f32 3 = 1 2 3' 'constant t f32 3 = 3 1 2' 'constant last i64 1 = -1' \
            'constant e f32 scalar = 0.001' 'node - Transpose x -> v f32 * : perm=[0,2,3,1]'; cat
            printf '%s\n' 'node - Transpose n -> y f32 * : perm=[0,3,1,2]' 'output y'; } | declare_nn "$1"
    }
    normal whole.nn <<< 'node - LayerNormalization v s t -> n f32 * : axis=-1 epsilon=0.001'
    normal parts.nn <<END
node - ReduceMean v last -> m f32 *
node - Sub v m -> c f32 *
node - Mul c c -> q f32 *
node - ReduceMean q last -> d f32 *
node - Add d e -> f f32 *
node - Sqrt f -> g f32 *
node - Div c g -> h f32 *
node - Mul h s -> i f32 *
node - Add i t -> n f32 *
END
    equal "$(nn inspect -d whole.nn parts.nn)" 'the same network'
}

@test "-d: a convolution of one pixel and its bias" {
    weights=$(seq -s ' ' 24)
    declare_nn inside.nn <<END
input x f32 Nx4x1x1
constant w f32 6x4x1x1 = $weights
constant b f32 6 = 1 2 3 4 5 6
node - Conv x w b -> y f32 *
output y
END
    declare_nn behind.nn <<END
input x f32 Nx4x1x1
constant w f32 6x4x1x1 = $weights
constant b f32 1x6x1x1 = 1 2 3 4 5 6
node - Conv x w -> c f32 *
node - Add c b -> y f32 *
output y
END
    equal "$(nn inspect -d inside.nn behind.nn)" 'the same network'
}

@test "-d: parts of a value, however they are taken" {
    part() {
        { echo 'input x f32 1x4x6'; cat; echo 'output y'; } | declare_nn "$1"
    }
    part split.nn <<< $'node - Split x -> a f32 * b f32 * : axis=1 num_outputs=2\nnode sub Sub a b -> y f32 *'
    slices() {
        part "$1" <<END
constant zero i64 1 = 0
constant two i64 1 = 2
constant four i64 1 = 4
constant one i64 1 = 1
node - Slice x $2 $3 one -> a f32 *
node - Slice x $4 $5 one -> b f32 *
node sub Sub a b -> y f32 *
END
    }
    slices slice.nn zero two two four
    slices turned.nn two four zero two
    slices same.nn zero two zero two
    part gather.nn <<END
constant dims i64 3 = 2 2 6
constant out i64 3 = 1 2 6
constant zero i64 scalar = 0
constant one i64 scalar = 1
node - Reshape x dims -> r f32 *
node - Gather r zero -> a f32 * : axis=0
node - Gather r one -> b f32 * : axis=0
node sub Sub a b -> c f32 *
node - Reshape c out -> y f32 *
END
    for other in slice gather split; do
        try inspect -d split.nn $other.nn
        succeeded
        equal "$output" 'the same network'
    done
    for other in turned same; do
        try inspect -d split.nn $other.nn
        equal "$status" 1
        matches "$output" $'^order\tSub\tsub\tsub\t[AB]: other elements of x'
    done
    slices longer.nn zero two one four
    try inspect -d longer.nn split.nn
    equal "$status" 1
}

@test "a branch's inside is shown" {
    matches "$(nn inspect "$TINY/if.onnx")" 'begin then_branch'
    matches "$(nn inspect --summary "$TINY/if.onnx")" $'op\tIf\t1'
}

@test "--summary: labels of a file that ends with a line break, and of one that does not" {
    for text in 'a%0Ab' 'a%0Ab%0A'; do
        printf 'property labels %s\ninput x f32 2\nnode - Relu x -> y f32 2\noutput y\n' "$text" | declare_nn net.nn
        nn inspect --summary net.nn | grep -qx $'property\tlabels\t2'
    done
}
