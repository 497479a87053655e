load helper

MODELS=$BATS_TEST_DIRNAME/../models

@test "a TensorFlow SavedModel is its folder, or the file in it" {
    saved=$MODELS/tensorflow/saved
    nn run --expect "$MODELS/tensorflow/cnn" "$saved" "$MODELS/tensorflow/cnn/in_0.npy" > /dev/null
    nn run --expect "$MODELS/tensorflow/cnn" "$saved/saved_model.pb" "$MODELS/tensorflow/cnn/in_0.npy" > /dev/null
    cp -r "$saved" copy
    truncate -s 100 copy/variables/variables.index
    try inspect copy
    equal "$status" 1
    matches "$stderr" "copy: .*variables: the index"
    rm copy/variables/variables.data-00000-of-00001
    try inspect copy
    equal "$status" 1
}

@test "one of several signatures of a SavedModel may be asked for, and none is guessed" {
    two=$MODELS/tensorflow/two
    equal "$(nn inspect --summary -f tensorflow:halve "$two" | grep ^output | cut -f 3-)" "f32 ?x3"
    equal "$(nn inspect --summary -f :sum "$two/saved_model.pb" | grep ^output | cut -f 3-)" "f32 ?"
    try inspect "$two"
    equal "$status" 1
    matches "$stderr" "no signature serving_default, but: halve, sum"
    try inspect -f :sum "$MODELS/tensorflow/cnn.pb"
    equal "$status" 1
    matches "$stderr" "a frozen graph has no signatures"
}

@test "activations that a recurrent layer of OpenVINO has anyway are not stated" {
    nn inspect "$MODELS/openvino/rnn.xml" > rnn.nn
    equal "$(grep -c activations= rnn.nn || true)" 0
}

@test "weights of PyTorch without a network are told so" {
    try inspect "$MODELS/torch/state.pth"
    equal "$status" 1
    matches "$stderr" "weights without a network"
}

@test "another method of a module than forward() may be asked for, also of a part of it" {
    view=$MODELS/torch/view.pt in=$MODELS/torch/view/in_0.npy
    nn run -f torch:encode -o encoded "$view" "$in" > /dev/null
    nn run -f :part.forward --expect encoded "$view" "$in" > /dev/null
    try inspect -f torch:decode "$view"
    equal "$status" 1
    matches "$stderr" "the module has no decode.*encode"
    try inspect -f onnx:encode "$MODELS/magika.onnx"
    equal "$status" 1
}

@test "an argument of a method that is a number gets a value, and is no input then" {
    rate=$MODELS/torch/rate
    nn run -f torch:forward,factor=0.5,rate=16000 --expect "$rate" "$rate.pt" "$rate/in_0.npy" > /dev/null
    equal "$(nn inspect -f :forward,rate=16000 -s x=2x4 "$rate.pt" | grep -c ^input)" 2
}

@test "whether a PyTorch view shares its elements may depend on sizes: it is read for those of the input" {
    sizes=$MODELS/torch/sizes
    try inspect "$sizes.pt"
    equal "$status" 1
    matches "$stderr" "depends on sizes; it may be read for given shapes"
    nn run --expect "$sizes-of-one" "$sizes.pt" "$sizes-of-one/in_0.npy" > /dev/null
    equal "$(nn inspect -s x=2x4x1 -d "$sizes.pt" "$sizes.pt")" 'the same network'
}

@test "PyTorch scripts that are read for the shapes of their inputs: matrices, steps, losses, factors of pictures; an overloaded forward()" {
    for name in matrices overloaded steps; do
        nn run --expect "$MODELS/torch/$name-answers" "$MODELS/torch/$name.pt" "$MODELS/torch/$name-answers"/in_*.npy > /dev/null
    done
    for name in apart bags enum filters kinds made padded scaled special turned weighed; do
        nn run --expect "$MODELS/torch/$name" "$MODELS/torch/$name.pt" "$MODELS/torch/$name"/in_*.npy > /dev/null
    done
}

@test "a PyTorch script rounds up sizes that only a run tells; with those given it is the network that tracing saves" {
    patches=$MODELS/torch/patches
    equal "$(nn inspect --summary "$patches.pt" | grep ^input | cut -f 3)" "f32 batch x 2 x x_2 x x_3"
    nn run --expect "$patches" "$patches.pt" "$patches/in_0.npy" > /dev/null
    equal "$(nn inspect -s x=1x2x4x6 -d "$patches.pt" "$patches-traced.pt")" "the same network"
}

