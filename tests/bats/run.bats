load helper

@test "a number for an input, and the rest from files" {
    declare_nn sum.nn <<END
input x f32 1x3
input n f32 scalar
input k f32 qx3
node - Mul x n -> a f32 1x3
node - Add a k -> y f32 *
output y
END
    npy x.npy f32 1x3 1 2 3
    try run -s q=1 sum.nn x.npy n=2 k=0.5
    succeeded
    equal "$output" $'y\tf32\t1x3\t2.5 4.5 6.5'
    try run -s q=1 sum.nn n=2 k=0.5
    equal "$status" 1
    try run -J -s q=1 --compare sum.nn sum.nn n=0 k=4
    succeeded
    jq -es '.[-1].reference == 4' <<< "$output"
}

photos() {
    classifier
    ppm red.ppm 40 30 255 0 0
    ppm blue.ppm 20 30 0 0 255
    ppm grey.ppm 33 77 128 128 128
}

# ---- answers ----

@test "a photo: path, rank, score, index, label" {
    photos
    try run -k 3 net.nn red.ppm
    succeeded
    equal "${#lines[@]}" 3
    matches "${lines[0]}" $'^red.ppm\t1\t0\\.[0-9]+\t[0-4]\t[a-z]+$'
    matches "${lines[2]}" $'^red.ppm\t3\t0'
    equal "$(cut -f 3 <<< "$output" | sort -gr)" "$(cut -f 3 <<< "$output")"
    equal "$(nn run net.nn red.ppm | wc -l)" 5
    equal "$(nn run --best 1 net.nn red.ppm)" "${lines[0]}"
}

@test "photos of every kind: PNG, and what is none" {
    photos
    cp "$DEMO/chelsea.png" cat.PNG
    equal "$(nn run -k 1 net.nn cat.PNG | cut -f 1)" cat.PNG
    head -c 1000 cat.PNG > cut.png
    try run net.nn cut.png
    failed_with 1 '^nnrun: cut.png: '
    try run net.nn labels.txt
    failed_with 1 '^nnrun: labels.txt: '
}

@test "without a task: name, type, shape, first values" {
    npy a.npy f32 2x3 1 2 3 4 5 6
    npy b.npy f32 2x3 2
    equal "$(nn run "$TINY/two.onnx" a.npy b.npy)" $'difference\tf32\t2x3\t-1 0 1 2 3 4\nproduct\tf32\t2x3\t2 4 6 8 10 12'
    equal "$(nn run -k 2 "$TINY/two.onnx" a.npy b.npy)" $'difference\tf32\t2x3\t-1 0\nproduct\tf32\t2x3\t2 4'
}

@test "-T, -p and -l override the model's" {
    photos
    equal "$(nn run -k 1 -T classify -l labels.txt -p resize=32x32,rgb,mean=127,std=128 "$TINY/conv.onnx" red.ppm)" \
        "$(nn run -k 1 net.nn red.ppm)"
    printf 'a\nb\nc\nd\ne\n' > other.txt
    matches "$(nn run -k 1 -l other.txt net.nn red.ppm)" $'\t[a-e]$'
    not [ "$(nn run -k 1 -p resize=32x32,bgr net.nn red.ppm)" = "$(nn run -k 1 net.nn red.ppm)" ]
    try run -T nonsense net.nn red.ppm
    matches "$stderr" 'nonsense' && [ "$status" -ne 0 ]
    try run -p nonsense net.nn red.ppm
    matches "$stderr" 'nonsense' && [ "$status" -ne 0 ]
}

@test "without labels the index alone" {
    photos
    matches "$(nn run -k 1 -T classify -p resize=32x32 "$TINY/conv.onnx" red.ppm)" $'^red.ppm\t1\t[0-9.e-]+\t[0-4]'
}

# ---- inputs ----

