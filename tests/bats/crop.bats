load helper

# Four quarters: red, green, blue, white.
quarters() {
    {
        echo "P3 8 8 255"
        for y in 0 1 2 3; do echo "255 0 0 255 0 0 255 0 0 255 0 0 0 255 0 0 255 0 0 255 0 0 255 0"; done
        for y in 0 1 2 3; do echo "0 0 255 0 0 255 0 0 255 0 0 255 255 255 255 255 255 255 255 255 255 255 255 255"; done
    } > "$1"
}

# Prints the picture as 2x2 pixels: red, green, blue planes.
viewer() {
    declare_nn view.nn <<END
property recipe resize=2x2,filter=nearest
input x f32 1x3x2x2
node - Identity x -> y f32 1x3x2x2
output y
END
}

crop() { nn run -k 12 --crop"${how:+=$how}" "$@"; }
values() { tail -n "${1:-1}" | sed 's/.*\t//'; }

red='255 255 255 255 0 0 0 0 0 0 0 0'
white='255 255 255 255 255 255 255 255 255 255 255 255'

@test "a box is cut out of the photo that its record names, and the record goes on" {
    quarters a.ppm
    viewer
    equal "$(printf 'a.ppm\tred\t0.5\t0\t0\t4\t4\n' | crop view.nn -)" $'a.ppm\tred\t0.5\t0\t0\t4\t4\ty\tf32\t1x3x2x2\t'"$red"
    equal "$(printf 'a.ppm\twhite\t0.5\t4.9\t4.2\t7.99\t100\tmore\n' | crop view.nn)" \
        $'a.ppm\twhite\t0.5\t4.9\t4.2\t7.99\t100\tmore\ty\tf32\t1x3x2x2\t'"$white"
    equal "$(printf 'a.ppm\n' | crop view.nn - | values)" '255 0 0 255 0 255 0 255 0 0 255 255'
    printf 'a.ppm\tred\t0.5\t0\t0\t4\t4\na.ppm\twhite\t0.5\t4\t4\t8\t8\n' > boxes
    equal "$(crop view.nn boxes | values 2)" "$red"$'\n'"$white"
}

@test "JSON in and out: names that stand already get a number" {
    quarters a.ppm
    viewer
    finder
    echo '{"path":"a.ppm","label":"l","score":1.50,"box":[0,0,4,4],"deep":{"a":[1, 2]},"text":"tab\there"}' > record
    equal "$(crop -J view.nn - < record)" \
        '{"path":"a.ppm","label":"l","score":1.50,"box":[0,0,4,4],"deep":{"a":[1, 2]},"text":"tab\u0009here","name":"y","dtype":"f32","shape":[1,3,2,2],"values":['"${red// /,}"']}'
    equal "$(crop view.nn - < record)" $'a.ppm\tl\t1.50\t0\t0\t4\t4\t{"a":[1, 2]}\ttab\\there\ty\tf32\t1x3x2x2\t'"$red"
    crop -J find.nn - < record | crop -J find.nn - | jq -es '.[0] | .label3 == "thing" and .score3 == 0.5 and .box == [0, 0, 4, 4] and .box2 == [1, 1, 3, 3] and .box3 == [1.5, 1.5, 2.5, 2.5]'
    equal "$(printf 'a.ppm\tl\t1\t0\t0\t4\t4\trest\t7\n' | crop -J find.nn -)" \
        '{"path":"a.ppm","label":"l","score":1,"box":[0,0,4,4],"field8":"rest","field9":7,"label2":"thing","score2":0.5,"box2":[1.0000,1.0000,3.0000,3.0000]}'
}

@test "what is found inside a part comes in pixels of the photo" {
    quarters a.ppm
    finder
    equal "$(printf 'a.ppm\tx\t1\t4\t0\t8\t4\n' | crop find.nn - | cut -f 8-)" $'thing\t0.5\t5.0000\t1.0000\t7.0000\t3.0000'
    # finer than a thousandth of a pixel, which the next network's crop may turn on
    equal "$(printf 'a.ppm\tx\t1\t0,0 3.0012,0 3.0012,4 0,4\n' | how=tall=0 crop find.nn - | cut -f 7,9)" $'0.7503\t2.2509'
    # from the bottom right corner on: upside down
    equal "$(printf 'a.ppm\tx\t1\t8,4 4,4 4,0 8,0\n' | crop find.nn - | cut -f 5-)" $'thing\t0.5\t5.0000\t1.0000\t7.0000\t3.0000'
    # standing on its left side, and turned left for being tall
    equal "$(printf 'a.ppm\tx\t1\t0,0 2,0 2,8 0,8\n' | crop find.nn - | cut -f 5-)" $'thing\t0.5\t0.5000\t2.0000\t1.5000\t6.0000'
}

