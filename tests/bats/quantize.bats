load helper

# Three convolutions, and photos that differ: conv.nn, photos/.
calibratable() {
    classifier
    mkdir -p photos
    ppm photos/red.ppm 40 30 255 0 0
    ppm photos/blue.ppm 20 30 0 0 255
    ppm photos/grey.ppm 32 32 90 130 110
}

@test "-c: a network of 8-bit integers, near the same answer, that is ordinary ONNX" {
    calibratable
    nn run -o want net.nn photos/grey.ppm > /dev/null
    for type in u8 s8; do
        for range in mse minmax percentile entropy; do
            try quantize -c photos -a $type -m $range -o net8.onnx net.nn
            succeeded
            matches "$stderr" 'by 3 samples, 0 of them left in float32'
            nn inspect net8.onnx | grep -q QuantizeLinear
            nn convert -p resize=32x32,rgb,mean=127,std=128 -T classify -o net8.nn net8.onnx
            nn run --expect want --rtol 0.1 net8.nn photos/grey.ppm > /dev/null
        done
    done
    nn quantize -q -c photos net.nn > 1.nn
    nn quantize -q -j 1 -c photos < net.nn > 2.nn
    cmp 1.nn 2.nn
    { printf 'P6 1 1 255\naaa'; printf 'P6 1 1 255\n~!~'; } > film.ppm
    try quantize -c film.ppm -o film.nn net.nn
    matches "$stderr" 'by 2 samples'
    mkfifo pipe # which is opened once: its writer is not cut off
    { ppm pipe 40 30 255 0 0 && touch wrote; } &
    timeout 20 "${NN}quantize" -q -c pipe -o film.nn net.nn
    wait
    [ -e wrote ]
    echo P6 9 >> film.ppm
    try quantize -c film.ppm -o film.nn net.nn
    equal "$status" 1
    matches "$stderr" 'film.ppm: no header of PNM or PAM: damaged, cut off, or too large'
}

@test "-c: what nnoptimize has fused is quantised as the network it was" {
    calibratable
    nn optimize -o fused.nn net.nn
    nn inspect fused.nn | grep -q ' nn\.Conv '
    for n in net fused; do
        nn quantize -q -c photos -r $n.tsv -o ${n}8.onnx $n.nn
        nn inspect --summary ${n}8.onnx | grep ^op > $n.ops
    done
    cmp net.ops fused.ops
    equal "$(wc -l < fused.tsv)" "$(wc -l < net.tsv)"
}

@test "-c: the bias of a MatMul is corrected as that of a Gemm" {
    for n in Gemm:x:w:b:-\>:y MatMul:x:w:-\>:p; do
        { echo 'input x f32 Nx8'
          echo 'constant w f32 8x3 = .31 .12 -.77 .43 .9 -.35 .64 .23 -.58 .41 .07 .86 -.19 .53 .29 -.66 .71 -.05 .37 .48 -.92 .15 .61 -.27'
          echo 'constant b f32 3 = .1 -.2 .3'
          echo "node - ${n//:/ } f32 Nx3"
          [ "${n%%:*}" = Gemm ] || echo 'node - Add p b -> y f32 Nx3'
          echo 'output y'; } | declare_nn net.nn
        npy rows.npy f32 4x8 $(seq 1 .37 12.5)
        nn quantize -m minmax -c rows.npy -o net8.nn net.nn 2>&1 | grep 'signal-to-noise' > "${n%%:*}.told"
    done
    cmp Gemm.told MatMul.told
}

@test "-c: the bias of a normalised sum is that of the MatMul before it" {
    for n in 'Add p b -> q f32 Nx3;q s g' 'Neg b -> unused f32 3;p s g - b'; do
        { echo 'input x f32 Nx8'
          echo 'constant w f32 8x3 = .31 .12 -.77 .43 .9 -.35 .64 .23 -.58 .41 .07 .86 -.19 .53 .29 -.66 .71 -.05 .37 .48 -.92 .15 .61 -.27'
          echo 'constant b f32 3 = .1 -.2 .3'
          echo 'constant v f32 8x3 = .3 .1 -.7 .4 .9 -.3 .6 .2 -.5 .4 .7 .8 -.1 .5 .2 -.6 .7 -.5 .3 .4 -.9 .1 .6 -.2'
          echo 'constant g f32 3 = 1 1 1'
          echo 'node - MatMul x w -> p f32 Nx3'
          echo 'node - MatMul x v -> s f32 Nx3'
          echo "node - ${n%;*}"
          echo "node - com.microsoft.SkipLayerNormalization ${n#*;} -> y f32 Nx3"
          echo 'output y'; } | declare_nn net.nn
        npy rows.npy f32 4x8 $(seq 1 .37 12.5)
        nn quantize -m minmax -c rows.npy -o net8.nn net.nn 2>&1 | grep 'signal-to-noise' > "${n%% *}.told"
    done
    cmp Add.told Neg.told
}