@test "two inputs, by order or by name" {
    npy a.npy f32 2x3 1 2 3 4 5 6
    npy b.npy f32 2x3 2
    want=$(nn run "$TINY/two.onnx" a.npy b.npy)
    equal "$(nn run "$TINY/two.onnx" b=b.npy a=a.npy)" "$want"
    equal "$(nn run "$TINY/two.onnx" b=b.npy a.npy)" "$want"
    try run "$TINY/two.onnx" a.npy
    failed_with 1 "input 'b'"
    try run "$TINY/two.onnx" c=a.npy b.npy
    [ "$status" -ne 0 ] && matches "$stderr" "c"
    try run "$TINY/two.onnx" a=a.npy a=b.npy
    [ "$status" -ne 0 ]
}

@test "an input of another shape or type" {
    npy a.npy f32 3x2
    npy b.npy f32 2x3
    npy i.npy i64 2x3 1 2 3
    npy d.npy f64 2x3 1 2 3
    try run "$TINY/two.onnx" a.npy b.npy
    failed_with 1 "a.npy: input 'a': given f32 3x2, wants f32 2x3"
    equal "$(nn run -k 3 "$TINY/two.onnx" d.npy b.npy | head -n 1 | cut -f 1-3)" $'difference\tf32\t2x3'
    try run "$TINY/two.onnx" i.npy i.npy
    failed_with 1 "i.npy: input 'a': given i64 2x3, wants f32 2x3"
}

@test "damaged .npy files" {
    npy a.npy f32 2x3
    for n in 0 5 20 100 130; do
        head -c $n a.npy > cut.npy
        try run "$TINY/two.onnx" cut.npy a.npy
        failed_with 1 '^nnrun: cut.npy: '
    done
    perl -pe "s/'shape': \\(2, 3\\)/'shape': (99999999999,)/" a.npy > huge.npy
    try run "$TINY/two.onnx" huge.npy a.npy
    failed_with 1 '^nnrun: huge.npy: '
    perl -pe "s/<f4/|O4/" a.npy > object.npy
    try run "$TINY/two.onnx" object.npy a.npy
    failed_with 1 '^nnrun: object.npy: '
}

@test "several runs of one model: open batches of other sizes" {
    npy 1.npy f32 1x2x4
    npy 2.npy f32 3x5x4
    nn run "$TINY/symbolic.onnx" 1.npy 2.npy 1.npy > out
    equal "$(cut -f 4 out | tr '\n' ' ')" '1x3 3x3 1x3 '
    equal "$(sed -n 1p out | cut -f 5)" "$(sed -n 3p out | cut -f 5)"
}

@test "a wrong input in the middle: a message, the rest, exit 1" {
    photos
    try run -k 1 net.nn red.ppm nowhere.ppm labels.txt blue.ppm
    equal "$status" 1
    equal "$(cut -f 1 <<< "$output" | tr '\n' ' ')" 'red.ppm blue.ppm '
    equal "$(wc -l <<< "$stderr")" 2
    matches "$stderr" 'nnrun: nowhere.ppm: No such file or directory'
}

@test "a model without inputs" {
    declare_nn range.nn <<END
constant a i64 scalar = 0
constant b i64 scalar = 4
constant c i64 scalar = 1
node - Range a b c -> y i64 *
output y
END
    equal "$(nn run range.nn)" $'y\ti64\t4\t0 1 2 3'
    nn run -o out range.nn
    equal "$(show out/out_0.npy)" '<i8 (4,) 0 1 2 3'
}

@test "a branch that the data choose" {
    npy plus.npy f32 3 1 2 3
    npy minus.npy f32 3 -1 -2 -3
    equal "$(nn run "$TINY/if.onnx" plus.npy)" $'y\tf32\t3\t1 4 9'
    equal "$(nn run "$TINY/if.onnx" minus.npy)" $'y\tf32\t3\t1 2 3'
    nn optimize "$TINY/if.onnx" > small.nn
    equal "$(nn run small.nn plus.npy minus.npy | cut -f 5 | tr '\n' ' ')" '1 4 9 1 2 3 '
}

# ---- a filter ----

