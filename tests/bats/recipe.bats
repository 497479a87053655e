load helper

# How a photo becomes the input, as nn-recipes(7) says.

net() {
    declare_nn net.nn <<END
input x f32 1x?x?x?
node id Identity x -> y f32 1x?x?x?
output y
END
}

@test "quantize: by the scale and zero point of the network's input, or by those given" {
    ppm photo.ppm 10 10 200 100 50
    local net=$BATS_TEST_DIRNAME/../models/tflite/cnn_int8.tflite
    nn run -p mean=127.5,std=127.5,quantize -o a "$net" photo.ppm
    nn run -p mean=127.5,std=127.5,quantize=0.007842922:0 -o b "$net" photo.ppm
    cmp a/out_0.npy b/out_0.npy
    nn run -p mean=128 -o c "$net" photo.ppm
    not cmp a/out_0.npy c/out_0.npy
    try run -p mean=127.5,std=127.5 "$net" photo.ppm
    failed_with 1 "recipe: values of -1 to 1 for input '.*', which has 8 bits: want quantize behind them"
    net
    try convert -p quantize -o out.nn net.nn
    failed_with 1 "input 'x' has no scale of its own: want quantize=SCALE:ZERO"
}

@test "tensorflow: what is resized is not rounded" {
    net
    printf 'P2 2 1 255 0 255\n' > photo.pgm
    equal "$(nn run -q -p tensorflow,resize=4x1,gray net.nn photo.pgm | tr -s '\t ' ' ')" "y f32 1x1x1x4 0 63.75 191.25 255"
}

@test "-v: what photos cost beside the network" {
    classifier
    ppm photo.ppm 40 30 200 100 50
    try run -v net.nn photo.ppm photo.ppm
    succeeded
    matches "$stderr" '2 photos or parts decoded and prepared: [0-9.]+ ms each, [0-9]+ % of the time; 2 runs: [0-9.]+ ms each'
    equal "$(nn run net.nn photo.ppm 2>&1 | grep -c prepared)" 0
}

@test "answers on a terminal: a header and columns; in a pipe neither; in JSON shapes are arrays" {
    need_terminal
    classifier
    ppm photo.ppm 40 30 200 100 50
    terminal "'${NN}run' -k 2 net.nn photo.ppm photo.ppm" < /dev/null | tr -d '\r' > out
    equal "$(wc -l < out)" 5
    head -n 1 out | grep -qx 'path  *rank  *score  *index  label'
    not grep -q $'\t' out
    equal "$(nn run -k 2 net.nn photo.ppm | head -n 1 | tr -dc '\t' | wc -c)" 4
    npy x.npy f32 1x3x32x32
    equal "$(nn run -J "$TINY/conv.onnx" x.npy | jq -c .shape)" '[1,5]'
}

