load helper

programs='convert optimize quantize run bench inspect'

@test "-h: a page with usage, options and an example, exit 0" {
    for p in $programs; do
        try $p -h
        succeeded
        equal "$stderr" ""
        matches "$output" "^usage: [a-z]*$p "
        matches "$output" $'\nexample: '
        equal "$(nn $p --help)" "$output"
    done
}

@test "one file is all programs: by a link's name, or by its first operand" {
    one=$(readlink -f "$NN"run)
    for p in $programs; do
        equal "$("$one" $p -h)" "$(nn $p -h)"
        ln -s "$one" $p
        equal "$(./$p -h)" "$(nn $p -h)"
    done
    ln -s "$one" other
    for arguments in '' nonsense -h; do
        run --separate-stderr ./other $arguments
        equal "$status" 2
        matches "$stderr" '^usage: .* convert, .* inspect; '
    done
}

@test "-h works without a usable NN_ISA" {
    NN_ISA=nonsense try run -h
    succeeded
}

@test "-V: version, level, levels" {
    for p in $programs; do
        try $p -V
        succeeded
        matches "${lines[0]}" "^[a-z]*$p [0-9]+\.[0-9]+\.[0-9]+$"
        matches "${lines[1]}" '^level: [a-z0-9_]+$'
        matches "${lines[2]}" '^levels: [a-z0-9_ ]*generic'
        equal "$(nn $p --version)" "$output"
    done
}

@test "unknown options, missing values, too many operands: exit 2, one line" {
    for p in $programs; do
        try $p -Z
        failed_with 2 "^[a-z]*$p: option '-Z'"
        try $p --nonsense
        failed_with 2 "^[a-z]*$p: option '--nonsense'"
        try $p -f
        failed_with 2 "option '-f'"
        try $p --from
        failed_with 2 "option '--from'"
        try $p --quiet=yes "$TINY/mlp.onnx"
        failed_with 2 "option '--quiet'"
        try $p -f nonsense "$TINY/mlp.onnx"
        failed_with 2 "'nonsense'"
    done
    for p in convert optimize quantize inspect; do
        try $p "$TINY/mlp.onnx" "$TINY/mlp.onnx"
        failed_with 2 "^[a-z]*$p: "
    done
    for p in convert optimize quantize; do
        try $p -t nonsense "$TINY/mlp.onnx"
        failed_with 2 "'nonsense'"
    done
}

@test "wrong usage exits 2: recipes, tasks, opsets" {
    for p in convert run; do
        try $p -p colour=red "$TINY/conv.onnx"
        failed_with 2 'colour=red'
        try $p -T dream "$TINY/conv.onnx"
        failed_with 2 'dream'
        try $p -T '' "$TINY/conv.onnx"
        failed_with 2 "task '': unknown: want classify"
    done
    try convert --opset 99 -t onnx "$TINY/conv.onnx"
    failed_with 2 'opset=99: want a number from 7 to 28'
    try convert -p gray -o out.nn "$TINY/conv.onnx"
    equal "$status" 1
}

@test "a task that is not known: those of its kind, or the kinds" {
    try run -T polygons=x net.nn x.npy
    failed_with 2 'task polygons=x: unknown: want polygons=db, polygons=east, polygons=craft, polygons=obb$'
    try run -T dog net.nn x.npy
    failed_with 2 'unknown: want classify, detect, points, polygons=..., mask, .*, picture$'
}

@test "an input that the model does not have: the names of those that it has" {
    npy x.npy f32 1x3x32x32
    try run "$TINY/conv.onnx" picture=x.npy
    failed_with 1 "picture=x.npy: no input 'picture': want one of 'image'"
    try bench -i picture=x.npy "$TINY/conv.onnx"
    failed_with 1 "no such input: want one of 'image'"
    try bench -s picture=1 "$TINY/conv.onnx"
    failed_with 1 "no input 'picture', nor an open size of that name: want one of 'image'"
    cp x.npy a=b.npy
    nn run "$TINY/conv.onnx" a=b.npy | grep -q '^scores'
}

