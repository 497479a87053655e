load helper

# A net that says the same of any photo: `says FILE SHAPE NUMBERS [PROPERTY ...]`, of an input of 64 x 64.
says() {
    local file=$1 shape=$2 numbers=$3 ones
    shift 3
    ones=$(tr -c 'x\n' 1 <<< "$shape" | sed 's/1[1]*/1/g')
    {
        for p in "$@"; do echo "property $p"; done
        cat <<END
input x f32 1x3x64x64
constant none f32 scalar = 0
constant answer f32 $shape = $numbers
node - ReduceMin x -> m f32 1x1x1x1
constant to i64 $(tr -cd x <<< "1x$shape" | wc -c) = $(tr x ' ' <<< "$ones")
node - Reshape m to -> r f32 $ones
node - Mul r none -> z f32 $ones
node - Add z answer -> y f32 $shape
output y
END
    } | declare_nn "$file"
}

@test "a model that its exporter described: recipe, task and labels" {
    ppm 1.ppm 128 64
    says y.nn 1x6x8 '32 0 0 0 0 0 0 0 32 0 0 0 0 0 0 0 16 0 0 0 0 0 0 0 8 0 0 0 0 0 0 0 0.1 0 0 0 0 0 0 0 0.75 0 0 0 0 0 0 0' \
        'task detect' "names {0:%20'cat',%201:%20'dog'}" 'imgsz [64,%2064]'
    equal "$(nn run y.nn 1.ppm)" $'1.ppm\tdog\t0.75\t48.0000\t24.0000\t80.0000\t40.0000'
    equal "$(nn run -J y.nn 1.ppm)" '{"path":"1.ppm","label":"dog","score":0.75,"box":[48.0000,24.0000,80.0000,40.0000]}'
    matches "$(nn inspect y.nn)" 'property task detect=yolo'
    equal "$(nn run -T detect=yolov8,score=0.8 y.nn 1.ppm)" ''
}

@test "the same from metadata.yaml beside the model" {
    ppm 1.ppm 64 64
    mkdir net
    says net/y.nn 1x6x8 '32 0 0 0 0 0 0 0 32 0 0 0 0 0 0 0 16 0 0 0 0 0 0 0 8 0 0 0 0 0 0 0 0.1 0 0 0 0 0 0 0 0.75 0 0 0 0 0 0 0'
    printf 'task: detect\nimgsz:\n- 64\n- 64\nnames:\n  0: cat\n  1: hot dog\n' > net/metadata.yaml
    equal "$(nn run net/y.nn 1.ppm)" $'1.ppm\thot dog\t0.75\t24.0000\t28.0000\t40.0000\t36.0000'
    sed -i 's/64/65/' net/metadata.yaml
    equal "$(nn run -q net/y.nn 1.ppm | cut -f 1)" y
}

@test "key points, polygons, vectors: fields of their own" {
    ppm 1.ppm 64 64
    says points.nn 1x2x3 '0.5 0.25 0.75 1 0.5 0.25' 'task points'
    equal "$(nn run -q points.nn 1.ppm)" $'1.ppm\t0\t0.5\t32.0000\t16.0000\t64.0000\t32.0000\t32.0000,16.0000,0.75 64.0000,32.0000,0.25'
    equal "$(nn run -q -J points.nn 1.ppm | jq -c .points)" '[[32,16,0.75],[64,32,0.25]]'
    says vector.nn 1x2 '3 4' 'task embedding'
    equal "$(nn run -q vector.nn 1.ppm)" $'1.ppm\t0.600000024 0.800000012'
    says text.nn 1x1x8x8 "$(for y in 0 0 1 1 1 1 0 0; do printf '%s ' 0 $y $y $y $y $y $y 0; done | sed 's/ $//')" 'task polygons=db'
    equal "$(nn run -q text.nn 1.ppm | cut -f 1,2,4 | tr ' ' '\n' | wc -l)" 4
    equal "$(nn run -q -J text.nn 1.ppm | jq '.polygon | length')" 4
}

@test "what -T leaves open is found as it is without a task" {
    ppm 1.ppm 64 64
    says moves.nn 1x1x17x3 "$(for i in $(seq 17); do printf '0.25 0.5 0.9 '; done | sed 's/ $//')"
    equal "$(nn run -q moves.nn 1.ppm)" "$(nn run -q -T points moves.nn 1.ppm)"
    matches "$(nn run -q -T points moves.nn 1.ppm)" '32.0000,16.0000,0.9'
    matches "$(nn run -q -T points,order=xyv moves.nn 1.ppm)" '16.0000,32.0000,0.9'
}

