load helper

wav() { "$TOOLS/make-wav" "$@"; }

# Adds up what it has seen: y and h_out are x + h.
adder() {
    declare_nn sum.nn <<END
input x f32 1x4
input ${1:-h} f32 1x4
node - Add x ${1:-h} -> ${2:-h_out} f32 1x4
node - Mul ${2:-h_out} ${2:-h_out} -> y f32 1x4
output y
output ${2:-h_out}
END
    npy a.npy f32 1x4 1 2 3 4
    npy b.npy f32 1x4 10
    npy c.npy f32 1x4 100
}

@test "--stream: a state goes from run to run, and begins as zeros" {
    adder
    equal "$(nn run --stream sum.nn a.npy b.npy c.npy | cut -f 1,2,5)" \
        $'a.npy\ty\t1 4 9 16\nb.npy\ty\t121 144 169 196\nc.npy\ty\t12321 12544 12769 12996'
    equal "$(printf 'a.npy\nb.npy\n' | nn run --stream sum.nn - | cut -f 5)" $'1 4 9 16\n121 144 169 196'
    equal "$(nn run --stream sum.nn h=5 a.npy b.npy | cut -f 5)" $'36 49 64 81\n256 289 324 361'
}

@test "a state with a first value in the file: carried on, or given by name before or behind the rest" {
    declare_nn sum.nn <<END
input x f32 1x4
input h f32 1x4
constant h f32 1x4 = 1 1 1 1
node - Add x h -> h_out f32 1x4
node - Mul h_out h_out -> y f32 1x4
output y
output h_out
END
    npy a.npy f32 1x4 1 2 3 4
    npy b.npy f32 1x4 10
    equal "$(nn run --stream sum.nn a.npy b.npy | cut -f 5)" $'4 9 16 25\n144 169 196 225'
    equal "$(nn run sum.nn x=a.npy h=b.npy x=a.npy | cut -f 5 | sed -n '1p;3p')" $'121 144 169 196\n4 9 16 25'
    equal "$(nn run sum.nn h=b.npy x=a.npy | cut -f 5 | head -n 1)" '121 144 169 196'
}

@test "a model whose inputs all have values runs once, with what it is given" {
    declare_nn own.nn <<END
input h f32 1x4
constant h f32 1x4 = 1 1 1 1
node - Add h h -> y f32 1x4
output y
END
    npy a.npy f32 1x4 1 2 3 4
    equal "$(nn run own.nn a.npy | cut -f 4)" '2 4 6 8'
    equal "$(nn run own.nn h=a.npy | cut -f 4)" '2 4 6 8'
    equal "$(nn run own.nn | cut -f 4)" '2 2 2 2'
}

@test "states are found by names such as stateN, next_h, h0 and hn; --state names others" {
    for names in 'state stateN' 'h next_h' 'h0 hn' 'h hn' 'c_in c_out' 'cache new_cache' \
        'h0 hN' 'r1i r1o'; do
        # shellcheck disable=SC2086
        adder $names
        equal "$(nn run --stream sum.nn a.npy b.npy | cut -f 5 | tail -n 1)" '121 144 169 196'
    done
    adder memory kept
    try run --stream sum.nn a.npy b.npy
    equal "${#lines[@]}" 2
    equal "$(nn run --state memory=kept sum.nn a.npy b.npy | cut -f 2,5 | tail -n 1)" $'y\t121 144 169 196'
    try run --state memory=nothing sum.nn a.npy
    failed_with 1 "--state memory=nothing: the model has no output 'nothing'"
    try run --state nothing=kept sum.nn a.npy
    failed_with 1 "want IN=OUT, IN being one of 'x', 'memory'"
}

@test "without --stream each run is given its state, if that is what the files fit" {
    adder
    equal "$(nn run sum.nn a.npy b.npy | cut -f 1,4 | head -n 1)" $'y\t121 144 169 196'
}

