load helper

@test "a line a model: name, min, median, p90, p99, GMAC/s, load, peak" {
    nn bench -n 3 "$TINY/conv.onnx" "$TINY/mlp.onnx" > out
    equal "$(wc -l < out)" 2
    awk -F'\t' 'NF != 8 || $2 > $3 || $3 > $4 || $4 > $5 || $2 <= 0 || $7 <= 0 || $8 <= 0 { exit 1 }' out
    equal "$(cut -f 1 out | tr '\n' ' ')" "$TINY/conv.onnx $TINY/mlp.onnx "
}

@test "-q: the median alone, as the last line" {
    try bench -q -n 3 "$TINY/conv.onnx"
    succeeded
    matches "${lines[-1]}" '^[0-9]+\.?[0-9]*(e-?[0-9]+)?$'
    equal "$stderr" ""
}

@test "-i gives an input, the others are random" {
    npy a.npy f32 2x3
    npy b.npy f32 2x3
    nn bench -q -n 2 -i a=a.npy "$TINY/two.onnx"
    nn bench -q -n 2 -i a=a.npy -i b=b.npy "$TINY/two.onnx"
    try bench -q -n 2 -i c=a.npy "$TINY/two.onnx"
    equal "$status" 1
    matches "$stderr" 'c'
    nn bench -q -n 2 -i a.npy "$TINY/two.onnx" # without a name: the first input
    npy wrong.npy f32 3x2
    try bench -q -n 2 -i a=wrong.npy "$TINY/two.onnx"
    failed_with 1 "given f32 3x2|given 3x2"
    try bench -q -n 2 -i a=nowhere.npy "$TINY/two.onnx"
    failed_with 1 'nowhere.npy: No such file'
}

@test "a rate of sound is not random" {
    declare_nn rate.nn <<END
input x f32 1x2
input sr i64 scalar
constant list f32 16001 = $(seq -s ' ' 16001)
node - Gather list sr -> k f32 scalar
node - Mul x k -> y f32 1x2
output y
END
    nn bench -q -n 2 rate.nn
    nn optimize --check -q -o /dev/null rate.nn
}

@test "-s binds open sizes" {
    nn bench -q -n 2 -s x=2x3x4 "$TINY/symbolic.onnx"
    nn bench -q -n 2 "$TINY/symbolic.onnx"
    try bench -q -n 2 -s x=2x3x5 "$TINY/symbolic.onnx"
    equal "$status" 1
}

@test "--layers" {
    nn bench --layers -j 1 -n 3 "$TINY/conv.onnx" > out
    awk -F'\t' 'NF != 8 { exit 1 }' out
    grep -q $'^conv1\tConv\t' out
    awk -F'\t' '{ s += $6 } END { exit s < 95 || s > 105 }' out
    nn bench --layers -J -j 1 -n 3 "$TINY/conv.onnx" | jq -es 'length > 3'
}

@test "-J" {
    nn bench -J -n 3 "$TINY/conv.onnx" | jq -e '.median_ms > 0 and .min_ms <= .median_ms'
}

@test "-j, -P, -n" {
    nn bench -q -j 1 -P f32 -n 1 "$TINY/mlp.onnx"
    try bench -j 0 "$TINY/mlp.onnx"
    failed_with 2 '-j'
    try bench -n 0 "$TINY/mlp.onnx"
    failed_with 2 '-n'
    try bench -P f8 "$TINY/mlp.onnx"
    failed_with 2 'f8'
}

@test "a model that fails: the others are measured, exit 1" {
    try bench -n 2 "$TINY/unknown.onnx" "$TINY/mlp.onnx"
    equal "$status" 1
    matches "$output" 'mlp.onnx'
    matches "$stderr" 'com.example.Blend'
}

@test "a model from a pipe" {
    nn convert "$TINY/mlp.onnx" | nn bench -q -n 2 -
}