@test "paths on standard input, answers in their order" {
    photos
    ls *.ppm | nn run -k 1 net.nn - > out
    equal "$(cut -f 1 out)" "$(ls *.ppm)"
    cp red.ppm 'red two.ppm'
    printf 'red two.ppm\nblue.ppm' | nn run -k 1 net.nn - > out
    equal "$(cut -f 1 out | tr '\n' ,)" 'red two.ppm,blue.ppm,'
    printf '' | nn run net.nn - > out
    [ ! -s out ]
}

@test "each answer comes as soon as it is done" {
    photos
    mkfifo paths
    nn run -k 1 net.nn - < paths > out &
    exec 7> paths
    echo red.ppm >&7
    for i in $(seq 100); do [ -s out ] && break; sleep 0.1; done
    equal "$(cut -f 1 out)" red.ppm
    echo blue.ppm >&7
    for i in $(seq 100); do [ "$(wc -l < out)" = 2 ] && break; sleep 0.1; done
    equal "$(tail -n 1 out | cut -f 1)" blue.ppm
    exec 7>&-
    wait $!
}

@test "-0: paths end with NUL" {
    photos
    cp red.ppm $'two\nlines.ppm'
    printf 'blue.ppm\0two\nlines.ppm\0' | nn run -J -0 -k 1 net.nn - > out
    jq -es 'map(.path) == ["blue.ppm", "two\nlines.ppm"]' out
    printf 'blue.ppm\0red.ppm' | nn run --null -k 1 net.nn - | cut -f 1 | tr '\n' ' ' > out
    equal "$(cat out)" 'blue.ppm red.ppm '
}

@test "a path with tabs and newlines does not break the table" {
    photos
    cp red.ppm $'a\tb\nc.ppm'
    equal "$(nn run -k 1 net.nn $'a\tb\nc.ppm' | cut -f 1)" 'a\tb\nc.ppm'
    equal "$(nn run -k 1 net.nn $'a\tb\nc.ppm' | wc -l)" 1
}

@test "a wrong path in the stream: a message, the rest, exit 1" {
    photos
    run --separate-stderr bash -c 'printf "red.ppm\nnowhere.ppm\nblue.ppm\n" | "$NN"run -k 1 net.nn -'
    equal "$status" 1
    equal "$(cut -f 1 <<< "$output" | tr '\n' ' ')" 'red.ppm blue.ppm '
}

# ---- files of outputs ----

@test "-o: DIR/out_k.npy of one run, DIR/STEM/out_k.npy of more" {
    npy a.npy f32 2x3 1 2 3 4 5 6
    npy b.npy f32 2x3 2
    npy c.npy f32 2x3 10
    nn run -o one "$TINY/two.onnx" a.npy b.npy
    equal "$(find one -type f | sort | tr '\n' ' ')" 'one/out_0.npy one/out_1.npy '
    equal "$(show one/out_0.npy)" '<f4 (2, 3) -1 0 1 2 3 4'
    nn run -o more "$TINY/two.onnx" a.npy b.npy c.npy b.npy
    equal "$(find more -type f | sort | tr '\n' ' ')" 'more/a/out_0.npy more/a/out_1.npy more/c/out_0.npy more/c/out_1.npy '
    equal "$(show more/c/out_1.npy)" '<f4 (2, 3) 20 20 20 20 20 20'
    photos
    ls *.ppm | nn run -o all net.nn - > /dev/null
    equal "$(find all -type f | sort | tr '\n' ' ')" 'all/blue/out_0.npy all/grey/out_0.npy all/red/out_0.npy '
}

