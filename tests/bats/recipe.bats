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
    nn run -p mean=127.5,std=127.5 -o c "$net" photo.ppm
    cmp a/out_0.npy b/out_0.npy
    ! cmp a/out_0.npy c/out_0.npy
    net
    try convert -p quantize -o out.nn net.nn
    failed_with 1 "input 'x' has no scale of its own: want quantize=SCALE:ZERO"
}

@test "tensorflow: what is resized is not rounded" {
    net
    printf 'P2 2 1 255 0 255\n' > photo.pgm
    equal "$(nn run -q -p tensorflow,resize=4x1,gray net.nn photo.pgm | tr -s '\t ' ' ')" "y f32 1x1x1x4 0 63.75 191.25 255"
}