@test "--score: how often a classifier is right" {
    classifier
    mkdir photos
    ppm photos/red.ppm 40 30 255 0 0
    ppm photos/blue.ppm 20 30 0 0 255
    red=$(nn run -k 1 net.nn photos/red.ppm | cut -f 4,5)
    blue=$(nn run -k 5 net.nn photos/blue.ppm | tail -n 1 | cut -f 4)
    printf 'red.ppm %s and more\n\nblue.ppm\t%s\n' "${red%$'\t'*}" "$blue" > photos/list.txt
    try bench --score photos/list.txt net.nn
    succeeded
    matches "$stdout$output" $'^net.nn\t2\t1\t2\t50.00\t100.00\t[0-9.]+$'
    printf 'photos/red.ppm %s\n' "${red#*$'\t'}" > named.txt
    equal "$(nn bench -q -j 3 --score named.txt net.nn)" 100.00
    equal "$(nn bench -q --score - net.nn < named.txt)" 100.00
    nn bench -J --score named.txt net.nn net.nn | jq -es 'length == 2 and .[1].right == 1'
    dot() { printf 'P6 1 1 255\n%s' "$1"; } # all pictures of a file have its label
    { dot ~~~; dot ~~~; dot ~~~; } > film.ppm
    red=$(nn run -q -k 1 net.nn film.ppm | head -n 1 | cut -f 4,5)
    printf 'film.ppm %s\n' "${red#*$'\t'}" > film.txt
    matches "$(nn bench --score film.txt net.nn | tail -n 1)" $'^net.nn\t3\t3\t'
    mkfifo pipe
    { { dot ~~~; } > pipe && touch wrote; } &
    printf 'pipe %s\n' "${red#*$'\t'}" > pipe.txt
    matches "$(timeout 20 "${NN}bench" --score pipe.txt net.nn | tail -n 1)" $'^net.nn\t1\t1\t'
    wait
    [ -e wrote ]
    { dot ~~~; echo P6 9; } > film.ppm
    try bench --score film.txt net.nn
    equal "$status" 1
    matches "$stderr" 'film.ppm: no header of PNM or PAM'
    matches "$output" $'^net.nn\t1\t1\t'
    printf 'photos/red.ppm %s\nphotos/none.ppm 1\n' "${red#*$'\t'}" > broken.txt
    try bench --score broken.txt net.nn
    equal "$status" 1
    matches "$stderr" 'photos/none.ppm: '
    matches "$output" $'^net.nn\t1\t1\t'
    try bench --score photos/red.ppm net.nn
    equal "$status" 1
    try bench --score named.txt "$TINY/mlp.onnx"
    failed_with 1 'does not classify'
}

@test "open sizes of a state are one, others are told" {
    declare_nn state.nn <<END
input x f32 1x?
input h f32 2x?x3
constant two f32 scalar = 2
node - Mul h two -> h_out f32 2x?x3
node - Mul x two -> y f32 1x?
output y
output h_out
END
    try bench -n 1 state.nn
    equal "$status" 0
    matches "$stderr" "'h' are tried as f32 2x1x3; -s sets others"
    try optimize --check -s h=2x5x3 -o /dev/null state.nn
    equal "$status" 0
    matches "$stderr" "'x' are tried as f32 1x512"
    [[ $stderr != *"'h'"* ]]
}

@test "random integers: edges of a graph, lengths, masks; a number fills open sizes" {
    declare_nn graph.nn <<'END'
input x f32 ?x2
input edges i64 2x?
constant zero i64 1x1 = 0
constant zeros i64 1 = 0
constant ones i64 1 = 1
constant twos i64 1 = 2
node - Gather edges zero -> from i64 1x1x? : axis=0
node - Slice edges ones twos zeros -> to i64 1x?
node - Gather x from -> a f32 1x1x?x2 : axis=0
node - Gather x to -> b f32 1x?x2 : axis=0
node - Sub a b -> y f32 1x1x?x2
output y
END
    nn optimize --check -s x=3x2 -s edges=2x40 -o /dev/null graph.nn
    try bench -n 1 -s x=3x2 -i edges=2 graph.nn
    equal "$status" 0
    matches "$stderr" "'edges' are tried as i64 2x16"
    try bench -n 1 -s x=3x2 -s edges=2x4 -i edges=3 graph.nn
    failed_with 1 'index 3 is outside of 3 elements'
    declare_nn lengths.nn <<'END'
input x f32 5x40x1
input lengths i64 40
input mask i64 5x40
constant w f32 1x1x1 = 1
constant table f32 2 = 6 5
node - Cast lengths -> l i32 40 : to=6
node - RNN x w w - l -> y f32 5x1x40x1 : hidden_size=1
node - Sub mask mask -> none i64 5x40
node - Add mask none -> places i64 5x40
node - Gather table places -> z f32 5x40
output y
output z
END
    nn bench -n 1 lengths.nn
}
