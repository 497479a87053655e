load helper

@test "ONNX to .nn on standard output, and back" {
    nn convert "$TINY/conv.onnx" > net.nn
    equal "$(head -n 1 net.nn)" "nn 1"
    nn convert -o back.onnx net.nn
    nn convert -t onnx net.nn > stream.onnx
    cmp back.onnx stream.onnx
    nn convert back.onnx > again.nn
    npy x.npy f32 1x3x32x32
    equal "$(nn run again.nn x.npy)" "$(nn run "$TINY/conv.onnx" x.npy)"
}

@test "the same input gives the same bytes" {
    for m in conv mlp symbolic two if unknown external; do
        nn convert "$TINY/$m.onnx" > 1.nn
        nn convert - < 1.nn > 2.nn
        nn convert -o 3.nn 2.nn
        cmp 1.nn 2.nn && cmp 2.nn 3.nn
    done
}

@test "standard input: nothing, or -" {
    nn convert < "$TINY/mlp.onnx" > 1.nn
    nn convert - < "$TINY/mlp.onnx" > 2.nn
    nn convert "$TINY/mlp.onnx" > 3.nn
    cmp 1.nn 2.nn && cmp 2.nn 3.nn
}

@test "the suffix chooses the format, -t overrides it" {
    nn convert -o a.onnx "$TINY/mlp.onnx"
    nn convert -o a.nn "$TINY/mlp.onnx"
    nn convert -t nn -o b.onnx "$TINY/mlp.onnx"
    cmp a.nn b.onnx
    not cmp -s a.onnx b.onnx
}

@test "the format is recognised by content, whatever the name" {
    cp "$TINY/mlp.onnx" net.nn
    equal "$(nn inspect net.nn | head -n 1)" "nn 1"
    nn convert -f onnx -o x.nn net.nn
    try convert -f nn net.nn
    failed_with 1 'nnconvert: net.nn: '
}

@test "-s binds a symbol, or a whole shape" {
    matches "$(nn convert -s batch=5 "$TINY/symbolic.onnx" | nn inspect)" 'input x f32 5xlengthx4'
    matches "$(nn convert -s batch=5 -s length=2 "$TINY/symbolic.onnx" | nn inspect)" 'y f32 5x3'
    matches "$(nn convert -s x=5x2x4 "$TINY/symbolic.onnx" | nn inspect)" 'y f32 5x3'
    matches "$(nn convert --shape x=5x2x4 "$TINY/symbolic.onnx" | nn inspect)" 'input x f32 5x2x4'
}

@test "-s changes sizes that are stated, and a Reshape to them goes along" {
    declare_nn flat.nn <<END
input x f32 1x2x3
constant list i64 2 = 1 6
constant w f32 6x1 = 1 2 3 4 5 6
node - Reshape x list -> f f32 1x6
node - MatMul f w -> y f32 1x1
output y
END
    matches "$(nn convert -s x=4x2x3 flat.nn | nn inspect)" 'y f32 4x1'
    npy x.npy f32 2x2x3 1 0 0 0 0 0 0 0 0 0 0 1
    equal "$(nn run -s x=2x2x3 flat.nn x.npy | cut -f 4)" '1 6'
    try convert -s x=1x2x4 flat.nn
    failed_with 1 "flat.nn: input 'x' as 1x2x4: node .*MatMul"
    # of two that are left, none can be known to be as it was
    declare_nn rows.nn <<END
input x f32 1x4x3
constant list i64 4 = 1 2 2 3
node - Reshape x list -> y f32 1x2x2x3
output y
END
    matches "$(nn convert -s x=5x4x3 rows.nn | nn inspect)" 'y f32 5x2x2x3'
    try convert -s x=5x8x3 rows.nn
    failed_with 1 "rows.nn: input 'x' as 5x8x3: node .*Reshape"
}