@test "a photo where none is taken, and one without a recipe" {
    ppm photo.ppm 8 8 10 20 30
    try run "$TINY/mlp.onnx" photo.ppm
    failed_with 1 "photo.ppm: input 'x' is f32 1x24, which takes no photo: want a .npy file, or sound \\(\\.wav\\)"
    try run "$TINY/conv.onnx" photo.ppm photo.ppm
    succeeded
    equal "$(printf '%s\n' "$stderr" | wc -l)" 2
    matches "$stderr" 'photo.ppm: the model has no task: its outputs are taken for those of classify; -T sets another'
    matches "$stderr" 'photo.ppm: the model has no recipe: photos are scaled to 32x32, values 0 to 255, in layout nchw'
    matches "$stderr" 'answers are wrong if it was trained on others'
    equal "$(nn run -q "$TINY/conv.onnx" photo.ppm 2>&1 | wc -l)" 5
}

@test "a folder: how its files are given" {
    mkdir photos
    ppm photos/a.ppm 8 8 10 20 30
    try run "$TINY/conv.onnx" photos photos/a.ppm
    equal "$status" 1
    matches "$stderr" '^nnrun: photos: is a folder: want its files, as by find photos -type f | nnrun MODEL -$'
    equal "$(cut -f 1 <<< "$output" | uniq)" photos/a.ppm # the rest goes on
    find photos -type f | nn run -q "$TINY/conv.onnx" - | grep -q '^photos/a.ppm'
}

@test "a network whose outputs tell what it is: its task, and how such a one usually takes photos" {
    ppm photo.ppm 12 10 0 0 0
    ppm photo8.ppm 8 8 0 0 0
    declare_nn yolo.nn << 'END'
input x f32 1x3x8x8
constant s i64 3 = 1 64 3
node - Reshape x s -> y f32 1x64x3
output y
END
    try run yolo.nn photo.ppm
    matches "$stderr" 'outputs are taken for those of detect=yolov8; -T sets another'
    matches "$stderr" 'usually prepared by -p opencv,letterbox=8x8,rgb,std=255'
    sed "s,1x3x8x8,1x3xHxW," yolo.nn > open.nn
    try run open.nn photo8.ppm
    matches "$stderr" "usually prepared by -p opencv,letterbox=WxH,rgb,std=255"
    try run -p opencv,letterbox=8x8,rgb,std=255 yolo.nn photo.ppm
    succeeded
    [[ "$stderr" != *usually* ]]
}

@test "labels that are too few or too many for a classifier fail where they are given" {
    printf 'a\nb\n' > two.txt
    try convert -T classify -l two.txt -o out.nn "$TINY/conv.onnx"
    equal "$status" 1
    matches "$stderr" '2 labels.*5'
    [ ! -e out.nn ]
    : > none.txt
    try convert -l none.txt -o out.nn "$TINY/conv.onnx"
    failed_with 1 '-l none.txt: is empty: want the names of the classes, one a line'
    nn convert -l two.txt -o two.nn "$TINY/conv.onnx"
    try run -T classify two.nn x.npy
    equal "$status" 1
    matches "$stderr" '2 labels'
}

@test "labels that are too few or too many for a detector, or for what the outputs are taken for" {
    ppm photo.ppm 8 8 10 20 30
    printf 'a\nb\nc\n' > three.txt
    declare_nn yolo.nn << 'END'
input x f32 1x3x8x8
constant s i64 3 = 1 6 32
node - Reshape x s -> y f32 1x6x32
output y
END
    try run -q -l three.txt -T detect=yolov8 yolo.nn photo.ppm
    failed_with 1 '3 labels for an output of 2 classes'
    for task in yolov8 yolo; do
        try convert -T detect=$task -l three.txt -o out.nn yolo.nn
        failed_with 1 '-l three.txt: 3 labels for an output of 2 classes'
    done
    printf 'a\nb\n' > two.txt
    nn convert -T detect=yolov8 -l two.txt -o out.nn yolo.nn
    try run -q -l three.txt "$TINY/conv.onnx" photo.ppm
    failed_with 1 '3 labels for an output of 5 classes: want as many labels as classes$'
    printf 'nothing\n1\n2\n3\n4\n5\n' > six.txt
    try run -q -l six.txt -T classify "$TINY/conv.onnx" photo.ppm
    failed_with 1 'want as many labels as classes; one of them may begin with a background$'
    try run -q "$TINY/conv.onnx" photo.ppm
    succeeded
}

