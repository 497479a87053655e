load helper

# How many pixels of a 96x64 picture have this value of red, or one up to the second.
count_red() {
    declare_nn same.nn <<END
input x f32 1x3x64x96
node - Identity x -> y f32 1x3x64x96
output y
END
    rm -rf pixels
    nn run -q -o pixels same.nn "$1"
    show pixels/out_0.npy | cut -d ' ' -f 6- | tr ' ' '\n' | awk -v low="$2" -v high="${3:-$2}" 'NR <= 6144 { n += $1 >= low && $1 <= high } END { print n }'
}

@test "--draw: the box and its label on the photo" {
    finder
    ppm grey.ppm 96 64 128 128 128
    equal "$(nn run --draw drawn find.nn grey.ppm)" "$(nn run find.nn grey.ppm)"
    equal "$(find drawn -type f)" drawn/grey.png
    red=$(count_red drawn/grey.png 230)
    # the ground of the label and the frame of 48x32
    [ "$red" -gt 250 ] && [ "$red" -lt 1200 ] || fail "$red pixels of the label's colour"
    [ "$(count_red drawn/grey.png 231 255)" -gt 50 ] || fail 'no letters'
    [ "$(count_red drawn/grey.png 128)" -gt 4000 ] || fail 'the photo is gone'
    head -c 8 drawn/grey.png | cmp - <(printf '\x89PNG\r\n\x1a\n')
}

@test "labels that are not Latin are numbered" {
    finder
    ppm grey.ppm 96 64 128 128 128
    printf '#1\n' > number
    printf '\u732b\n' > cat
    nn run -q --draw one -l number find.nn grey.ppm
    nn run -q --draw two -l cat find.nn grey.ppm
    cmp one/grey.png two/grey.png
    printf 'caf\u00e9\n' > latin
    nn run -q --draw three -l latin find.nn grey.ppm
    not cmp -s one/grey.png three/grey.png
}

@test "output folders mirror those of the inputs" {
    finder
    mkdir -p in/a in/b/c
    for f in in/a/x in/b/x in/b/c/x; do ppm $f.ppm 96 64 1 2 3; done
    nn run -q --draw out -o out find.nn in/a/x.ppm in/b/x.ppm in/b/c/x.ppm
    equal "$(cd out && find . -type f | sort | tr '\n' ' ')" './a/x.png ./a/x/out_0.npy ./b/c/x.png ./b/c/x/out_0.npy ./b/x.png ./b/x/out_0.npy '
    nn run -q --expect out find.nn in/a/x.ppm in/b/x.ppm in/b/c/x.ppm
    find "$PWD/in" -name '*.ppm' | nn run -q --draw listed find.nn -
    equal "$(find listed -type f | wc -l)" 3
    [ -f "listed/$PWD/in/b/c/x.png" ]
    (cd in && echo ../in/a/x.ppm | nn run -q --draw up ../find.nn -)
    equal "$(cd in/up && find . -type f)" './__/in/a/x.png'
    try run --draw out2 find.nn in/a/x.ppm in/a/x.ppm
    failed_with 1 'x.ppm: out2/x.png is of an earlier input already'
    try run -o out3 find.nn in/a/x.ppm in/a/x.ppm
    failed_with 1 'x.ppm: out3/x is of an earlier input already'
    equal "${#lines[@]}" 2 # what cannot be written is answered all the same
}

@test "--draw with --crop: all answers of a photo on one picture" {
    finder
    ppm a.ppm 96 64 128 128 128
    ppm b.ppm 96 64 128 128 128
    printf 'a.ppm\tx\t1\t0\t0\t48\t32\na.ppm\tx\t1\t48\t32\t96\t64\nb.ppm\tx\t1\t0\t0\t48\t32\n' > boxes
    nn run -q --draw two -o two --crop find.nn boxes
    equal "$(cd two && find . -type f | sort | tr '\n' ' ')" './a.png ./a/000000/out_0.npy ./a/000001/out_0.npy ./b.png ./b/000000/out_0.npy '
    [ "$(count_red two/a.png 230)" -gt "$(($(count_red two/b.png 230) * 3 / 2))" ] || fail 'the second is not drawn'
}

@test "masks: on the photo, and as a palette whose numbers are labels" {
    declare_nn mask.nn <<END
property recipe resize=8x8
property task mask
input x f32 1x3x8x8
constant half f32 scalar = 0.5
constant weights f32 1x3x1x1 = 0.01 0 0
constant axes i64 1 = 1
node - Mul x weights -> w f32 1x3x8x8
node - ReduceSum w axes -> r f32 1x1x8x8
node - Mul r half -> low f32 1x1x8x8
node - Concat low r -> y f32 1x2x8x8 : axis=1
output y
END
    ppm red.ppm 96 64 200 0 0
    nn run -q --draw out mask.nn red.ppm
    equal "$(cd out && find . -type f | sort | tr '\n' ' ')" './red.mask.png ./red.png '
    # label 1 is blue on all of it
    equal "$(count_red out/red.mask.png 40)" 6144
    # label 0 is painted where its name tells of a thing
    ppm dark.ppm 96 64 0 0 0
    printf 'background\nsky\n' > no
    printf 'wall\nsky\n' > a
    nn run -q --draw none -l no mask.nn dark.ppm
    nn run -q --draw thing -l a mask.nn dark.ppm
    equal "$(count_red none/dark.png 0)" 6144
    [ "$(count_red thing/dark.png 115)" -gt 4000 ] || fail 'no wall'
}