@test "--expect, --rtol, --atol" {
    npy a.npy f32 2x3 1 2 3 4 5 6
    npy b.npy f32 2x3 2
    npy near.npy f32 2x3 1 2 3 4 5 6.0001
    npy far.npy f32 2x3 1 2 3 4 5 6.1
    nn run -o want "$TINY/two.onnx" a.npy b.npy
    nn run --expect want "$TINY/two.onnx" a.npy b.npy
    nn run --expect want "$TINY/two.onnx" near.npy b.npy
    try run --expect want "$TINY/two.onnx" far.npy b.npy
    equal "$status" 1
    matches "$stderr" "output 'difference'"
    nn run --expect want --rtol 0.1 "$TINY/two.onnx" far.npy b.npy
    nn run --expect want --atol 0.3 "$TINY/two.onnx" far.npy b.npy
    try run --expect want --rtol 0 "$TINY/two.onnx" near.npy b.npy
    equal "$status" 1
    try run --expect want --rtol -1 "$TINY/two.onnx" a.npy b.npy
    failed_with 2 'rtol'
    try run --expect nowhere "$TINY/two.onnx" a.npy b.npy
    equal "$status" 1
    matches "$stderr" 'nowhere'
    rm want/out_1.npy
    try run --expect want "$TINY/two.onnx" a.npy b.npy
    equal "$status" 1
}

@test "--expect: NaN in the same places" {
    declare_nn log.nn <<END
input x f32 3
node - Log x -> y f32 3
output y
END
    npy bad.npy f32 3 -1 1 2
    npy good.npy f32 3 1 1 2
    nn run -o nan log.nn bad.npy
    nn run -o num log.nn good.npy
    nn run --expect nan log.nn bad.npy
    try run --expect nan log.nn good.npy
    equal "$status" 1
    try run --expect num log.nn bad.npy
    equal "$status" 1
}

@test "--expect over several runs" {
    photos
    nn run -o want net.nn red.ppm blue.ppm > /dev/null
    nn run --expect want net.nn red.ppm blue.ppm
    mv want/red want/r && mv want/blue want/red && mv want/r want/blue
    try run --expect want net.nn red.ppm blue.ppm
    equal "$status" 1
}

# ---- how it runs ----

@test "-j 1, 2, 3 and each level: the same bits, and near the same" {
    npy x.npy f32 1x3x32x32
    nn run -j 1 -o want "$TINY/conv.onnx" x.npy
    for j in 2 3; do
        nn run -j $j -o got "$TINY/conv.onnx" x.npy
        cmp got/out_0.npy want/out_0.npy
    done
    for level in $(nn run -V | sed -n 's/^levels: //p'); do
        NN_ISA=$level nn run --expect want "$TINY/conv.onnx" x.npy
        equal "$(NN_ISA=$level nn run -V | sed -n 's/^level: //p')" "$level"
    done
    try run -j 0 "$TINY/conv.onnx" x.npy
    failed_with 2 'want a number from 1'
    try run --threads x "$TINY/conv.onnx" x.npy
    failed_with 2 'want a number from 1'
}

@test "-P" {
    npy x.npy f32 1x3x32x32
    nn run -o want "$TINY/conv.onnx" x.npy
    nn run -P f32 --rtol 0 --expect want "$TINY/conv.onnx" x.npy
    try run -P fast --rtol 0.05 --expect want "$TINY/conv.onnx" x.npy
    succeeded
    matches "$stderr" 'precision fast: (f32|bf16|f16)'
    NN_ISA=generic try run -P fast --rtol 1e-5 --expect want "$TINY/conv.onnx" x.npy
    succeeded
    matches "$stderr" 'precision fast: f32'
    NN_ISA=generic try run -P bf16 "$TINY/conv.onnx" x.npy
    failed_with 1 'precision bf16: the level generic .* want f32 or fast'
    NN_ISA=generic try run -P f16 "$TINY/conv.onnx" x.npy
    failed_with 1 'precision f16: the level generic .* want f32 or fast'
    try run -P f8 "$TINY/conv.onnx" x.npy
    failed_with 2 'f8'
}

@test "-J: a JSON object a line" {
    photos
    nn run -J -k 2 net.nn red.ppm | jq -es 'length == 2 and .[0].path == "red.ppm" and .[0].rank == 1 and (.[0].score | type) == "number"'
    npy a.npy f32 2x3 1 2 3 4 5 6
    npy b.npy f32 2x3 0
    nn run -J "$TINY/two.onnx" a.npy b.npy | jq -es '.[0].name == "difference" and .[0].values == [1, 2, 3, 4, 5, 6]'
    declare_nn log.nn <<END
input x f32 3
node - Log x -> y f32 3
output y
END
    npy odd.npy f32 3 -1 0 1
    nn run -J log.nn odd.npy | jq -es 'length == 1'
    printf 'say "hi"\nback\\slash\n\x01\n\xff\xfe\nlast\n' > odd.txt
    nn run -J -l odd.txt net.nn red.ppm | jq -es 'length == 5'
}