@test "-c: of the ways to choose ranges, what proves best on samples held back" {
    declare_nn net.nn <<END
input x f32 1x1x64x64
constant w f32 2x1x1x1 = 0.5 1e-12
constant b f32 2 = 0 7
constant low f32 scalar = -1
constant high f32 scalar = 1
node - Conv x w b -> a f32 1x2x64x64
node - Clip a low high -> y f32 1x2x64x64
output y
END
    npy rows.npy f32 8x1x64x64
    npy far.npy f32 1x1x64x64 1000 $(seq -1 0.0005 1) # what is far out, clipped in the end, is worth no steps
    try quantize -c far.npy -c rows.npy -o best.nn net.nn
    succeeded
    matches "$stderr" "ranges by 'mse': -?[0-9.]+ dB on samples held back"$'\n'
    matches "$stderr" "ranges by 'percentile': [0-9.]+ dB on samples held back, chosen"
    try quantize -c far.npy -c rows.npy -m percentile -o same.nn net.nn
    cmp best.nn same.nn
    not grep -q 'held back' <<< "$stderr"
    nn quantize -q -j 1 -c far.npy -c rows.npy net.nn | cmp - best.nn
    NN_ISA=generic nn quantize -q -c far.npy -c rows.npy net.nn | cmp - best.nn

    nn quantize -c rows.npy -o best.nn net.nn 2> told # as good: the first, of which the others leave no trace
    grep -q "'mse'.*chosen" told
    nn quantize -q -m mse -c rows.npy net.nn | cmp - best.nn
    npy few.npy f32 7x1x64x64
    nn quantize -c few.npy -o few.nn net.nn 2> told
    not grep -q 'held back' told
    nn quantize -q -m mse -c few.npy net.nn | cmp - few.nn
}

@test "-c: how much is lost, and what to do about it" {
    declare_nn near.nn <<END
input x f32 1x8
constant w f32 8x3 = 1 1 0 -1 -1 0 .5 .501 0 .25 .25 0 -.5 -.5 0 .9 .9 0 -.3 -.3 0 .7 .7 0
node - MatMul x w -> y f32 1x3
output y
END
    npy rows.npy f32 40x8
    nn quantize -c rows.npy -o near8.nn near.nn 2> told
    grep -qE "'y': signal-to-noise ratio [3-6][0-9]\.[0-9] dB, another class first in [0-9]+ % of the samples$" told
    declare_nn far.nn <<END
input x f32 1x8
constant w f32 8x2 = 1e-4 1e-4 1 0 -1 .3 1 1 -1 .5 1 0 -1 0 1 .2
node - MatMul x w -> y f32 1x2
output y
END
    npy far.npy f32 1x8 1000 1 1 1 1 1 1 1 # so that a step is far more than what the others are
    nn quantize -m minmax -c rows.npy -c far.npy -o far8.nn far.nn 2> told
    grep -qE 'dB.*, which is poor: --max-loss [0-9.]+ leaves layers in float32$' told
    loss=$(sed -n 's/.*--max-loss \([0-9.]*\).*/\1/p' told)
    nn quantize -m minmax --max-loss "$loss" -c rows.npy -c far.npy -o far8.nn far.nn 2> told
    not grep -q poor told
}

@test "-c: what stays in float, by name, operator or loss" {
    calibratable
    nn quantize -q -c photos -o all.nn net.nn
    all=$(nn inspect all.nn | grep -c QuantizeLinear)
    nn quantize -q -c photos -k Conv -o some.nn net.nn
    [ "$(nn inspect some.nn | grep -c QuantizeLinear)" -lt "$all" ]
    nn quantize -c photos -r report.tsv -o all.nn net.nn 2> before
    nn quantize -c photos -k Conv -r kept.tsv -o some.nn net.nn 2> told
    equal "$(cut -f 1,2,8 kept.tsv)" "$(cut -f 1,2,8 report.tsv)" # a layer that is kept has its line, too
    not grep -P '\tConv\t(?!float)' kept.tsv
    equal "$(grep -P '\tfloat\t' kept.tsv | cut -f 5,6 | sort -u)" "nan	nan" # and no range
    nn quantize -c photos/red.ppm -o one.nn net.nn 2> one
    grep -q ' layers by 1 sample, 0 of them' one
    grep -q ' 0 of them left' before
    not grep -q ' 0 of them left' told
    try quantize -c photos --max-loss 0.00001 -o none.nn net.nn
    succeeded
    matches "$stderr" 'output .*ratio inf dB'
    try quantize -c photos --max-loss 100 -o lax.nn net.nn
    succeeded
    cmp all.nn lax.nn
    try quantize -k Conv net.nn
    failed_with 2 'want data'
    try quantize -c photos -m guess net.nn
    failed_with 2 'guess'
    try quantize -c photos -a u4 net.nn
    failed_with 2 'want u8 or s8'
    try quantize -c photos --max-loss 0 net.nn
    failed_with 2 'above 0'
}