# two_objects FILE NUMBER...: a detector that finds two things in any picture: of each its class, score, and corners.
two_objects() {
    declare_nn "$1" <<END
property recipe resize=8x8
property task detect=ssd
input x f32 1x3x8x8
constant none f32 scalar = 0
constant box f32 1x1x2x6 = ${@:2}
node - ReduceMin x -> m f32 1x1x1x1
node - Mul m none -> z f32 1x1x1x1
node - Add z box -> y f32 1x1x2x6
output y
END
}

@test "tags that are moved into the picture do not lie on each other" {
    two_objects two.nn 0 0.9 0.3 0.5 0.9 0.9 1 0.5 0.95 0.5 1 0.9
    ppm grey.ppm 96 64 128 128 128
    printf 'first\nsecond\n' > names
    equal "$(nn run --draw both -l names two.nn grey.ppm | cut -f 2 | xargs)" 'first second'
    nn run -q -k 1 --draw one -l names two.nn grey.ppm
    hidden=$(($(count_red one/grey.png 230) - $(count_red both/grey.png 230)))
    [ $hidden -lt 60 ] || fail "$hidden pixels of the first are hidden"
}

@test "turned boxes have the names of their labels, or their numbers, as tags" {
    declare_nn turned.nn <<END
property recipe resize=8x8
property task polygons=obb
input x f32 1x3x8x8
constant none f32 scalar = 0
constant box f32 1x7x2 = 2 6 4 4 3 3 2 2 0.9 0.1 0.1 0.8 0.3 1
node - ReduceMin x -> m f32 1x1x1x1
node - Mul m none -> z f32 1x1x1x1
node - Squeeze z -> one f32 scalar
node - Add one box -> y f32 1x7x2
output y
END
    ppm grey.ppm 96 64 128 128 128
    printf '0\n1\n' > numbers
    equal "$(nn run --draw plain turned.nn grey.ppm | cut -f 2)" $'0\n1'
    equal "$(printf 'ship\nplane\n' | nn run --draw ships -l /dev/stdin turned.nn grey.ppm | cut -f 2)" $'ship\nplane'
    not cmp -s plain/grey.png ships/grey.png
    nn run -q --draw named -l numbers turned.nn grey.ppm
    cmp plain/grey.png named/grey.png
}

@test "the tag of a turned box touches it" {
    declare_nn turned.nn <<END
property recipe resize=8x8
property task polygons=obb
input x f32 1x3x8x8
constant none f32 scalar = 0
constant box f32 1x6x1 = 4 4 7 0.5 0.9 -0.7
node - ReduceMin x -> m f32 1x1x1x1
node - Mul m none -> z f32 1x1x1x1
node - Squeeze z -> one f32 scalar
node - Add one box -> y f32 1x6x1
output y
END
    ppm grey.ppm 96 64 128 128 128
    nn run -q --draw drawn turned.nn grey.ppm
    count_red drawn/grey.png 128
    # the corner of the picture above it
    show pixels/out_0.npy | cut -d ' ' -f 6- | tr ' ' '\n' |
        awk 'NR <= 96 * 12 && (NR - 1) % 96 < 48 && $1 != 128 { n++ } END { print n + 0; exit n > 0 }'
}

@test "a tag goes below its object where it would cover the one above" {
    two_objects stack.nn 0 0.9 0.4 0.2 0.6 0.4 1 0.5 0.4 0.41 0.6 0.7
    ppm grey.ppm 96 64 128 128 128
    nn run -q --draw both stack.nn grey.ppm
    nn run -q -k 1 --draw one stack.nn grey.ppm
    hidden=$(($(count_red one/grey.png 230) - $(count_red both/grey.png 230)))
    [ $hidden -lt 20 ] || fail "$hidden pixels of the upper one are hidden"
}

@test "a tag without a place of its own is left out, so that it hides no better one" {
    boxes=$(for i in 0 1 2 3 4 5 6 7; do printf ' %s 0.%s 0.1 0.5 0.9 0.9' $i $((9 - i)); done)
    declare_nn many.nn <<END
property recipe resize=8x8
property task detect=ssd,score=0.1
input x f32 1x3x8x8
constant none f32 scalar = 0
constant box f32 1x1x8x6 =$boxes
node - ReduceMin x -> m f32 1x1x1x1
node - Mul m none -> z f32 1x1x1x1
node - Add z box -> y f32 1x1x8x6
output y
END
    ppm grey.ppm 96 64 128 128 128
    equal "$(nn run --draw all many.nn grey.ppm | wc -l)" 8
    nn run -q -k 1 --draw one many.nn grey.ppm
    hidden=$(($(count_red one/grey.png 230) - $(count_red all/grey.png 230)))
    [ $hidden -lt 60 ] || fail "$hidden pixels of the best are hidden"
}

@test "many points on a small part leave it visible" {
    ppm grey.ppm 96 64 128 128 128
    declare_nn points.nn <<END
property recipe resize=8x8
property task points
input x f32 1x3x8x8
constant none f32 scalar = 0
constant at f32 1x1x1x80 =$(for i in {0..39}; do printf ' 0.%d 0.%d' $((20 + i % 7 * 2)) $((20 + i / 7 * 2)); done)
node - ReduceMin x -> m f32 1x1x1x1
node - Mul m none -> z f32 1x1x1x1
node - Add z at -> y f32 1x1x1x80
output y
END
    nn run -q --draw drawn points.nn grey.ppm
    plain=$(count_red drawn/grey.png 128)
    [ "$plain" -gt 6000 ] && [ "$plain" -lt 6144 ] || fail "$plain of 6144 pixels as they were"
}