@test "a PyTorch script whose branches make nested tensors is refused, not read as of plain ones" {
    try inspect "$MODELS/torch/nested.pt"
    equal "$status" 1
    matches "$stderr" "of different kinds behind branches or rounds that only a run decides"
}

@test "an argument of a PyTorch script that may be None is an input where a file is given for it" {
    given=$MODELS/torch/given
    equal "$(nn inspect --summary "$given.pt" | grep -c ^input)" 1
    nn run "$given.pt" "x=$given/in_0.npy" "other=$given/in_0.npy" > answer
    matches "$(cat answer)" "5.75008[67][0-9]* 9.9599[0-9]*$"
}

@test "one of several programs of a torch.export archive may be asked for" {
    two=$MODELS/torch/two.pt2
    equal "$(nn inspect --summary -f torch:turn "$two" | grep ^output | cut -f 3-)" "f32 4"
    equal "$(nn inspect --summary -f torch:encode "$two" | grep ^output | cut -f 3-)" "f32 2x2"
    try inspect "$two"
    equal "$status" 1
    matches "$stderr" "holds 2 programs and no 'model'.*torch:"
}

@test "an OpenVINO net without its weights says where they were looked for" {
    cp "$MODELS/openvino/cnn.xml" alone.xml
    try inspect alone.xml
    equal "$status" 1
    matches "$stderr" "alone.bin"
}