@test "the model may come from a pipe" {
    npy x.npy f32 1x24
    equal "$(nn convert "$TINY/mlp.onnx" | nn run - x.npy)" "$(nn run "$TINY/mlp.onnx" x.npy)"
}

@test "unknown operators: refused with the list" {
    npy x.npy f32 4
    try run "$TINY/unknown.onnx" x.npy
    failed_with 1 'com.example.Blend .*odd1.*com.example.Swizzle.*odd2'
}

@test "properties of other tools under our names do not matter" {
    declare_nn foreign.nn <<END
property task detect
property recipe what%20is%20this
input x f32 3
node - Relu x -> y f32 3
output y
END
    npy x.npy f32 3 1 2 3
    equal "$(nn run foreign.nn x.npy | cut -f 1-3)" $'y\tf32\t3'
}

@test "denormals are zero with any number of threads" {
    declare_nn square.nn <<END
input x f32 2
node - Mul x x -> y f32 2
output y
END
    npy x.npy f32 2 1e-20 2
    for threads in 1 2; do
        equal "$(nn run -j $threads square.nn x.npy | cut -f 4)" '0 4'
    done
}

@test "photos are prepared ahead of their turn: the same answers, and messages in their place" {
    classifier
    local i
    for i in 1 2 3 4 5 6; do
        ppm $i.ppm $((20 * i)) 30 $((40 * i)) 9 $((200 - 30 * i))
    done
    echo bad > 4.ppm
    npy 5.npy f32 1x3x32x32
    set -- 1.ppm 2.ppm 2.ppm 3.ppm nowhere.ppm 4.ppm image=6.ppm 5.npy 6.ppm 1.ppm
    nn run -j 1 -k 2 net.nn "$@" > one.txt 2>&1 || [ $? = 1 ]
    nn run -j 2 -k 2 net.nn "$@" > two.txt 2>&1 || [ $? = 1 ]
    printf '%s\n' "$@" | nn run -j 2 -k 2 net.nn - > three.txt 2>&1 || [ $? = 1 ]
    cmp one.txt two.txt
    cmp one.txt three.txt
    equal "$(grep -c . one.txt)" 18
    grep -n 'nowhere.ppm: No such file' one.txt | grep '^9:'
}

@test "a list that cannot be read, or ends without a line's end" {
    classifier
    ppm 1.ppm 9 9 1 2 3
    printf '1.ppm\n1.ppm' > list.txt
    equal "$(nn run -k 1 net.nn - < list.txt | wc -l)" 2
    run --separate-stderr sh -c "'${NN}run' net.nn - < ."
    failed_with 1 'standard input: Is a directory'
}

@test "a photo or NULs where a list is wanted: one line says so" {
    classifier
    for how in "net.nn -" "--crop net.nn" "--crop net.nn -"; do
        run --separate-stderr sh -c "'${NN}run' $how < '$DEMO/chelsea.png'"
        equal "$status" 1
        equal "$stderr" "nnrun: standard input: is binary: want a line for each input, -0 if NUL ends them, PNM pictures, or /dev/stdin for one photo"
    done
    cp "$DEMO/chelsea.png" cat.png
    run --separate-stderr sh -c "printf 'cat.png\0' | '${NN}run' net.nn -"
    equal "$status" 1
    matches "$stderr" ' is binary: .* -0 '
    printf 'cat.png\0' | nn run -0 net.nn - > /dev/null
}

@test "a list of photos from Windows" {
    ppm red.ppm 40 30 255 0 0
    equal "$(printf 'red.ppm\r\nred.ppm' | nn run -q -k 1 "$TINY/conv.onnx" - | cut -f 1)" $'red.ppm\nred.ppm'
}