@test "-s that cannot be" {
    try convert -s x=5x2x9 "$TINY/symbolic.onnx"
    failed_with 1 "symbolic.onnx: input 'x'"
    try convert -s nobody=5 "$TINY/symbolic.onnx"
    failed_with 1 "nobody"
    try convert -s x "$TINY/symbolic.onnx"
    failed_with 2 'NAME=DIMS'
    try convert -s x=5x-2x4 "$TINY/symbolic.onnx"
    failed_with 2 'x=5x-2x4'
    try convert -s x=99999999999999999999x2x4 "$TINY/symbolic.onnx"
    failed_with 2 '9999'
}

@test "-p, -T and -l travel with the model, through ONNX too" {
    classifier
    matches "$(nn inspect net.nn)" 'property recipe resize=32x32,rgb,mean=127,std=128'
    matches "$(nn inspect net.nn)" 'property task classify'
    nn convert -o net.onnx net.nn
    ppm red.ppm 40 30 255 0 0
    equal "$(nn run -k 1 net.onnx red.ppm)" "$(nn run -k 1 net.nn red.ppm)"
    matches "$(nn run -k 1 net.onnx red.ppm)" $'^red.ppm\t1\t0\\.[0-9]+\t[0-4]\t(cat|dog|cup|table|sky)$'
}

@test "-p @FILE takes the recipe of a published configuration" {
    echo '{"do_resize": true, "size": {"height": 32, "width": 32}, "resample": 3, "do_rescale": true,
           "do_normalize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}' > preprocessor_config.json
    nn convert -p @preprocessor_config.json -o net.nn "$TINY/conv.onnx"
    matches "$(nn inspect net.nn)" 'property recipe resize=32x32,filter=bicubic,rgb,scale=0.003921569,mean=0.5:0.5:0.5,std=0.5:0.5:0.5'
    ppm red.ppm 40 30 255 0 0
    equal "$(nn run -p @preprocessor_config.json "$TINY/conv.onnx" red.ppm)" "$(nn run net.nn red.ppm)"
    try convert -p @none.json "$TINY/conv.onnx"
    failed_with 2 'none.json: No such file'
    echo '{"do_resize": true}' > bad.json
    try convert -p @bad.json "$TINY/conv.onnx"
    failed_with 2 'bad.json: recipe: size'
}

@test "a recipe, a task, labels that are wrong" {
    try convert -p resize=0 "$TINY/conv.onnx"
    failed_with 2 'resize'
    try convert -p sharpen "$TINY/conv.onnx"
    failed_with 2 'sharpen'
    try convert -T guess "$TINY/conv.onnx"
    failed_with 2 'guess'
    try convert -l nowhere.txt "$TINY/conv.onnx"
    failed_with 1 'nowhere.txt: No such file'
    try convert -p input=nobody,resize=32x32 "$TINY/conv.onnx"
    failed_with 1 'nobody'
}

@test "--weights f16, bf16, f32" {
    npy x.npy f32 1x24
    nn convert -o whole.nn "$TINY/mlp.onnx"
    nn run -o want whole.nn x.npy
    for t in f16 bf16; do
        nn convert --weights $t -o half.nn "$TINY/mlp.onnx"
        [ "$(wc -c < half.nn)" -lt $(($(wc -c < whole.nn) * 6 / 10)) ]
        nn run --expect want --rtol 0.02 half.nn x.npy
    done
    nn convert --weights f32 -o again.nn half.nn
    nn inspect again.nn | not grep -q bf16
    try convert --weights f8 "$TINY/mlp.onnx"
    failed_with 2 'f32, f16 or bf16'
}

@test "--opset" {
    nn convert --opset 13 -o a.onnx "$TINY/conv.onnx"
    nn convert --opset 21 -o b.onnx "$TINY/conv.onnx"
    not cmp -s a.onnx b.onnx
    npy x.npy f32 1x3x32x32
    equal "$(nn run a.onnx x.npy)" "$(nn run b.onnx x.npy)"
    try convert --opset 999 -o c.onnx "$TINY/conv.onnx"
    [ "$status" -ne 0 ] && matches "$stderr" 'opset'
    try convert --opset x -o c.onnx "$TINY/conv.onnx"
    failed_with 2 'opset'
    [ ! -e c.onnx ]
}