@test "-c -e: weights rounded by what layers give" {
    calibratable
    nn run -o want net.nn photos/grey.ppm > /dev/null
    nn quantize -q -c photos -m entropy -o plain.nn net.nn
    try quantize -c photos -m entropy -e 1 -o adapted.nn net.nn
    succeeded
    not cmp -s plain.nn adapted.nn
    nn run --expect want --rtol 0.1 adapted.nn photos/grey.ppm > /dev/null
    nn quantize -q -j 1 -c photos -m entropy -e 1 net.nn | cmp - adapted.nn
    nn quantize -q -c photos -o plain.nn net.nn # where it is not nearer, it is left
    nn quantize -q -c photos -e 3 net.nn | cmp - plain.nn
    try quantize -c photos -e 17 net.nn
    failed_with 2 '17'
}

@test "-c -e: of many samples, what is not rounded anew is as without" {
    declare_nn up.nn <<END
property recipe resize=8x8
input x f32 1x3x8x8
constant w f32 3x2x2x2 = .31 .12 -.77 .43 .9 -.35 .64 .23 -.58 .41 .07 .86 -.19 .53 .29 -.66 .71 -.05 .37 .48 -.92 .15 .61 -.27
constant b f32 2 = .1 -.2
node up ConvTranspose x w b -> y f32 1x2x16x16 : strides=[2,2]
output y
END
    mkdir photos
    for i in {10..29}; do ppm photos/$i.ppm 8 8 $((i * 8)) $((300 - i * 9)) $((i * 77 % 256)); done
    nn quantize -q -c photos -o plain.nn up.nn
    nn quantize -q -c photos -e 4 up.nn | cmp - plain.nn
}

@test "-c -r: a line a layer" {
    calibratable
    nn quantize -q -c photos -r report.tsv -o net8.nn net.nn
    matches "$(head -n 1 report.tsv)" $'\tConv\tu8\t[0-9.]+\t[-0-9.e]+\t[0-9.e]+\t[0-9.e-]+\t[0-9]+\t[0-9]+\t'
    matches "$(tail -n 1 report.tsv)" $'\toutput\tf32\t'
    nn quantize -q -J -c photos -r report.json -o net8.nn net.nn
    jq -es '.[0].operator == "Conv" and .[0].snr > 20 and .[-1].operator == "output"' report.json
}

@test "-c: biases make up for what rounding the operand moves" {
    declare_nn sum.nn <<END
input x f32 1x8
constant w f32 8x2 = 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1
constant b f32 2 = 1 2
node g Gemm x w b -> y f32 1x2
output y
END
    npy row.npy f32 1x8 1000 1.5 1.5 1.5 1.5 1.5 1.5 1.5 # a step is more than twice what seven are
    try quantize -m minmax -c row.npy -o sum8.nn sum.nn
    succeeded
    matches "$stderr" "output 'y': signal-to-noise ratio [6-9]"
}

@test "-c: results that are no numbers are not taken for right ones" {
    eye=$(for i in {0..63}; do printf ' %s' $((i % 9 == 0)); done)
    declare_nn log.nn <<END
input x f32 1x8
constant w f32 8x8 =$eye
node m MatMul x w -> y f32 1x8
node r Relu y -> z f32 1x8
node l Log z -> t f32 1x8
output t
END
    npy rows.npy f32 1x8 1000 1.5 1.5 1.5 1.5 1.5 1.5 1.5 # seven become 0, the Log of which is no number
    try quantize -m minmax -c rows.npy -o log8.nn log.nn
    succeeded
    matches "$stderr" "output 't': signal-to-noise ratio 16"
    npy none.npy f32 1x8 nan nan nan nan nan nan nan nan
    try quantize -m minmax -c none.npy -o log8.nn log.nn
    succeeded
    matches "$stderr" "output 't': signal-to-noise ratio nan dB"
}