@test "frames that cannot be a state make a stream, and a number given by name stays" {
    declare_nn sum.nn <<END
input x f32 1x4
input state f32 2x1x4
input n f32 scalar
node - Mul x n -> z f32 1x4
node - Add z state -> stateN f32 2x1x4
output z
output stateN
END
    npy a.npy f32 1x4 1
    npy b.npy f32 1x4 2
    nn run sum.nn n=3 a.npy b.npy a.npy > lines
    equal "$(cut -f 1,2,5 lines)" $'a.npy\tz\t3 3 3 3\nb.npy\tz\t6 6 6 6\na.npy\tz\t3 3 3 3'
    equal "$(nn run sum.nn n=3 b.npy | cut -f 2,5)" $'z\t6 6 6 6'
    npy state.npy f32 2x1x4 1
    equal "$(nn run sum.nn a.npy state.npy n=2 | cut -f 1,4)" $'z\t2 2 2 2\nstateN\t3 3 3 3 3 3 3 3'
}

@test "sound in frames of the network's length, each with its time" {
    adder
    wav talk.wav i16 8 1 8192 8192 8192 8192 16384 16384 -16384 16384 32767
    nn run -k 4 sum.nn talk.wav > lines
    equal "$(cut -f 1-3,6 lines | sed 's/0.249.*/end/')" \
        $'talk.wav\t0.000\ty\t0.0625 0.0625 0.0625 0.0625\ntalk.wav\t0.500\ty\t0.5625 0.5625 0.0625 0.5625\ntalk.wav\t1.000\ty\t'"$(tail -n 1 lines | cut -f 6)"
    equal "$(tail -n 1 lines | cut -f 6 | cut -d ' ' -f 2-)" '0.5625 0.0625 0.5625'
    nn run -J sum.nn talk.wav | jq -es 'length == 3 and .[1].time == 0.5 and .[1].name == "y"'
    nn run sum.nn talk.wav talk.wav > twice
    equal "$(head -n 3 twice)" "$(tail -n 3 twice)"
}

@test "--frame: frames that overlap end with their own samples" {
    declare_nn same.nn <<END
input x f32 1xn
node - Mul x x -> y f32 1xn
output y
END
    wav talk.wav f32 100 1 1 2 3 4 5
    equal "$(nn run --frame 3:2 same.nn talk.wav | cut -f 2,6)" $'0.000\t0 1 4\n0.020\t4 9 16\n0.040\t16 25 0'
    equal "$(nn run -p scale=10,mean=2,std=2 --frame 3 same.nn talk.wav | head -n 1 | cut -f 6)" '16 81 196'
    try run same.nn talk.wav
    failed_with 1 'want --frame LENGTH'
    for bad in 0 x 3:4 3:0 3:1x; do
        try run --frame $bad same.nn talk.wav
        failed_with 2 "frame $bad: want LENGTH or LENGTH:HOP"
    done
    adder
    try run --frame 3 sum.nn talk.wav
    failed_with 1 "frames of 3: input 'x' wants 4"
}

@test "sound of all kinds: channels are averaged, the rate goes to the input that asks for it" {
    declare_nn rate.nn <<END
input x f32 1x2
input sr i64 scalar
node - Identity x -> y f32 1x2
node - Identity sr -> r i64 scalar
output y
output r
END
    wav u8.wav u8 8000 2 0 128 192 64
    wav i16.wav i16 16000 1 -32768 16384
    wav i24.wav i24 16000 1 -8388608 4194304
    wav i32.wav i32 16000 1 -2147483648 1073741824
    wav f32.wav f32 16000 1 -1 0.5
    wav f64.wav f64 16000 1 -1 0.5
    equal "$(nn run rate.nn u8.wav | cut -f 6)" $'-0.5 0\n8000'
    equal "$(nn run rate.nn sr=4000 u8.wav | cut -f 6 | tail -n 1)" 4000
    for kind in i16 i24 i32 f32 f64; do
        equal "$(nn run rate.nn $kind.wav | cut -f 6)" $'-1 0.5\n16000'
    done
    declare_nn whole.nn <<END
input x i16 1x2
node - Identity x -> y i16 1x2
output y
END
    equal "$(nn run whole.nn i24.wav | cut -f 6)" '-32768 16384'
}