@test "the two nets of Caffe2 find each other, in any order" {
    for which in cnn_predict.pb cnn_init.pb cnn_init.pb,cnn_predict.pb cnn_predict.pb,cnn_init.pb; do
        first=${which%%,*} second=${which#"$first"}
        nn run --expect "$MODELS/caffe2/cnn_predict" "$MODELS/caffe2/$first${second:+,$MODELS/caffe2/${second#,}}" \
            "$MODELS"/caffe2/cnn_predict/in_?.npy > /dev/null
    done
    cp "$MODELS/caffe2/cnn_predict.pb" alone.pb
    try inspect alone.pb
    equal "$status" 1
    matches "$stderr" "its weights are missing: want the net that fills them"
    cp "$MODELS/caffe2/cnn_init.pb" alone.pb
    try inspect alone.pb
    equal "$status" 1
    matches "$stderr" "it only fills weights: want the net that computes"
}

@test "three formats of the suffix .pb are told apart, a MACE net without its weights says so" {
    for which in tensorflow/cnn.pb caffe2/cnn_predict.pb mace/cnn.pb; do
        equal "$(nn inspect --weights "$MODELS/$which" | wc -l)" "$(nn convert -f "${which%%/*}" -o - "$MODELS/$which" | nn inspect --weights - | wc -l)"
    done
    cp "$MODELS/mace/cnn.pb" alone.pb
    try inspect alone.pb
    equal "$status" 1
    matches "$stderr" "the file with weights is missing: want it beside the net, with the suffix .data"
    nn run --expect "$MODELS/mace/cnn" "$MODELS/mace/cnn.data" "$MODELS/mace/cnn/in_0.npy" > /dev/null
}

@test "a Paddle model may be a folder with a file for each parameter" {
    parts=$MODELS/paddle/parts
    nn run --expect "$parts" "$parts" "$parts/in_0.npy" > /dev/null
    nn run --expect "$parts" "$parts/__model__" "$parts/in_0.npy" > /dev/null
    try inspect "$parts"
    matches "$output" "property recipe opencv,resize=6x5,filter=bicubic,rgb,scale=0.003921569,mean=0.485:0.456:0.406"
    matches "$output" "property labels person%0Atraffic light"
    cp -r "$parts" copy
    rm copy/*.w_0
    try inspect copy
    equal "$status" 1
    matches "$stderr" "neither a file of all parameters .* nor one of 'conv2d"
}

@test "Paddle parameters that are cut off, or are more than the program has, are refused" {
    cp "$MODELS/paddle/cnn.pdmodel" net.pdmodel
    cp "$MODELS/paddle/cnn.pdiparams" net.pdiparams
    truncate -s -4 net.pdiparams
    try inspect net.pdmodel
    equal "$status" 1
    matches "$stderr" "is not what the program says"
    cp "$MODELS/paddle/cnn.pdiparams" net.pdiparams
    echo more >> net.pdiparams
    try inspect net.pdmodel
    equal "$status" 1
    matches "$stderr" "goes on behind the last one"
}

@test "inputs and outputs of Keras' networks are called as there" {
    nn inspect "$MODELS/keras/cnn.h5" > cnn
    matches "$(cat cnn)" "input image f32 batchx9x8x3"
    matches "$(cat cnn)" "output scores"
    nn run --expect "$MODELS/keras/net" - "$MODELS/keras/net/in_0.npy" < "$MODELS/keras/net.keras" > /dev/null
    # An archive may have HDF5's signature where that is sought: its own weights, not packed.
    { head -c 512 /dev/zero; printf '\211HDF\r\n\032\n'; cat "$MODELS/keras/net.keras"; } > moved.keras
    nn run --expect "$MODELS/keras/net" moved.keras "$MODELS/keras/net/in_0.npy" > /dev/null
}

@test "an HDF5 file without a network of Keras is told so, and a layer that holds Python too" {
    sed s/model_config/model_konfig/ "$MODELS/keras/cnn.h5" > other.h5
    try inspect other.h5
    equal "$status" 1
    matches "$stderr" "without a network of Keras"
    sed 's/"Flatten"/"Lambda" /' "$MODELS/keras/cnn.h5" > lambda.h5
    try inspect lambda.h5
    equal "$status" 1
    matches "$stderr" "layer 'flat' .Lambda.: a function of Python"
}

@test "a layer of Keras behind one of an unknown class says which that is" {
    sed 's/"class_name":"Conv2D"/"class_name":"Fancy"/' "$MODELS/tfjs/layers.json" > model.json
    cp "$MODELS/tfjs/layers.bin" .
    try inspect model.json
    failed_with 1 "layer 'norm' .*: the rank of its input is not known, nor is the operator Fancy before it"
}

@test "weights without a network are listed, the same from every kind of file" {
    nn inspect --weights "$MODELS/weights/old.pth" | sort > want
    for kind in safetensors npz; do
        nn inspect --weights "$MODELS/weights/net.$kind" | sort > got
        cmp want got
    done
    nn inspect --weights "$MODELS/weights/net.pth" | sed 's/^state_dict\.//' | sort > got
    cmp want got
    nn inspect --weights "$MODELS/weights/net.gguf" | sed '/^rows/d' | sort > got
    cmp want got
    equal "$(nn inspect --weights -J "$MODELS/weights/net.gguf" | jq -r 'select(.name == "rows").shape | join("x")')" 2x32
    head -c 300 "$MODELS/weights/net.safetensors" > cut.safetensors
    try inspect --weights cut.safetensors
    equal "$status" 1
}

@test "weights come from a file of their own, or what does not fit is told and nothing written" {
    nn convert -o net.onnx "$MODELS/caffe2/cnn_predict.pb"
    nn convert --weights-from "$MODELS/caffe2/cnn_predict.pb" -o same.onnx net.onnx
    nn inspect -d same.onnx net.onnx
    try convert --weights-from "$MODELS/weights/net.npz" -o other.onnx net.onnx
    equal "$status" 1
    [ ! -e other.onnx ]
    matches "$stderr" "net.npz: 'last.weight' f32 2x36: no weight of the graph that is left has its name or its shape"
    matches "$stderr" "net.onnx: 'fw' f32 5x24: nothing is given for it"
}

@test "what is written for TensorRT gives nearly the same" {
    nn convert -O tensorrt -o trt.onnx "$MODELS/mace/int8.pb"
    nn run --atol 0.1 --expect "$MODELS/mace/int8" trt.onnx "$MODELS/mace/int8/in_0.npy" > /dev/null
}

@test "truth as older writers had it: True of OpenVINO, 1 of Keras" {
    sed 's/="\(true\|false\)"/="\u\1"/' "$MODELS/openvino/cnn.xml" > cnn.xml
    cp "$MODELS/openvino/cnn.bin" .
    nn run --expect "$MODELS/openvino/cnn" cnn.xml "$MODELS/openvino/cnn/in_0.npy" > /dev/null
    grep -q '="\(True\|False\)"' cnn.xml
    LC_ALL=C sed 's/"scale": true/"scale": 1   /g' "$MODELS/keras/cnn.h5" > cnn.h5
    run ! cmp -s cnn.h5 "$MODELS/keras/cnn.h5"
    nn run --expect "$MODELS/keras/cnn" cnn.h5 "$MODELS/keras/cnn/in_0.npy" > /dev/null
}

@test "slopes of OpenVINO stay f32 in a file of halves" {
    printf '\0\0\0\77\0\0\200\76' > slopes.bin
    cat > slopes.xml <<END
<net name="n" version="10"><layers>
<layer id="0" name="x" type="Parameter" version="opset1"><data element_type="f16" shape="1,2,1,1"/><output><port id="0" precision="FP16"><dim>1</dim><dim>2</dim><dim>1</dim><dim>1</dim></port></output></layer>
<layer id="1" name="s" type="Const" version="opset1"><data element_type="f32" offset="0" shape="2,1,1" size="8"/><output><port id="0" precision="FP32"><dim>2</dim><dim>1</dim><dim>1</dim></port></output></layer>
<layer id="2" name="y" type="PReLU" version="opset1"><input><port id="0"/><port id="1"/></input><output><port id="2" precision="FP16"><dim>1</dim><dim>2</dim><dim>1</dim><dim>1</dim></port></output></layer>
<layer id="3" name="r" type="Result" version="opset1"><input><port id="0"/></input></layer>
</layers><edges><edge from-layer="0" from-port="0" to-layer="2" to-port="0"/><edge from-layer="1" from-port="0" to-layer="2" to-port="1"/><edge from-layer="2" from-port="2" to-layer="3" to-port="0"/></edges></net>
END
    npy x.npy f32 1x2x1x1 -2 -4
    matches "$(nn run slopes.xml x.npy)" "-1 -1"
}

@test "classes that count from the end do so in OpenVINO IR too" {
    declare_nn classes.nn <<END
input x i64 3
constant depth i64 scalar = 3
constant values f32 2 = 0 1
node - OneHot x depth values -> y f32 3x3
output y
END
    nn convert -o classes.xml classes.nn
    npy x.npy i64 3 0 -1 5
    nn run -o want classes.nn x.npy > /dev/null
    nn run --expect want classes.xml x.npy > /dev/null
}

@test "pads of a transposed convolution that follow from its size do so in OpenVINO IR too" {
    npy x.npy f32 1x2x5x4
    for rule in 'auto_pad="SAME_UPPER"' 'auto_pad="SAME_LOWER"' 'output_shape=[11,8]'; do
        declare_nn up.nn <<END
input x f32 1x2x5x4
constant w f32 2x1x4x3 = $(seq -s' ' 24)
node up ConvTranspose x w -> y f32 * : strides=[2,2] $rule
output y
END
        nn convert -o up.xml up.nn
        nn run -o want up.nn x.npy > /dev/null
        nn run --expect want up.xml x.npy > /dev/null
    done
}

@test "triangles are written as OpenVINO IR" {
    declare_nn triangles.nn <<END
input x f32 2xnx4
constant k i64 scalar = 1
constant l i64 scalar = -1
node - Trilu x k -> upper f32 *
node - Trilu upper l -> none f32 * : upper=0
node - Trilu x l -> lower f32 * : upper=0
output upper
output none
output lower
END
    nn convert -o triangles.xml triangles.nn
    npy x.npy f32 2x3x4 $(seq 24)
    nn run -o want triangles.nn x.npy > /dev/null
    nn run --expect want triangles.xml x.npy > /dev/null
}

@test "OpenVINO IR: a convolution behind a branch" {
    nn convert -o silero.xml "$MODELS/silero_vad.onnx"
    nn run --expect "$MODELS/silero_vad" silero.xml "$MODELS"/silero_vad/in_{0,1,2}.npy > /dev/null
}

@test "pnnx: weights that modules share stand before what comes in" {
    sed 's/^\(nn.Conv2d  *d  *\)1 1 3 4 /\12 1 1 3 4 /' "$MODELS/pnnx/cnn.pnnx.param" > net.pnnx.param
    grep -q '^nn.Conv2d  *d  *2 1 1 3 4 ' net.pnnx.param
    cp "$MODELS/pnnx/cnn.pnnx.bin" net.pnnx.bin
    nn run --expect "$MODELS/pnnx/cnn" net.pnnx.param "$MODELS/pnnx/cnn/in_0.npy"
}

@test "Caffe: messages in angle brackets" {
    tr '{}' '<>' < "$MODELS/caffe/classify.prototxt" > net.prototxt
    cp "$MODELS/caffe/classify.caffemodel" net.caffemodel
    nn run --expect "$MODELS/caffe/classify" net.prototxt "$MODELS/caffe/classify/in_0.npy"
}