@test "a polygon of four corners is warped upright" {
    quarters a.ppm
    viewer
    equal "$(printf 'a.ppm\tx\t1\t0,0 8,0 8,8 0,8\n' | crop view.nn - | values)" '255 0 0 255 0 255 0 255 0 0 255 255'
    equal "$(printf 'a.ppm\tx\t1\t8,8 0,8 0,0 8,0\n' | crop view.nn - | values)" '255 0 0 255 255 0 255 0 255 255 0 0'
    # tall: turned left, so that its right side is up
    equal "$(printf 'a.ppm\tx\t1\t2,0 6,0 6,8 2,8\n' | crop view.nn - | values)" '0 255 255 0 255 255 0 0 0 255 0 255'
    equal "$(printf 'a.ppm\tx\t1\t2,0 6,0 6,8 2,8\n' | how=tall=0 crop view.nn - | values)" '255 0 0 255 0 255 0 255 0 0 255 255'
    # of another number of corners: the box around it
    equal "$(printf 'a.ppm\tx\t1\t0,0 4,0 2,4\n' | crop view.nn - | values)" "$red"
}

@test "--crop=pad, square" {
    quarters a.ppm
    finder
    equal "$(printf 'a.ppm\tx\t1\t2\t2\t6\t6\n' | how=pad=0.5 crop find.nn - | cut -f 10-)" $'2.0000\t2.0000\t6.0000\t6.0000'
    equal "$(printf 'a.ppm\tx\t1\t2\t3\t6\t5\n' | how=square crop find.nn - | cut -f 10-)" $'3.0000\t3.0000\t5.0000\t5.0000'
    for bad in nothing pad pad=x square=1; do
        try run --crop=$bad find.nn -
        equal "$status" 2
    done
}

@test "--group: parts of a photo are as wide as the widest of each few" {
    declare_nn wide.nn <<END
property recipe resize=height:2:up,mean=0,pad=3x2:7:corner
input x f32 1x3x2x?
node - Shape x -> y i64 4
output y
END
    ppm a.ppm 16 16 9 9 9
    records=$'a.ppm\tt\t1\t0\t0\t16\t4\na.ppm\tt\t1\t0\t0\t4\t4\na.ppm\tt\t1\t0\t0\t8\t4\n'
    widths() { nn run --crop "$@" wide.nn - <<< "$records" | sed 's/.* //' | paste -sd ' '; }
    equal "$(widths)" '8 3 4'
    equal "$(widths --group 2)" '8 4 4'
    equal "$(widths --group 9)" '8 8 8'
}

@test "--turn: by the label of a network in between" {
    quarters a.ppm
    viewer
    record=$'a.ppm\ttext\t1\t0,0 8,0 8,8 0,8\t1\t0.95\t1\t'
    upright='255 0 0 255 0 255 0 255 0 0 255 255'
    equal "$(echo "${record}0" | crop --turn view.nn - | values)" "$upright"
    equal "$(echo "${record}180" | crop --turn view.nn - | values)" '255 0 0 255 255 0 255 0 255 255 0 0'
    equal "$(echo "${record}90_degree" | crop --turn view.nn - | values)" '0 255 255 0 255 255 0 0 0 255 0 255'
    equal "$(echo "${record}180" | crop --turn=0.96 view.nn - | values)" "$upright"
    equal "$(echo "${record}180" | crop view.nn - | values)" "$upright"
    equal "$(echo '{"path":"a.ppm","box":[0,0,8,8],"score":0.3,"score2":0.99,"label2":"180"}' | crop --turn view.nn - | values)" \
        '255 0 0 255 255 0 255 0 255 255 0 0'
    try run --crop --turn view.nn <(echo "${record}up")
    failed_with 1 'line 1: a.ppm: the last label is no direction'
    # what a detector calls a place is none, nor is a classifier's number without a name
    for record in $'a.ppm\t0\t1\t0,0 8,0 8,8 0,8' '{"path":"a.ppm","label":"0","box":[0,0,8,8],"rank":1,"index":0,"label2":null}'; do
        try run --crop --turn view.nn <(echo "$record")
        failed_with 1 'line 1: a.ppm: the last label is no direction'
    done
    try run --crop view.nn a.ppm
    failed_with 1 'a.ppm: is a photo: with --crop want records'
    try run -q --draw drawn view.nn a.ppm
    failed_with 1 'a.ppm: nothing to draw: -T tells what the outputs are'
    try run --turn view.nn a.ppm
    failed_with 2 'want --crop'
    try run --group 2 view.nn a.ppm
    failed_with 2 'want --crop'
}