@test "a pipe of sound is answered as it comes" {
    declare_nn same.nn <<END
input x f32 1xn
node - Mul x x -> y f32 1xn
output y
END
    wav talk.wav f32 100 1 1 2 3 4 5 6
    mkfifo sound
    nn run --frame 2 same.nn sound > out &
    exec 7> sound
    head -c 52 talk.wav >&7
    for i in $(seq 100); do [ -s out ] && break; sleep 0.1; done
    equal "$(cut -f 1,2,6 out)" $'sound\t0.000\t1 4'
    tail -c +53 talk.wav >&7
    exec 7>&-
    wait $!
    equal "$(cut -f 6 out)" $'1 4\n9 16\n25 36'
    equal "$(nn run --frame 2 same.nn /dev/stdin < <(cat talk.wav) | cut -f 6)" $'1 4\n9 16\n25 36'
    # a recorder that does not know how long it will go on
    perl -pe 's/(data)..../$1\xff\xff\xff\xff/s' talk.wav > endless.wav
    equal "$(nn run --frame 4 same.nn <(cat endless.wav) | cut -f 6)" $'1 4 9 16\n25 36 0 0'
    # and one that was stopped before the end that it had stated
    try run --frame 2 same.nn /dev/stdin < <(head -c -6 talk.wav)
    failed_with 1 'cut off: it states 6 samples'
    equal "$(cut -f 6 <<< "$output")" $'1 4\n9 16'
}

@test "how sound is cut goes with the model" {
    declare_nn same.nn <<END
input x f32 1xn
node - Mul x x -> y f32 1xn
output y
END
    wav talk.wav f32 100 1 1 2 3 4 5
    nn convert --frame 3:2 -o framed.nn same.nn
    equal "$(nn run framed.nn talk.wav | cut -f 6)" $'0 1 4\n4 9 16\n16 25 0'
    equal "$(nn run --frame 5:5 framed.nn talk.wav | cut -f 6)" '1 4 9 16 25'
    nn convert -o framed.onnx framed.nn
    equal "$(nn run framed.onnx talk.wav)" "$(nn run framed.nn talk.wav)"
    matches "$(nn inspect framed.nn)" 'property frame 3:2'
    try convert --frame 2:3 -o bad.nn same.nn
    failed_with 2 'frame 2:3: want LENGTH or LENGTH:HOP'
}

@test "a frame that the network cannot take ends its file: one message, and the next file" {
    declare_nn picky.nn <<END
input x f32 1x2
input sr i64 scalar
constant zero i64 scalar = 8000
constant list f32 2 = 1 2
node - Sub sr zero -> i i64 scalar
node - Gather list i -> k f32 scalar
node - Mul x k -> y f32 1x2
output y
END
    wav fast.wav f32 16000 1 1 2 3 4
    wav slow.wav f32 8000 1 1 2 3 4
    try run picky.nn fast.wav slow.wav # the rate is told where the network fails, not where the frame is missing
    equal "$status" 1
    equal "$(wc -l <<< "$stderr")" 2
    matches "$stderr" "fast.wav: input 'sr' got the rate of the sound, 16000 a second; .*: resample the sound, or set sr=NUMBER"
    matches "$stderr" '^nnrun: fast.wav: '
    equal "$(cut -f 1,2,6 <<< "$output")" $'slow.wav\t0.000\t1 2\nslow.wav\t0.000\t3 4'
    sed 's/input x f32 1x2/input x f32 1xN/; s/y f32 1x2/y f32 1xN/' picky.nn > open.nn
    try run open.nn fast.wav
    equal "$(wc -l <<< "$stderr")" 1
    matches "$stderr" 'want --frame'
}

