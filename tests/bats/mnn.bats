load helper

TFLITE=$BATS_TEST_DIRNAME/../models/tflite

@test "integers that a user gives, or of other types than MNN's, are written as arithmetic: the same answers, and stable bytes" {
    nn convert -o 1.mnn "$TFLITE/cnn_int8.tflite" 2> warnings
    nn convert -o 2.mnn 1.mnn 2> warnings
    nn convert -o 3.mnn 2.mnn 2> warnings
    cmp 2.mnn 3.mnn
    equal "$(nn run 1.mnn "$TFLITE"/cnn_int8/in_*.npy | cut -f 3-)" "$(nn run "$TFLITE/cnn_int8.tflite" "$TFLITE"/cnn_int8/in_*.npy | cut -f 3-)"
    nn inspect 1.mnn > text
    matches "$(grep '^input' text)" ' i8 '
}

@test "types that MNN has not are refused by name" {
    try convert -o out.mnn "$TFLITE/cnn_int16.tflite"
    equal "$status" 1
    matches "$stderr" 'MNN cannot carry input .* of type i16'
    [ ! -e out.mnn ]
}

@test "a product, which MNN writes as a convolution, is a layer like the one that it was" {
    for m in mlp symbolic; do
        nn convert -o net.mnn "$TINY/$m.onnx" 2> warnings
        nn inspect -d "$TINY/$m.onnx" net.mnn > said || { cat said; false; }
        matches "$(cat said)" '^the same network'
    done
}

@test "bytes are computed on in a type that MNN's operators take; what it takes in none is refused" {
    printf 'graph g\ninput a u8 2x3\ninput b u8 2x3\nnode it Max a b -> y u8 2x3\noutput y\n' | declare_nn net.nn
    nn convert -o net.mnn net.nn
    equal "$(nn inspect net.mnn | grep -c ' Cast ')" 3
    printf 'graph g\ninput x i32 2x3\nnode it Sign x -> y i32 2x3\noutput y\n' | declare_nn net.nn
    try convert -o out.mnn net.nn
    equal "$status" 1
    matches "$stderr" 'it \(Sign\): of elements of type i32'
    [ ! -e out.mnn ]
}

@test "the choice that is broadcast comes first, as MNN wants it" {
    printf 'graph g\ninput c bool 2x3\ninput a f32 2x3\ninput b f32 2x1\nnode it Where c a b -> y f32 2x3\noutput y\n' | declare_nn net.nn
    nn convert -o net.mnn net.nn
    matches "$(nn inspect net.mnn)" ' Where [^ ]* b a '
}

@test "halves are rounded to even numbers, not up as MNN's own operator does" {
    printf 'graph g\ninput x f32 5\nnode it Round x -> y f32 5\noutput y\n' | declare_nn net.nn
    nn convert -o net.mnn net.nn
    npy x.npy f32 5 0.5 1.5 -2.5 4194304.5 -7.25
    equal "$(nn run net.mnn x.npy)" "$(nn run net.nn x.npy)"
}

# refused MESSAGE DIMS NODE: a node on x f32 of these dims, which MNN would compute otherwise.
refused() {
    printf 'graph g\ninput x f32 %s\n%s\noutput y\n' "$2" "$3" | declare_nn net.nn
    try convert -o out.mnn net.nn
    equal "$status" 1
    matches "$stderr" "$1"
}

@test "averages, cubic resizing and strides that MNN computes otherwise are refused, others are not" {
    pool='node it AveragePool x -> y f32 1x2x3x3 : kernel_shape=[3,3] strides=[2,2] count_include_pad=1 pads='
    refused 'counts more padding at the end' 1x2x6x6 "$pool[0,0,1,1]"
    refused 'for a stride beyond its kernel' 1x1x7x7 'constant w f32 1x1x1x1 = 2
node it Conv x w -> y f32 1x1x3x3 : strides=[3,3] auto_pad="SAME_UPPER"'
    scale='constant s f32 4 = 1 1'
    cubic='node it Resize x - s -> y f32 * : mode="cubic" coordinate_transformation_mode='
    refused 'larger by cubic interpolation' 1x2x6x6 "$scale 2 2
$cubic\"half_pixel\""
    for other in "${pool/count_include_pad=1/}[0,0,1,1]" "$scale 2 2
$cubic\"align_corners\"" "$scale 0.5 0.5
$cubic\"half_pixel\""; do
        printf 'graph g\ninput x f32 1x2x6x6\n%s\noutput y\n' "$other" | declare_nn net.nn
        nn convert -o out.mnn net.nn
    done
}