@test "-c: where nothing can be written is told before the work" {
    calibratable
    try quantize -c nowhere -o no/q.nn net.nn
    failed_with 1 'no/: cannot be written to'
    try quantize -c nowhere -r no/report -o q.nn net.nn
    failed_with 1 'no/: cannot be written to'
}

@test "-c --keep: a name that is neither a layer nor an operator" {
    classifier
    ppm x.ppm 9 9 9 9 9
    try quantize --keep Softmax --keep nowhere -c x.ppm -o q.nn net.nn
    failed_with 1 "no layer 'nowhere'"
    [ ! -e q.nn ]
}

@test "-c: a bad file among many is told, and the rest is used" {
    mkdir data
    npy data/a.npy f32 1x24
    echo nonsense > data/b.png
    npy data/c.npy f32 1x25
    npy data/d.npy f32 1x24
    try quantize -c data -o out.nn "$TINY/mlp.onnx"
    equal "$status" 1
    matches "$stderr" 'data/b.png: '
    matches "$stderr" 'data/c.npy: '
    matches "$stderr" 'by 2 samples'
    nn inspect out.nn > /dev/null
    try quantize -c data/b.png -o none.nn "$TINY/mlp.onnx"
    equal "$status" 1
    [ ! -e none.nn ]
}


@test "int8 by default: a quarter of the weights' size, near the same answer" {
    nn convert -o whole.nn "$TINY/mlp.onnx"
    try quantize -o small.nn "$TINY/mlp.onnx"
    succeeded
    matches "$stderr" '2 weights as int8'
    nn inspect small.nn | grep -q DequantizeLinear
    [ "$(wc -c < small.nn)" -lt $(($(wc -c < whole.nn) * 6 / 10)) ]
    npy x.npy f32 1x24
    nn run -o want whole.nn x.npy
    nn run --expect want --rtol 0.05 small.nn x.npy
}

@test "-w int4: an eighth of the weights' size and their scales" {
    nn convert -o whole.nn "$TINY/mlp.onnx"
    nn quantize -q -w int4 -o small.nn "$TINY/mlp.onnx"
    nn inspect small.nn | grep -q ' i4 '
    npy x.npy f32 1x24
    nn run -o want whole.nn x.npy
    nn run --expect want --rtol 0.5 small.nn x.npy
}

@test "-w f16, bf16" {
    npy x.npy f32 1x24
    nn run -o want "$TINY/mlp.onnx" x.npy
    nn quantize -q -w f16 -o f16.nn "$TINY/mlp.onnx"
    nn quantize -q -w bf16 -o bf16.nn "$TINY/mlp.onnx"
    nn inspect f16.nn | grep -q ' f16 '
    nn inspect bf16.nn | grep -q ' bf16 '
    nn run --expect want --rtol 0.002 f16.nn x.npy
    nn run --expect want --rtol 0.02 bf16.nn x.npy
    try quantize -w int3 "$TINY/mlp.onnx"
    failed_with 2 'int3'
}

@test "-w int8: the weights are bytes in TFLite, too" {
    npy x.npy f32 1x24
    nn quantize -q -w int8 -o small.nn "$TINY/mlp.onnx"
    nn convert -o small.tflite small.nn
    nn inspect small.tflite | grep -q '^constant .* i8 '
    nn run -o want small.nn x.npy > /dev/null
    nn run --expect want small.tflite x.npy
}