@test "characters that are too few or too many fail where they are given, and the option is named" {
    try convert -T ctc -l labels.txt -o out.nn "$TINY/conv.onnx"
    failed_with 1 '^nnconvert: -l labels.txt: 5 labels for 5 classes: want 4, or 3 and a space$'
    [ ! -e out.nn ]
    ppm photo.ppm 8 8 10 20 30
    declare_nn unnamed.nn <<'END'
input x f32 1x3x8x8
constant s i64 3 = 1 64 3
node - Reshape x s -> y f32 1x64x3
output y
END
    try run -q -T ctc unnamed.nn photo.ppm
    failed_with 1 'task ctc: 0 labels for 3 classes: want 2, or 1 and a space, by -l FILE$'
    head -n 4 labels.txt > four.txt
    nn convert -T ctc -l four.txt -o out.nn "$TINY/conv.onnx"
    nn convert -T steps -l four.txt -o out.nn "$TINY/conv.onnx"
    head -n 2 labels.txt > two.txt
    nn convert -T steps,blank=last -l two.txt -o out.nn "$TINY/conv.onnx"
    try convert -T steps -l labels.txt -o other.nn "$TINY/conv.onnx"
    failed_with 1 '^nnconvert: -l labels.txt: 5 labels for 5 classes'
    nn convert -T steps,blank=none -l labels.txt -o out.nn "$TINY/conv.onnx"
    try run -p resize=16x16 "$TINY/conv.onnx" x.npy
    failed_with 1 '^nnrun: -p resize=16x16: recipe: gives 16x16 pixels, the input wants 32x32$'
}

@test "a file without a name, and standard input a second time, are said as such" {
    try inspect ''
    failed_with 1 "^nninspect: '': No such file or directory$"
    try inspect -d - - < <(cat "$TINY/conv.onnx")
    failed_with 1 '^nninspect: standard input: nothing is left of it for a second file$'
    try inspect - < /dev/null
    failed_with 1 '^nninspect: standard input: is empty, want a model$'
}

@test "a message is one line, whatever a file is called" {
    try run "$TINY/conv.onnx" $'no\nsuch\e[1mfile'
    failed_with 1 '^nnrun: no\?such\?\[1mfile: No such file or directory$'
}

@test "empty files, and files where folders are wanted" {
    : > empty.jpg
    classifier
    ppm x.ppm 9 9 9 9 9
    try run net.nn empty.jpg
    failed_with 1 '^nnrun: empty.jpg: is empty: want JPEG'
    try run -p @empty.jpg net.nn x.ppm
    failed_with 2 '^nnrun: -p @empty.jpg: is empty: want settings'
    try run -o labels.txt net.nn x.ppm
    failed_with 1 '^nnrun: labels.txt: is a file, want a folder'
}

@test "devices as outputs need no suffix" {
    for p in convert optimize quantize; do
        nn $p -q -o /dev/null "$TINY/conv.onnx"
    done
}

@test "NN_ISA that this processor lacks, or that nobody knows: exit 2" {
    for p in $programs; do
        NN_ISA=nonsense try $p "$TINY/mlp.onnx"
        failed_with 2 "nonsense.*generic"
        NN_ISA=neon_dot try $p "$TINY/mlp.onnx"
        [ "$(uname -m)" != x86_64 ] || equal "$status" 2
    done
    NN_ISA= nn inspect "$TINY/mlp.onnx" > /dev/null
}

@test "a file that is not there, or may not be read: program: file: what" {
    for p in $programs; do
        try $p nowhere.onnx x.npy
        [ $p = run ] || [ $p = bench ] || try $p nowhere.onnx
        equal "$status" 1
        matches "${stderr%%$'\n'*}" "^[a-z]*$p: nowhere.onnx: No such file or directory$"
    done
}