@test "--list" {
    try convert --list
    succeeded
    matches "$output" $'format\tnn\tread,write\t\\.nn'
    matches "$output" $'format\tonnx\tread,write\t\\.onnx'
    nn convert -J --list | jq -es 'map(select(.kind == "format").name) | contains(["nn", "onnx"])'
}

@test "weights in a file beside the model" {
    npy x.npy f32 1x32
    nn convert "$TINY/external.onnx" > net.nn
    equal "$(nn run net.nn x.npy)" "$(nn run "$TINY/external.onnx" x.npy)"
    cp "$TINY/external.onnx" .
    try convert external.onnx
    failed_with 1 "external.onnx: tensor 'w': external data 'external.data'"
    ln -s "$TINY/external.data" external.data
    try convert external.onnx
    failed_with 1 "external.data"
    rm external.data
    head -c 4000 "$TINY/external.data" > external.data
    try convert external.onnx
    failed_with 1 "external.onnx: tensor 'w'"
}

@test "external data does not lead out of the model's folder" {
    mkdir inside
    cp "$TINY/external.data" outside.bin
    perl -pe 's/\x0dexternal\.data/\x0d..\/outs.bin\x00\x00/' "$TINY/external.onnx" > inside/external.onnx
    cp outside.bin outs.bin
    try convert inside/external.onnx
    equal "$status" 1
    perl -pe 's/external\.data/..\/outsid.bin/; s/\x0d\.\./\x0d../' "$TINY/external.onnx" > inside/external.onnx
    cp outside.bin outsid.bin
    try convert inside/external.onnx
    equal "$status" 1
}

@test "unknown operators are kept and listed, all at once" {
    try convert -o net.nn "$TINY/unknown.onnx"
    succeeded
    equal "$stderr" "nnconvert: $TINY/unknown.onnx: operators that are not known, kept as they are: com.example.Blend (1: odd1), com.example.Swizzle (1: odd2)"
    matches "$(nn inspect net.nn)" 'com.example.Blend.* strength=0.5'
    nn convert -q -o back.onnx net.nn
    cmp <(nn inspect back.onnx) <(nn inspect net.nn)
}

@test "-q says nothing, -v does no harm" {
    try convert -q -o net.nn "$TINY/unknown.onnx"
    succeeded
    equal "$stderr" ""
    nn convert -v -o net.nn "$TINY/conv.onnx"
}

@test "-f nn on a header written by hand" {
    declare_nn hand.nn <<END
input x f32 Nx3
constant half f32 scalar = 0.5
node - Mul x half -> y f32 Nx3
output y
END
    npy x.npy f32 2x3 2 4 6
    equal "$(nn run hand.nn x.npy)" $'y\tf32\t2x3\t1 2 3 1 2 3'
    cmp <(nn convert hand.nn) hand.nn
}

@test "two files in either order, or one of them where the other stands beside it" {
    local models=$TINY/.. model
    cp "$models"/caffe/classify.{prototxt,caffemodel} "$models"/darknet/yolo.{cfg,weights} .
    nn convert -o caffe.nn classify.prototxt
    nn convert -o darknet.nn yolo.cfg
    for model in classify.caffemodel classify.caffemodel,classify.prototxt classify.prototxt,classify.caffemodel; do
        cmp <(nn convert "$model") caffe.nn
    done
    for model in yolo.weights yolo.weights,yolo.cfg yolo.cfg,yolo.weights; do
        cmp <(nn convert "$model") darknet.nn
    done
    mv classify.caffemodel trained.caffemodel
    cmp <(nn convert classify.prototxt) caffe.nn
    rm classify.prototxt
    try convert trained.caffemodel
    equal "$status" 1
    equal "$stderr" "nnconvert: trained.caffemodel: holds weights, but no net: give the .prototxt too, A.prototxt,B.caffemodel"
}

@test "what a format has no place for is told; what it wants as numbers is computed" {
    nn convert -p resize=32x32 -T classify -o net.nn "$TINY/conv.onnx"
    try convert -o net.param net.nn
    succeeded
    matches "$stderr" 'net.param: the format ncnn has no place for .* recipe, task'
    declare_nn sum.nn << 'END'
input x f32 1x4
constant a i64 2 = 1 1
constant b i64 2 = 1 1
node - Add a b -> s i64 2
node - Reshape x s -> y f32 2x2
output y
END
    nn convert -o sum.tflite sum.nn
    npy x.npy f32 1x4
    nn run -o out sum.nn x.npy
    nn run --expect out sum.tflite x.npy
}

