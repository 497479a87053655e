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
    grep -qx $'total\tparameters\t381' out
    # 16*16*8*27 + 16*16*8*9 + 8*5
    [ "$(awk -F'\t' '$2 == "macs" { print $3 }' out)" -ge 73768 ]
    classifier
    nn inspect --summary net.nn | grep -qx $'property\trecipe\tresize=32x32,rgb,mean=127,std=128'
    nn inspect --summary -J net.nn | jq -es 'any(.name == "parameters" and .value == 381)'
}

@test "--summary with open sizes" {
    nn inspect --summary "$TINY/symbolic.onnx" > out
    grep -q 'batchxlengthx4' out
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

@test "-d: nothing when equal, else lines and status 1" {
    nn convert -o a.nn "$TINY/mlp.onnx"
    try inspect -d a.nn a.nn
    succeeded
    equal "$output" ""
    nn convert -s batch=2 -o b.nn "$TINY/symbolic.onnx"
    nn convert -s batch=3 -o c.nn "$TINY/symbolic.onnx"
    try inspect -d c.nn b.nn
    equal "$status" 1
    matches "$output" '- input x f32 2xlengthx4'
    matches "$output" '\+ input x f32 3xlengthx4'
    try inspect --diff c.nn - < b.nn
    equal "$status" 1
}

@test "-d sees another value of a weight" {
    nn convert -o a.nn "$TINY/mlp.onnx"
    perl -0pe 's/(.*)\xbd/$1\xbc/s' "$TINY/mlp.onnx" > b.onnx
    ! cmp -s b.onnx "$TINY/mlp.onnx"
    try inspect -d b.onnx "$TINY/mlp.onnx"
    equal "$status" 1
}

@test "a branch's inside is shown" {
    matches "$(nn inspect "$TINY/if.onnx")" 'begin then_branch'
    matches "$(nn inspect --summary "$TINY/if.onnx")" $'op\tIf\t1'
}