@test "a damaged model: file, where, what" {
    head -c 1000 "$TINY/conv.onnx" > cut.onnx
    try inspect cut.onnx
    failed_with 1 '^nninspect: cut.onnx: '
    nn convert -o net.nn "$TINY/conv.onnx"
    head -c 1000 net.nn > cut.nn
    try inspect cut.nn
    failed_with 1 '^nninspect: cut.nn: .*cut short'
    sed 's/pads=\[1,1,1,1\] strides/pads=[1,1,1] strides/' net.nn > odd.nn
    try run odd.nn labels.txt
    [ "$status" -ne 0 ] && matches "$stderr" '^nnrun: odd.nn: '
    declare_nn pads.nn <<END
input x f32 1x1x4x4
constant w f32 1x1x1x1 = 1
node conv1 Conv x w -> y f32 * : pads=[1,1,1]
output y
END
    try optimize pads.nn
    equal "$status" 1
    matches "$stderr" "^nnoptimize: pads.nn: .*conv1.*pads.*3 values, want 4"
}

@test "control characters of a hostile model do not reach the terminal" {
    declare_nn evil.nn <<END
input x f32 3
node %1B[2J%0Aevil Conv x -> y f32 3
output y
END
    npy x.npy f32 3
    try run evil.nn x.npy
    failed_with 1 'evil'
    printf '%s' "$stderr" | not grep -q $'\x1b'
    declare_nn named.nn <<END
input x%1B[31m f32 3
node n%1B]0;x%07 Relu x%1B[31m -> y%C2%9B2J f32 3
output y%C2%9B2J
END
    for how in "" --json --dot --svg; do
        try inspect $how named.nn
        equal "$status" 0
        printf '%s' "$output" | LC_ALL=C not grep -q $'[\x01-\x09\x0b-\x1f\x7f]\|\xc2[\x80-\x9f]'
    done
}

@test "a text that goes on in a hole of the file is refused, not read" {
    local models="$TINY/.."
    cp "$models"/darknet/yolo.{cfg,weights} "$models"/ncnn/cnn.{param,bin} .
    truncate -s 3G yolo.cfg cnn.param
    try inspect yolo.cfg
    failed_with 1 'want at most 16777216'
    try inspect cnn.param
    failed_with 1 'line'
}

@test "a model is never written to a terminal" {
    need_terminal
    for p in convert optimize quantize; do
        run terminal "'$NN$p' '$TINY/mlp.onnx'" < /dev/null
        equal "$status" 2
        matches "$output" 'terminal'
        printf '%s' "$output" | not grep -q 'nn 1'
    done
    terminal "'${NN}convert' -o net.nn '$TINY/mlp.onnx'" < /dev/null
    nn inspect net.nn > /dev/null
    terminal "'${NN}inspect' net.nn" < /dev/null | grep -q '^nn 1'
}

@test "no model and a terminal on standard input: wrong usage, not a hang" {
    need_terminal
    for p in convert optimize quantize inspect; do
        run terminal "'$NN$p'"
        equal "$status" 2
    done
}

@test "a full disk: exit 1" {
    [ -c /dev/full ] || skip "no /dev/full"
    npy x.npy f32 1x24
    for command in "convert $TINY/mlp.onnx" "optimize $TINY/mlp.onnx" "quantize -q $TINY/mlp.onnx" "inspect $TINY/mlp.onnx" \
        "run $TINY/mlp.onnx x.npy" "bench -q -n 2 $TINY/mlp.onnx" "convert --list" "run -h" "run -V"; do
        run --separate-stderr bash -c "\"\$NN\"$command > /dev/full"
        failed_with 1 'No space left on device'
    done
}

@test "standard output that is closed: exit 1" {
    npy x.npy f32 1x24
    for command in "convert $TINY/mlp.onnx" "inspect $TINY/mlp.onnx" "run $TINY/mlp.onnx x.npy" "convert --list"; do
        run --separate-stderr bash -c "\"\$NN\"$command >&-"
        failed_with 1 'Bad file descriptor'
    done
}

@test "standard input or error that is closed does no harm" {
    npy x.npy f32 1x24
    nn run "$TINY/mlp.onnx" x.npy > want.txt
    nn run "$TINY/mlp.onnx" x.npy <&- | cmp - want.txt
    nn run "$TINY/mlp.onnx" x.npy 2>&- | cmp - want.txt
    nn convert -o net.nn "$TINY/unknown.onnx" 2>&- <&-
    cmp net.nn <(nn convert -q "$TINY/unknown.onnx")
}

@test "a limit on file sizes: an error, and no file" {
    run --separate-stderr bash -c 'ulimit -f 1; trap "" XFSZ; exec "$NN"convert -o out.nn "$0"' "$TINY/mlp.onnx"
    equal "$status" 1
    matches "$stderr" 'out.nn: File too large'
    equal "$(ls -A | grep -v separate-stderr | tr '\n' ' ')" 'labels.txt '
    run bash -c 'ulimit -f 1; exec "$NN"convert -o out.nn "$0"' "$TINY/mlp.onnx"
    [ "$status" -ne 0 ]
    equal "$(ls -A | grep -v separate-stderr | tr '\n' ' ')" 'labels.txt '
}

@test "a folder that cannot be written to, or is not there" {
    try convert -o nowhere/out.nn "$TINY/mlp.onnx"
    failed_with 1 '^nnconvert: nowhere/out.nn: .*No such file or directory'
    mkdir folder
    try convert -o folder "$TINY/mlp.onnx"
    failed_with 2 '^nnconvert: folder: its suffix names no format'
    mkdir folder.nn
    try convert -o folder.nn "$TINY/mlp.onnx"
    failed_with 1 '^nnconvert: folder.nn: .*directory'
    equal "$(ls -A folder folder.nn)" "$(printf 'folder:\n\nfolder.nn:')"
    echo old > old.nn
    try convert -o old.nn nowhere.onnx
    equal "$(cat old.nn)" old
}

@test "ended by a signal while writing: the old file, nothing else" {
    # A pipe as the model keeps the program waiting; a large constant keeps it writing.
    {
        echo 'input x f32 1'
        seq 60000 | sed 's/.*/node a_rather_long_name_for_a_node_number_& Relu x -> y& f32 1/'
        echo 'output y1'
    } | declare_nn large.nn
    echo old > out.nn
    for delay in 0 0.02 0.05 0.1 0.2 0.3; do
        "$NN"optimize -p fold-scale -o out.nn large.nn &
        sleep $delay
        kill -TERM $! 2> /dev/null || true
        wait $! || true
        equal "$(ls -A | tr '\n' ' ')" 'labels.txt large.nn out.nn '
        [ "$(cat out.nn | head -n 1)" = old ] || { nn inspect out.nn > /dev/null && echo old > out.nn; }
    done
}

@test "links as outputs keep being links" {
    nn convert -o real.nn "$TINY/mlp.onnx"
    ln -s real.nn link.nn
    nn convert -o link.nn "$TINY/conv.onnx"
    [ -L link.nn ]
    cmp real.nn <(nn convert "$TINY/conv.onnx")
}

@test "special files as outputs are written to, not replaced" {
    nn convert -o /dev/stdout "$TINY/mlp.onnx" > a.nn
    cmp a.nn <(nn convert "$TINY/mlp.onnx")
    mkfifo pipe
    cat pipe > b.nn &
    nn convert -t nn -o pipe "$TINY/mlp.onnx"
    wait $!
    cmp a.nn b.nn
    [ -p pipe ]
}

@test "a new file's mode follows the umask" {
    (umask 027 && nn convert -o net.nn "$TINY/mlp.onnx")
    equal "$(stat -c %a net.nn)" 640
}

@test "an absurd request is refused, not tried" {
    declare_nn huge.nn <<END
constant s i64 1 = 1000000000000
node - ConstantOfShape s -> y f32 *
output y
END
    try run huge.nn
    failed_with 1 '^nnrun: huge.nn: |^nnrun: '
}

@test "make names the packages that are missing, the compiler too" {
    run make -C "$BATS_TEST_DIRNAME/../.." BUILD="$PWD/b" CC=/nowhere/gcc "$PWD/b/gen/needs"
    equal "$status" 2
    matches "$output" "packages are missing: gcc libc6-dev zlib1g-dev libstb-dev; 'make deps' installs them"
}
