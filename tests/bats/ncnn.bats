load helper

NCNN=$BATS_TEST_DIRNAME/../models/ncnn

# Samples of the project, and the real networks where they are at hand.
nets() {
    find "$NCNN" -maxdepth 1 -type f \( -name '*.param' -o -name '*.param.bin' \)
    find "$BATS_TEST_DIRNAME/../../../shared/models/" -name '*.param' ! -name '*.pnnx.param' -size -200k 2> missing || true
}

@test "a written file is written again to the byte, as text and in words, with floats of 32 and 16 bits" {
    local count=0
    while read -r net; do
        for suffix in param param.bin; do
            for option in "" "-O fp16"; do
                nn convert $option -o "1.$suffix" "$net" 2> warnings || { matches "$(cat warnings)" 'cannot carry'; continue; }
                nn convert $option -o "2.$suffix" "1.$suffix" 2> warnings
                cmp "1.$suffix" "2.$suffix" && cmp 1.bin 2.bin || fail "$net as $suffix $option"
                count=$((count + 1))
            done
        done
    done < <(nets)
    [ "$count" -ge 20 ]
}

@test "the number of axes of an input of open sizes stays" {
    nn convert -o 1.param "$TINY/symbolic.onnx" 2> warnings
    for i in 1 2; do
        nn convert -o $((i + 1)).param $i.param
        cmp $i.param $((i + 1)).param && cmp $i.bin $((i + 1)).bin
    done
}

@test "a file in words gives the answers of the text, with the same weights" {
    for name in cnn half int8 rows; do
        nn convert -o words.param.bin "$NCNN/$name.param" 2> warnings
        nn convert -o text.param "$NCNN/$name.param" 2> warnings
        cmp words.bin text.bin
        equal "$(head -c 4 words.param.bin | od -An -tx1)" " dd 85 76 00"
        equal "$(nn run words.param.bin "$NCNN/$name"/in_*.npy | cut -f 3-)" "$(nn run text.param "$NCNN/$name"/in_*.npy | cut -f 3-)"
    done
}

@test "a layer without a number is not written in words" {
    printf '7767517\n2 2\nInput in 0 1 a 0=4\nFancy f 1 1 a b 0=3 -23301=2,1.5,2.5 2="a b"\n' > net.param
    nn convert -o again.param net.param
    grep -q 'Fancy .* 0=3 -23301=2,1.5,2.5 2="a b"' again.param
    try convert -o net.param.bin net.param
    equal "$status" 1
    matches "$stderr" "layer 'b': the type Fancy has no number"
    [ ! -e net.param.bin ] && [ ! -e net.bin ]
}

@test "layers that compute on floats are refused of integers, by the name of the user's operator" {
    for op in Abs Neg Relu Sign ReduceSum ReduceL2 Shrink; do
        case $op in Reduce*) shape=1x1 ;; *) shape=2x3 ;; esac
        one_node net.nn i32 "$op" "$shape"
        try convert -o net.param net.nn
        equal "$status" 1
        matches "$stderr" "ncnn cannot carry: $op.* of integers \(1: it\)"
        [ ! -e net.param ]
    done
}

@test "integers are moved as they are, but a constant of integers is no blob" {
    one_node net.nn i32 Identity 2x3
    nn convert -o net.param net.nn
    printf 'graph g\ninput x i64 1x2\nconstant c i64 1x2 = 3 4\nnode it Concat x c -> y i64 1x4 : axis=1\noutput y\n' | declare_nn net.nn
    try convert -o net.param net.nn
    equal "$status" 1
    matches "$stderr" 'Concat with a constant of integers'
}

# reshape PARAMETERS: a network that gives a map of 8 channels another shape.
reshape() {
    printf '7767517\n3 3\nInput in 0 1 a 0=6 1=6 2=8\nPooling gap 1 1 a b 0=1 4=1\nReshape r 1 1 b y %s\n' "$1" > net.param
    : > net.bin
}

@test "a shape that counts the batch is read without it, where that is 1" {
    reshape '12=0 13=0 6="1,1,//(8,0n),0n"'
    matches "$(nn inspect net.param)" ' Reshape .* -> y f32 1x8x1x1'
    reshape '0=2 1=1 2=4 12=233 13=1'
    matches "$(nn inspect net.param)" ' Reshape .* -> y f32 1x4x2'
    reshape '0=2 1=4 12=233 13=0'
    try inspect net.param
    equal "$status" 1
    matches "$stderr" "layer 'r' \(Reshape\): makes a batch that is not 1 of its axis 0"
}