@test "--crop --frame: vectors of another network are rows of frames, whose time goes on" {
    declare_nn pairs.nn <<END
property frame 2
property task embedding,norm=none
input x f32 1x2
node - Identity x -> y f32 1x2
output y
END
    declare_nn rows.nn <<END
property recipe mean=-1
input x f32 1x3x2
input h f32 1x1x2
constant first i64 1 = 0
constant last i64 1 = 3
constant axis i64 1 = 1
node - ReduceMax x axis -> m f32 1x1x2
node - Add m h -> h_out f32 1x1x2
node - Slice x first last axis -> y f32 1x3x2
output y
output h_out
END
    wav a.wav f32 2 1 1 2 3 4 5 6
    wav b.wav f32 2 1 7 8 9 10
    nn run pairs.nn a.wav b.wav > vectors
    equal "$(head -n 1 vectors)" $'a.wav\t0.000\t1 2'
    equal "$(nn run --crop --frame 3:1 rows.nn vectors | cut -f 1,2,6)" "$(printf '%s\t%s\t%s\n' \
        a.wav 0.000 '1 1 1 1 2 3' a.wav 1.000 '1 1 2 3 4 5' a.wav 2.000 '2 3 4 5 6 7' \
        b.wav 0.000 '1 1 1 1 8 9' b.wav 1.000 '1 1 8 9 10 11')"
    equal "$(nn run -J pairs.nn a.wav b.wav | nn run --crop --frame 3:2 rows.nn - | cut -f 1,2,6)" \
        $'a.wav\t1.000\t1 1 2 3 4 5\nb.wav\t1.000\t1 1 8 9 10 11'
    # several rows in a record, and no time
    printf 'p.jpg\t1 2 3 4 5 6\n' > photo
    equal "$(nn run --crop --frame 3 rows.nn photo | cut -f 1,5)" $'p.jpg\t2 3 4 5 6 7'
    try run --crop --frame 4 rows.nn vectors
    failed_with 1 "frames of 4: input 'x' wants 3"
    equal "$(wc -l <<< "$stderr")" 1
    printf 'p.jpg\t1 2 3\nq.jpg\tcat\t0.5\n' > odd
    try run --crop --frame 3 rows.nn odd
    equal "$status" 1
    matches "$stderr" 'line 1: p.jpg: a vector of 3 numbers: want rows of 2'
    matches "$stderr" 'line 2: q.jpg: no vector'
}

@test "sound for a network of photos" {
    classifier
    wav talk.wav i16 8 1 1 2 3 4
    try run net.nn talk.wav
    failed_with 1 "input 'image' is f32 1x3x32x32, which takes no sound"
    try run --state x net.nn talk.wav
    failed_with 2 'want IN=OUT'
}

@test "damaged sound: a message, the rest, exit 1" {
    adder
    wav talk.wav i16 8 1 1 2 3 4
    size=$(stat -c %s talk.wav)
    for n in 0 3 11 20 36 43 $((size - 1)); do
        head -c $n talk.wav > cut.wav
        try run sum.nn cut.wav talk.wav
        equal "$status" 1
        equal "$(cut -f 1 <<< "$output" | grep -c talk.wav)" 1
        matches "$stderr" '^nnrun: cut.wav: '
    done
    printf 'RIFFxxxxWAVEfmt \x10\0\0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\0\0\x10\0data\0\0\0\0' > bad.wav
    try run sum.nn bad.wav
    failed_with 1 'damaged format'
    perl -pe 's/(fmt ....)\x01/$1\x06/s' talk.wav > law.wav
    try run sum.nn law.wav
    failed_with 1 'format 6 of 16 bits'
    wav none.wav i16 8 1
    try run sum.nn none.wav
    succeeded
    equal "$output" ''
}

# frame GREY: a picture of 4x2 pixels, as raw PNM.
frame() { printf 'P5 4 2 255\n%s%s' "$1$1$1$1" "$1$1$1$1"; }

brightest() {
    declare_nn grey.nn <<END
property recipe gray,resize=4x2
input x f32 1x1x2x4
node - ReduceMax x -> z f32 1x1x1x1
node - Squeeze z -> y f32 scalar
output y
END
}

@test "pictures one behind the other, in a pipe or a file, are inputs one after the other" {
    brightest
    { frame a; printf 'P7\nWIDTH 4\nHEIGHT 2\nDEPTH 1\nMAXVAL 255\nENDHDR\nbbbbbbbb'; frame c; } > film.pgm
    equal "$(nn run -q grey.nn - < film.pgm | cut -f 1,5)" $'stdin/000000\t97\nstdin/000001\t98\nstdin/000002\t99'
    equal "$(cat film.pgm | nn run -q grey.nn /dev/stdin | cut -f 1,5 | tail -n 1)" $'/dev/stdin/000002\t99'
    equal "$(nn run -q grey.nn film.pgm | cut -f 1,5 | head -n 1)" $'film.pgm/000000\t97'
    equal "$(nn run -q grey.nn x=film.pgm | cut -f 5 | tr '\n' ' ')" '97 98 99 '
    frame d > one
    equal "$(nn run -q grey.nn one | cut -f 4)" 100
    equal "$(cat one | nn run -q grey.nn /dev/stdin | cut -f 4)" 100
    nn run -q -o out grey.nn film.pgm one
    equal "$(find out -name '*.npy' | sort | tr '\n' ' ')" \
        'out/film.pgm/000000/out_0.npy out/film.pgm/000001/out_0.npy out/film.pgm/000002/out_0.npy out/one/out_0.npy '
    # each is answered as it comes, not when the next one does
    mkfifo pipe
    nn run -q grey.nn - < pipe > answers &
    { frame a; frame b; for _ in $(seq 100); do [ "$(wc -l < answers)" -lt 2 ] || break; sleep 0.1; done; wc -l < answers > seen; } > pipe
    wait
    equal "$(tr -d ' ' < seen)" 2
}