@test "TFLite: places that count from the end, in a file whose bytes are mapped" {
    declare_nn last.nn << 'END'
input x f32 2x4
constant at i64 2 = -1 0
node - Gather x at -> y f32 2x2 : axis=1
output y
END
    nn convert -o last.onnx last.nn
    nn convert -o last.tflite last.onnx
    npy x.npy f32 2x4
    nn run -o out last.nn x.npy
    nn run --expect out last.tflite x.npy
}

@test "TFLite has weights with scales of blocks as real numbers" {
    nn convert -o blocks.tflite "$TINY/../tflite/blocks.tflite"
    nn run --expect "$TINY/../tflite/blocks" blocks.tflite "$TINY/../tflite/blocks/in_0.npy"
}

@test "what a network of open sizes has in TFLite does not grow from writing to writing" {
    declare_nn open.nn <<END
graph g
input x f32 1x2xhxw
constant k f32 2x2x1x1 = 1 2 3 4
constant twice f32 4 = 1 1 2 2
constant first i64 1 = 0
constant third i64 1 = 3
constant one i64 1 = 1
node - Conv x k -> map f32 1x2xhxw
node - Resize map - twice -> y f32 1x2x?x? : mode="nearest" coordinate_transformation_mode="asymmetric" nearest_mode="floor"
node - Shape map -> s i64 4
node - Slice s first third -> t i64 3
node - Concat t one -> l i64 4 : axis=0
node - Reshape map l -> z f32 1x2xhx?
output y
output z
END
    nn convert -o 1.tflite open.nn
    nn convert -o 2.tflite 1.tflite
    nn convert -o 3.tflite 2.tflite
    cmp 2.tflite 3.tflite
    # A map of one channel is an axis more or less, which TFLite names where sizes are open.
    sed 's/^constant k .*/constant k f32 1x2x1x1 = 1 2/; s/1x2xh/1x1xh/2g; s/-> map f32 1x2/-> map f32 1x1/; s/f32 1x2x?/f32 1x1x?/; s/z f32 1x2/z f32 1x1/' open.nn |
        grep -v '^nn 1$\|^data' | declare_nn thin.nn
    nn convert -o 1.tflite thin.nn
    nn convert -o 2.tflite 1.tflite
    nn convert -o 3.tflite 2.tflite
    cmp 2.tflite 3.tflite
    npy x.npy f32 1x2x3x2 1 2 3 4 5 6 -7 -8 -9 1 2 3
    nn run -o out thin.nn x.npy
    nn run --expect out 3.tflite x.npy
}

@test "TFLite written again is the same file, with the recipe and the labels; so are operators that only it knows" {
    for m in "$TINY"/../tflite/*.tflite; do
        case $m in */sound.tflite | */stablehlo.tflite) continue ;; esac # some of their operators are read alone
        nn convert -q -o 1.tflite "$m"
        nn convert -q -o 2.tflite 1.tflite
        cmp 1.tflite 2.tflite
    done
    printf 'ant\nbee\ncat\ndog\nelk\n' > names
    nn convert -p resize=12x12,crop=10x10,rgb,mean=1:2:3,std=4 -l names -T classify -o named.tflite "$TINY/../tflite/cnn_int8.tflite"
    nn convert -o named.nn named.tflite
    matches "$(nn inspect --summary named.tflite)" "resize=12x12,crop=10,rgb,mean=1:2:3,std=4"
    matches "$(nn inspect --summary named.tflite)" classify
    grep -q -a elk named.nn
    declare_nn own.nn << 'END'
input x f32 1x4
node - tflite.RFFT2D x -> _1 c64 1x4
node - tflite.Swirl _1 -> y f32 1x4 : custom_options="turns:3"
output y
END
    nn convert -q -o own.tflite own.nn
    nn convert -q -o again.nn own.tflite
    matches "$(nn inspect again.nn)" 'custom_options="turns:3"'
    matches "$(nn inspect again.nn)" tflite.RFFT2D
}