@test "one bad photo among many is told, and the rest goes on" {
    classifier
    ppm a.ppm 40 30 200 100 50
    echo junk > b.ppm
    cp a.ppm c.ppm
    printf 'a.ppm\nb.ppm\nc.ppm\n' > list
    try run -k 1 net.nn - < list
    equal "$status" 1
    equal "$(printf '%s\n' "$output" | cut -f 1 | tr '\n' ' ')" 'a.ppm c.ppm '
    matches "$stderr" 'b.ppm: '
    mkdir photos
    mv ./*.ppm photos
    try quantize -c photos -o net8.nn net.nn
    equal "$status" 1
    matches "$stderr" 'b.ppm: '
    nn inspect net8.nn > /dev/null
}

@test "-p @FILE: settings of Hugging Face, timm and Paddle" {
    net
    printf '{"do_resize": true, "size": {"shortest_edge": 8}, "do_normalize": false}' > a.json
    printf '{"input_size": [3, 8, 8], "crop_pct": 1, "mean": [0], "std": [1]}' > b.json
    printf 'PreProcess:\n  transform_ops:\n  - DecodeImage:\n      img_mode: BGR\n  - RecResizeImg:\n      image_shape: [3, 4, 8]\n' > c.yml
    for f in a.json b.json c.yml; do
        nn convert -p @$f -o out.nn net.nn
        nn inspect out.nn | grep '^property recipe' >> recipes
    done
    equal "$(cut -d ' ' -f 3 recipes | cut -d , -f 1-2 | tr '\n' ' ')" 'resize=8:down,rgb torchvision,resize=8 opencv,resize=height:4:up '
    try convert -p @net.nn -o out.nn net.nn
    failed_with 2 '-p @net.nn: '
}

@test "-p @FILE:KEY: one of the three networks that RapidOCR's settings are for" {
    net
    printf 'Det:\n  limit_side_len: 8\n  limit_type: min\n  mean: [0, 0, 0]\n  std: [1, 1, 1]\nRec:\n  rec_img_shape: [3, 4, 8]\n' > a:b.yaml
    nn convert -p @a:b.yaml:Det -o out.nn net.nn
    nn inspect out.nn | grep -q '^property recipe opencv,resize=min:8:down,resize=multiple:32,bgr,'
    nn convert -p @a:b.yaml:Rec -o out.nn net.nn
    nn inspect out.nn | grep -q '^property recipe opencv,resize=height:4:up,bgr,'
    try convert -p @a:b.yaml -o out.nn net.nn
    failed_with 2 'want FILE:Det, FILE:Cls or FILE:Rec'
    try convert -p @a:b.yaml:det -o out.nn net.nn
    failed_with 2 "has no 'det'"
    try convert -p @none:Det -o out.nn net.nn
    failed_with 2 'No such file'
}

@test "-p @FILE: what it says of answers becomes task and labels, unless -T and -l give others" {
    declare_nn maps.nn <<'END'
input x f32 1x3x?x?
constant c i64 1 = 1
node - ReduceMean x c -> y f32 1x1x?x? : keepdims=1
output y
END
    printf 'Det:\n  limit_side_len: 64\n  limit_type: min\n  mean: [0.5, 0.5, 0.5]\n  std: [0.5, 0.5, 0.5]\n  box_thresh: 0.4\n' > r.yaml
    nn convert -p @r.yaml:Det -o out.nn maps.nn
    equal "$(nn inspect out.nn | grep '^property task ')" "property task polygons=db,score=0.4"
    nn convert -T polygons=db,level=0.1 -p @r.yaml:Det -o out.nn maps.nn
    equal "$(nn inspect out.nn | grep '^property task ')" "property task polygons=db,level=0.1"
    nn convert -p @r.yaml:Det -T mask -o out.nn maps.nn
    equal "$(nn inspect out.nn | grep '^property task ')" "property task mask"
    printf 'Cls:\n  cls_image_shape: [3, 48, 192]\n  label_list: ["0", "180"]\n' >> r.yaml
    nn convert -p @r.yaml:Cls -o out.nn maps.nn
    matches "$(nn inspect out.nn | grep '^property labels ')" 'property labels 0.*180'
    printf 'a\nb\n' > l.txt
    nn convert -p @r.yaml:Cls -l l.txt -o out.nn maps.nn
    matches "$(nn inspect out.nn | grep '^property labels ')" 'property labels a.*b'
    sed 's/box_thresh: 0.4/box_thresh: 4/' r.yaml > wrong.yaml
    try convert -p @wrong.yaml:Det -o out.nn maps.nn
    equal "$status" 2
    matches "$stderr" "nnconvert: -p @wrong.yaml:Det: .*score"
}

@test "OpenVINO: what its Model API notes becomes recipe and labels" {
    cp "$BATS_TEST_DIRNAME"/../models/openvino/cnn.* .
    local info='<model_info><mean_values value="1 2.5, 3"\/><scale_values value="[4]"\/>'
    info+='<reverse_input_channels value="YES"\/><resize_type value="fit_to_window"\/><labels value="a_b c"\/><\/model_info>'
    sed -i "s/<\/rt_info>/$info<\/rt_info>/" cnn.xml
    nn inspect cnn.xml | grep -qx 'property recipe opencv,letterbox=10x12:0:corner,rgb,mean=1:2.5:3,std=4'
    nn inspect cnn.xml | grep -qx 'property labels a_b%0Ac'
}

@test "OpenVINO: recipe, task and labels are written and read again, with what XML has other words for" {
    printf 'cat & "dog"\n<b>\nc\nd\ne\n' > l.txt
    nn convert -p mean=127,std=128 -T classify -l l.txt -o a.xml "$TINY/conv.onnx"
    nn convert -o b.nn a.xml
    for key in recipe task labels; do
        matches "$(nn inspect a.xml | grep "^property $key ")" "property $key ."
        equal "$(nn inspect b.nn | grep "^property $key ")" "$(nn inspect a.xml | grep "^property $key ")"
    done
    matches "$(nn inspect a.xml | grep '^property labels ')" 'labels cat.*dog.*b>.*e'
    nn convert -o c.xml a.xml
    cmp <(sed -n '/<rt_info>/,$p' a.xml) <(sed -n '/<rt_info>/,$p' c.xml)
}

@test "quantize and TFLite metadata: mean and std are those of samples either way" {
    local net=$BATS_TEST_DIRNAME/../models/tflite/cnn_int8.tflite
    ppm photo.ppm 10 10 200 100 50
    nn convert -p mean=127.5,std=127.5,quantize -o a.tflite "$net"
    nn inspect a.tflite | grep -qx 'property recipe mean=127.5,std=127.5,quantize'
    LC_ALL=C sed 's/nn\.recipe/no.recipe/' a.tflite > b.tflite
    nn inspect b.tflite | grep -qx 'property recipe rgb,mean=127.5,std=0.9999725'
    cmp <(nn run a.tflite photo.ppm) <(nn run -p mean=127.5,std=127.5,quantize "$net" photo.ppm)
}

@test "sizes are set before a recipe is held against them" {
    declare_nn ten.nn <<END
input x f32 10x3x4x4
node - Identity x -> y f32 10x3x4x4
output y
END
    ppm red.ppm 5 3 255 0 0
    try run -q -p resize=8x6 ten.nn red.ppm
    failed_with 1 'the input is a batch of 10 pictures'
    equal "$(nn run -q -s x=1x3x6x8 -p resize=8x6 ten.nn red.ppm | cut -f 3)" 1x3x6x8
}

@test "inputs of wide integers and of halves take a photo, rounded" {
    ppm dull.ppm 1 1 200 101 51
    for type in i16 i32 i64 u16 f16; do
        declare_nn wide.nn <<END
input x $type 1x1x1x3
node - Cast x -> y f32 1x1x1x3 : to=1
output y
END
        equal "$(nn run -q -p layout=nhwc wide.nn dull.ppm | cut -f 4)" "200 101 51"
        [ $type = f16 ] || equal "$(nn run -q -p layout=nhwc,scale=0.1,mean=10 wide.nn dull.ppm | cut -f 4)" \
            "10 0 $([ $type = u16 ] && echo 0 || echo -5)"
    done
}