@test "-T detect: which detector it is, is found as without a task" {
    ppm 1.ppm 64 64
    says boxes.nn 1x3x6 '8 8 24 24 0.9 1 10 30 60 62 0.5 0 0 0 9 9 0.1 7'
    equal "$(nn run -q -T detect boxes.nn 1.ppm)" "$(nn run -q boxes.nn 1.ppm)"
    equal "$(nn run -q -T detect boxes.nn 1.ppm | wc -l)" 2
    equal "$(nn run -q -T detect,score=0.8 boxes.nn 1.ppm | cut -f 2,3)" $'1\t0.9'
    says numbers.nn 1x4 '1 2 3 4'
    try run -q -T detect numbers.nn 1.ppm
    failed_with 1 'which detector'
}

@test "a mask is at the size of the photo, a picture at its own" {
    ppm 1.ppm 20 10
    says mask.nn 1x2x1x2 '1 0 0 1' 'task mask'
    nn run -q -o out mask.nn 1.ppm > shares
    equal "$(cut -f 2,3 shares)" $'0\t0.5\n1\t0.5'
    echo me > me
    equal "$(nn run -q -l me mask.nn 1.ppm | cut -f 2)" $'0\nme'
    equal "$(od -An -tu1 -j 16 -N 8 out/mask.png | tr -s ' ')" ' 0 0 0 20 0 0 0 10'
    says picture.nn 1x3x1x2 '0 1 0 1 0 1' 'task picture'
    equal "$(nn run -q -o out picture.nn 1.ppm)" $'1.ppm\t2\t1\t3'
    equal "$(od -An -tu1 -j 16 -N 8 out/picture.png | tr -s ' ')" ' 0 0 0 2 0 0 0 1'
}

@test "labels: as many as are above the least score, or five" {
    ppm 1.ppm 64 64
    says tags.nn 1x7 '0.9 0.8 0.7 0.6 0.5 0.4 0.3' 'task classify,scores=raw'
    equal "$(nn run -q tags.nn 1.ppm | wc -l)" 5
    equal "$(nn run -q -T classify,scores=raw,score=0.35 tags.nn 1.ppm | wc -l)" 6
    equal "$(nn run -q -k 2 tags.nn 1.ppm | wc -l)" 2
    try run -T classify,iou=1 tags.nn 1.ppm
    failed_with 2 'score=, scores='
}

@test "inputs that are told of the photo's size, unless they are given" {
    declare_nn sized.nn <<'END'
input im_shape f32 1x2
input image f32 1x3x4x8
input scale_factor f32 1x2
input orig_target_sizes i64 1x2
node - Mul im_shape scale_factor -> y f32 1x2
node - Identity image -> z f32 1x3x4x8
output y
output orig_target_sizes
output z
END
    ppm 1.ppm 16 16
    ppm 2.ppm 16 16
    equal "$(nn run -q sized.nn 1.ppm 2.ppm | cut -f 5)" "$(nn run -q sized.nn image=1.ppm image=2.ppm | cut -f 5)"
    equal "$(nn run -q sized.nn 1.ppm 2.ppm | cut -f 5 | head -n 2)" $'4 8\n8 4'
    equal "$(nn run -q sized.nn 1.ppm scale_factor=0.5 | cut -f 4 | head -n 2)" $'2 4\n8 4'
    declare_nn told.nn <<'END'
input im_shape f32 1x2
node - Identity im_shape -> y f32 1x2
output y
END
    try run told.nn 1.ppm
    failed_with 1 '1.ppm: the model has no input that takes a photo'
    npy sizes.npy f32 1x2 3 5
    equal "$(nn run -q sized.nn image=1.ppm im_shape=sizes.npy | cut -f 4 | head -n 2)" $'3 5\n8 4'
}

@test "labels that a file calls character are those of a detector, too" {
    finder
    sed 's/^property labels thing$/property character table/; /^property task/d; /^nn 1$/d; /^data /d' find.nn | declare_nn named.nn
    ppm grey.ppm 96 64 128 128 128
    equal "$(nn run -q -T detect=ssd named.nn grey.ppm | cut -f 2)" table
}