@test "damaged records: a message that names the line, the rest, exit 1" {
    quarters a.ppm
    viewer
    good=$'a.ppm\tred\t0.5\t0\t0\t4\t4'
    for bad in $'a.ppm\tred\t0.5\t0\t0\t4' $'a.ppm\tred\t0.5\tx\t0\t4\t4' $'a.ppm\tred\t0.5\t9\t9\t20\t20' $'a.ppm\tred\t0.5\t1e9\t0\t4\t4' \
        $'a.ppm\tx\t1\t0,0 1,1' $'a.ppm\tx\t1\t0,0 1,1 a,b 0,1' $'a.ppm\tx\t1\t0,0 1,1 2,2 3,3' $'a.ppm\tx\t1\t0,0 99999,0 99999,99999 0,99999' \
        $'a\\x.ppm\tx\t1\t0\t0\t4\t4' '{"path":"a.ppm","box":[0,0,4]}' '{"path":"a.ppm","box":"here"}' '{"path":"a.ppm"' '{"box":[0,0,4,4]}' \
        '{"path":"a.ppm","box":[0,0,4,null]}' '{"path":"a.ppm","label":"l"}' $'a.ppm\tx\t1\tnan\t0\t4\t4' $'nowhere.ppm\tred\t0.5\t0\t0\t4\t4'; do
        printf '%s\n%s\n%s\n' "$good" "$bad" "$good" > records
        try run -k 12 --crop view.nn records
        equal "$status" 1
        equal "${#lines[@]}" 2
        equal "$(wc -l <<< "$stderr")" 1
        matches "$stderr" 'nnrun: (records: line 2: |nowhere.ppm: )'
    done
}

@test "a line without end is told, and what follows it goes on" {
    quarters a.ppm
    viewer
    { printf 'a.ppm\tred\t0.5\t0\t0\t4\t4\n'; head -c 3000000 /dev/zero | tr '\0' x; printf '\na.ppm\tred\t0.5\t0\t0\t4\t4'; } > records
    try run -k 12 --crop view.nn records
    failed_with 1 'records: line 2: 3000000 bytes: want at most 1048576'
    equal "${#lines[@]}" 2
}

@test "the same photo is decoded once for records that follow each other" {
    quarters a.ppm
    viewer
    mkfifo photo
    cat a.ppm > photo &
    equal "$(printf 'photo\tred\t0.5\t0\t0\t4\t4\nphoto\twhite\t0.5\t4\t4\t8\t8\n' | timeout 10 "$NN"run -k 12 --crop view.nn - | values 2)" "$red"$'\n'"$white"
    wait
}

@test "--crop=hand: a square turned by two key points" {
    quarters a.ppm
    viewer
    try run --crop=hand view.nn <(printf 'a.ppm\tpalm\t0.9\t2\t2\t6\t6\t4,6,1 0,0,1 4,2,1\n')
    succeeded
    try run --crop=hand view.nn <(printf 'a.ppm\tpalm\t0.9\t2\t2\t6\t6\n')
    failed_with 1 'line 1: a.ppm: no box with key points'
}

@test "key points of a turned part: the box is around them, not around the turned one" {
    quarters a.ppm
    declare_nn points.nn <<'END'
input x f32 1x3x8x8
constant p f32 1x6 = 1 1 7 1 4 7
constant none f32 scalar = 0
constant axes i64 3 = 1 2 3
node - ReduceMean x axes -> m f32 1x1 : keepdims=0
node - Mul m none -> n f32 *
node - Add p n -> y f32 1x6
output y
END
    try run -J -T points,order=xy,unit=pixel --crop=hand points.nn <(printf 'a.ppm\tpalm\t0.9\t2\t2\t6\t6\t5,5,1 0,0,1 3,3,1\n')
    succeeded
    jq -e '.points as $p | [([0, 1][] as $i | $p | map(.[$i]) | min), ([0, 1][] as $i | $p | map(.[$i]) | max)] == .box2' <<< "$output" || {
        echo "$output"
        false
    }
}