@test "attention is scaled by the width of its queries, also where that is known when it runs" {
    printf '7767517\n4 4\nInput q 0 1 q%s\nInput k 0 1 k\nInput v 0 1 v\nSDPA s 3 1 q k v y\n' ' 0=2 1=2 2=1' > said.param
    sed 's/ 0=2 .*//' said.param > open.param
    : > said.bin
    : > open.bin
    npy q.npy f32 1x1x2x2 1 2 3 4
    npy k.npy f32 1x1x2x2 0.5 1 1 -1
    nn run -o want said.param q=q.npy k=k.npy v=q.npy
    nn run --expect want open.param q=q.npy k=k.npy v=q.npy
}

# thresholded CHOICE ELSE: x where it is greater than a number, else another value.
thresholded() {
    printf 'graph g\ninput x f32 2x3\nconstant t f32 scalar = 0.2\nconstant e f32 scalar = %s\nnode above Greater x t -> c bool 2x3\n' "$2" > net.txt
    printf 'node it Where c %s e -> y f32 2x3\noutput y\n' "$1" >> net.txt
    declare_nn net.nn < net.txt
}

@test "scores above a threshold are a product of layers, also infinite ones, other choices are refused" {
    thresholded x 0
    nn convert -o net.param net.nn
    matches "$(cat net.param)" 'Threshold .* 0=(2.0+e-01|0.2)'
    npy x.npy f32 2x3 -inf 0.1 0.2 0.3 7 inf
    nn run -o want net.nn x.npy
    nn run --expect want net.param x.npy
    thresholded x 1
    try convert -o other.param net.nn
    equal "$status" 1
    matches "$stderr" 'Where of other things than what is greater than a number, or 0'
}

@test "what an SSD of Caffe finds is found there, without the column of images and by score" {
    sed 's/keep_top_k: 20/keep_top_k: 1/' "$NCNN/../caffe/ssd.prototxt" > one.prototxt
    cp "$NCNN/../caffe/ssd.caffemodel" one.caffemodel
    nn convert -o one.param one.prototxt
    nn run one.prototxt "$NCNN/../caffe/ssd/in_0.npy" > of_caffe
    nn run one.param "$NCNN/../caffe/ssd/in_0.npy" > of_ncnn
    equal "$(cut -f 4 of_caffe)" "0 $(cut -f 4 of_ncnn)"
}

@test "an operand with one axis too many is refused" {
    printf 'graph g\ninput x f32 2x3x2x2x2\ninput z f32 2x2x2\nnode it Add x z -> y f32 2x3x2x2x2\noutput y\n' | declare_nn net.nn
    try convert -o net.param net.nn
    equal "$status" 1
    matches "$stderr" 'Add with more than four axes beside the batch \(1: it\)'
}

@test "sizes of a file are hints: with others given, a Crop goes by those" {
    printf '7767517\n4 5\nInput in 0 1 x 0=6 1=6 2=1\nSplit s 1 2 x a b\nPooling p 1 1 b c 0=0 1=2 2=2\nCrop k 2 1 a c y 0=1 1=1\n' > crop.param
    : > crop.bin
    equal "$(nn run -s x=1x1x10x8 crop.param x=1 | cut -f 1,3)" $'y\t1x1x5x4'
    equal "$(nn run crop.param x=1 | cut -f 3)" 1x1x3x3
}

@test "powers of whole numbers are products, since ncnn's takes the logarithm of the base" {
    for power in -1 3 4 7; do
        printf 'graph g\ninput x f32 6\nconstant p f32 scalar = %s\nnode it Pow x p -> y f32 6\noutput y\n' "$power" | declare_nn net.nn
        nn convert -o net.param net.nn
        if grep -q 'BinaryOp .* 0=6 ' net.param; then false; fi
        npy x.npy f32 6 -2 -0.5 0.25 1 1.5 3
        nn run -o want net.nn x.npy > /dev/null
        nn run --expect want net.param x.npy > /dev/null
    done
}

@test "outputs are listed in the order of the source, whichever is made first, and stay so" {
    declare_nn two.nn <<END
input x f32 1x2x4x4
node - Relu x -> early f32 1x2x4x4
node - Sigmoid early -> late f32 1x2x4x4
output late
output early
END
    nn convert -o 1.param two.nn
    nn convert -o 2.param 1.param
    cmp 1.param 2.param
    equal "$(nn inspect 1.param | grep '^output ')" "$(printf 'output late\noutput early')"
    npy x.npy f32 1x2x4x4
    equal "$(nn run 1.param x.npy | cut -f 3-)" "$(nn run two.nn x.npy | cut -f 3-)"
}