@test "-w -c: the outputs' errors are those that nnrun -o shows" {
    npy x.npy f32 1x24
    try quantize -w int8 -c x.npy -o small.nn "$TINY/mlp.onnx"
    succeeded
    told=$(printf '%s\n' "$stderr" | sed -n "s/.*output 'y'.*largest difference \([^,]*\), rms \([^;]*\);.*/\1 \2/p")
    nn run -o a "$TINY/mlp.onnx" x.npy > /dev/null
    nn run -o b small.nn x.npy > /dev/null
    seen=$(perl -e '
        my @t = map { [split " ", (split /\) /, $_)[1]] } @ARGV; my ($largest, $sum) = (0, 0);
        for (0 .. $#{$t[0]}) { my $d = abs($t[0][$_] - $t[1][$_]); $largest = $d if $d > $largest; $sum += $d * $d; }
        printf "%.2g %.2g", $largest, sqrt($sum / @{$t[0]});' "$(show a/out_0.npy 9)" "$(show b/out_0.npy 9)")
    equal "$(printf '%.2g %.2g' $told)" "$seen"
}

@test "-c takes photos, folders, archives and lists" {
    classifier
    mkdir photos
    ppm photos/red.ppm 40 30 255 0 0
    ppm photos/blue.ppm 20 30 0 0 255
    try quantize -c photos -o small.nn net.nn
    succeeded
    matches "$stderr" 'by 2 samples'
    try quantize -c photos/red.ppm -o small.nn net.nn
    matches "$stderr" 'by 1 sample'
    npy x.npy f32 1x3x32x32
    try quantize -c x.npy -c photos -o small.nn net.nn
    matches "$stderr" 'by 3 samples'
    ls photos/* > list.txt
    try quantize -c list.txt -o small.nn net.nn
    matches "$stderr" 'by 2 samples'
    printf 'blue.ppm 7 blue\nred.ppm\t3\r\n\n' > photos/labelled.txt
    try quantize -c photos/labelled.txt -o small.nn net.nn
    succeeded
    matches "$stderr" 'by 2 samples'
    try quantize -q -c nowhere -o small.nn net.nn
    failed_with 1 'nowhere: No such file'
    printf 'photos/red.ppm\nlost.ppm\n' > list.txt
    try quantize -q -c list.txt -o small.nn net.nn
    failed_with 1 'list.txt: line 2: lost.ppm: No such file'
}

@test "-c: rows of an array are samples also of a network that takes any number of pictures" {
    declare_nn net.nn <<END
input x f32 Nx1x2x2
constant w f32 1x1x1x1 = 0.5
node - Conv x w -> y f32 Nx1x2x2
output y
END
    npy rows.npy f32 5x1x2x2 1 2 3
    try quantize -c rows.npy -o small.nn net.nn
    succeeded
    matches "$stderr" 'by 5 samples'
}

@test "-p: the recipe for photos; without one it is told what is assumed" {
    calibratable
    try quantize -c photos -o q.nn "$TINY/conv.onnx"
    succeeded
    equal "$(grep -c 'no recipe: photos are scaled to 32x32' <<< "$stderr")" 1
    nn quantize -q -c photos -p resize=32x32,std=255 -o with.nn net.nn
    equal "$(nn inspect with.nn | grep '^property recipe')" 'property recipe resize=32x32,std=255'
    try quantize -c photos -p resize=0 -o q.nn net.nn
    failed_with 2 '-p resize=0: '
}

@test "-r -: on a terminal, a table with a header" {
    need_terminal
    calibratable
    terminal "'${NN}quantize' -c photos -r - -o q.nn net.nn 2> /dev/null" < /dev/null > table
    matches "$(cat table)" '^name +operator +type +snr'
    nn quantize -q -c photos -r - -o q.nn net.nn > lines
    equal "$(wc -l < table)" $(($(wc -l < lines) + 1))
}

@test "-r: a line a weight" {
    nn quantize -q -r report.tsv -o small.nn "$TINY/mlp.onnx"
    equal "$(wc -l < report.tsv)" 2
    matches "$(head -n 1 report.tsv)" $'^w1\tint8\t[0-9.e-]+\t[0-9.e-]+\t4608\t1[0-9]{3}$'
    nn quantize -q -J -r report.json -o small.nn "$TINY/mlp.onnx"
    jq -es 'length == 2 and .[0].name == "w1"' report.json
}

@test "the same input gives the same bytes, in any way of reading" {
    nn quantize -q "$TINY/mlp.onnx" > 1.nn
    nn quantize -q < "$TINY/mlp.onnx" > 2.nn
    cmp 1.nn 2.nn
}

@test "quantised models are ordinary ONNX" {
    nn quantize -q -o small.onnx "$TINY/mlp.onnx"
    nn quantize -q -t onnx "$TINY/mlp.onnx" | cmp - small.onnx
    nn quantize -q --opset 21 -o other.onnx "$TINY/mlp.onnx"
    npy x.npy f32 1x24
    nn run -o want small.onnx x.npy
    nn quantize -q "$TINY/mlp.onnx" > small.nn
    nn run --expect want small.nn x.npy
    nn run --expect want other.onnx x.npy
}

@test "--list" {
    equal "$(nn quantize --list | grep ^weights | cut -f 2 | tr '\n' ' ')" "int8 int4 f16 bf16 "
    nn quantize --list -J | jq -es 'length == 8'
}

@test "-j gives the same bytes" {
    npy x.npy f32 1x24
    for j in 1 2 3; do
        nn quantize -j $j -c x.npy -o $j.nn "$TINY/mlp.onnx" 2> $j.txt
    done
    cmp 1.nn 2.nn && cmp 2.nn 3.nn && cmp 1.txt 2.txt && cmp 2.txt 3.txt
}