@test "what a network keeps from run to run stays an input with a default, by way of ONNX too" {
    for m in lstm variable; do
        nn convert -o "$m.onnx" "$TINY/../tflite/$m.tflite"
        nn convert -o "$m.tflite" "$m.onnx"
        equal "$(nn inspect --summary "$m.onnx" | grep -c '^input')" "$(nn inspect --summary "$TINY/../tflite/$m.tflite" | grep -c '^input')"
        for f in "$m.onnx" "$m.tflite"; do
            nn run --expect "$TINY/../tflite/$m" "$f" "$TINY/../tflite/$m/in_0.npy"
        done
    done
}

@test "bytes that are joined before they are made real have one scale in TFLite" {
    declare_nn net.nn <<'END'
graph g
input s i8 2x3
input x i8 1x3
constant scale f32 scalar = 0.3
constant zero i8 scalar = -128
node join Concat s x -> c i8 3x3 : axis=0
node real DequantizeLinear c scale zero -> y f32 3x3
output y
END
    nn convert -o net.tflite net.nn
    equal "$(LC_ALL=C grep -aoP '\x9a\x99\x99\x3e' net.tflite | wc -l)" 3
}

@test "activations of u8 are s8 in TFLite, but for what the network takes or gives as u8" {
    declare_nn net.nn <<'END'
graph g
input x f32 2x3
input b u8 2x3
constant scale f32 scalar = 0.5
constant zero u8 scalar = 100
node n1 QuantizeLinear x scale zero -> q u8 2x3
node n2 Transpose q -> t u8 3x2 : perm=[1,0]
node n3 DequantizeLinear t scale zero -> y f32 3x2
node n4 DequantizeLinear b scale zero -> z f32 2x3
node n5 QuantizeLinear z scale zero -> w u8 2x3
output y
output w
END
    nn convert -o net.tflite net.nn
    nn inspect net.tflite > text
    matches "$(cat text)" ' QuantizeLinear x .* i8 2x3'
    matches "$(cat text)" ' DequantizeLinear b .* f32 2x3'
    matches "$(cat text)" ' -> w u8 2x3'
    npy x.npy f32 2x3 -60 -49.75 0 3.2 70 90
    npy b.npy u8 2x3 0 1 99 100 101 255
    equal "$(nn run net.tflite x=x.npy b=b.npy)" "$(nn run net.nn x=x.npy b=b.npy)"
}

@test "TFLite: types that a kernel does not take are widened, or refused by the name of the user's operator" {
    one_node net.nn i8 Sign 2x3
    nn convert -o net.tflite net.nn
    matches "$(nn inspect net.tflite)" ' Sign [^ ]* -> [^ ]* i32 '
    one_node net.nn i64 ReduceL1 1x1
    try convert -o out.tflite net.nn
    equal "$status" 1
    matches "$stderr" 'TFLite cannot carry 1 of its nodes: it \(ReduceL1 as Abs\): of elements of type i64'
    printf 'graph g\ninput x u16 2x3\nnode it Concat x x -> y u16 4x3 : axis=0\noutput y\n' | declare_nn net.nn
    nn convert -o net.tflite net.nn
    matches "$(nn inspect net.tflite)" ' Concat [^ ]* [^ ]* -> [^ ]* i32 '
    printf 'graph g\ninput x u64 2x3\nnode it Cast x -> y f32 2x3 : to=1\noutput y\n' | declare_nn net.nn
    try convert -o out.tflite net.nn
    equal "$status" 1
    matches "$stderr" 'it \(Cast\): of elements of type u64'
    printf 'graph g\ninput x u64 3\nconstant d i64 scalar = 4\nconstant v f32 2 = 0 1\nnode it OneHot x d v -> y f32 3x4\noutput y\n' | declare_nn net.nn
    try convert -o net.tflite net.nn
    equal "$status" 1
    matches "$stderr" 'it \(OneHot\): of elements of type u64'
    [ ! -e out.tflite ]
}