@test "records of a film's pictures: the next network opens the film" {
    brightest
    { frame a; frame b; frame c; } > film.pgm
    nn run -q grey.nn film.pgm | cut -f 1 > records
    equal "$(nn run -q --crop grey.nn records | cut -f 1,5)" $'film.pgm/000000\t97\nfilm.pgm/000001\t98\nfilm.pgm/000002\t99'
    # in any order, and several of one picture
    printf 'film.pgm/%s\tl\t1\t0\t0\t2\t2\n' 000002 000002 000000 000001 > records
    equal "$(nn run -q --crop grey.nn records | cut -f 11 | tr '\n' ' ')" '99 99 97 98 '
    equal "$(nn run -q --crop --group 2 grey.nn records | cut -f 11 | tr '\n' ' ')" '99 99 97 98 '
    mkdir 12
    frame d > 12/7
    frame e > one
    printf '12/7\none\none/000000\n' > records
    equal "$(nn run -q --crop grey.nn records | cut -f 5 | tr '\n' ' ')" '100 101 101 '
    printf 'film.pgm/000003\nfilm.pgm/x\nfilm.pgm/000001\nnone/000000\nstdin/000001\n' > records
    try run -q --crop grey.nn records
    equal "$output" $'film.pgm/000001\ty\tf32\tscalar\t98'
    equal "$status" 1
    matches "$stderr" 'film.pgm/000003: Not a directory'
    matches "$stderr" 'none/000000: No such file'
    matches "$stderr" 'stdin/000001: the pipe is gone: want its pictures in a file'
    # a film that is written anew meanwhile: a mapping of it would end the process
    { for _ in $(seq 200); do frame a; frame b; done; } > film.pgm
    mkfifo pipe
    nn run -q --crop grey.nn - < pipe > answers 2> told &
    {
        echo film.pgm/000300
        for _ in $(seq 100); do [ ! -s answers ] || break; sleep 0.1; done
        frame c > film.pgm
        printf 'film.pgm/000301\nfilm.pgm/000000\n'
    } > pipe
    wait $! || status=$?
    equal "$status" 1
    equal "$(cut -f 1,5 answers | tr '\n' ' ')" $'film.pgm/000300\t97 film.pgm/000000\t99 '
    matches "$(cat told)" 'film.pgm/000301: '
}

@test "pictures that are cut off, and what is no picture, are told" {
    brightest
    { frame a; frame b; } | head -c 30 > cut
    try run -q grey.nn cut
    equal "$output" $'cut/000000\ty\tf32\tscalar\t97'
    failed_with 1 'cut/000001: PNM: truncated: 0 bytes'
    run --separate-stderr sh -c "cat cut | '${NN}run' -q grey.nn -"
    failed_with 1 'stdin/000001: PNM: truncated: 0 bytes'
    { frame a; echo P6 9; } > odd
    try run -q grey.nn odd
    failed_with 1 'odd/000001: no header of PNM or PAM: damaged, cut off, or too large'
    { frame a; echo P5 60000 60000 255; } > odd
    try run -q grey.nn odd
    failed_with 1 'odd/000001: no header of PNM or PAM: damaged, cut off, or too large'
    run --separate-stderr sh -c "cat /dev/null | '${NN}run' -q grey.nn /dev/stdin"
    failed_with 1 '/dev/stdin: is empty'
}
