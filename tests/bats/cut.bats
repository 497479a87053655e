load helper

# x -> a -> b -> y, and a -> z; the branches of y read b.
net() {
    declare_nn net.nn <<'EOF'
property task classify
property labels 1%0A2%0A3
property recipe input=x,resize=1x3
property frame 3
input x f32 1x3x1x1
input n f32 scalar
constant zero f32 scalar = 0
node first Relu x -> a - -
node second Add a n -> b - -
node - ReduceSum b -> sum - - : keepdims=0
node - Less sum zero -> negative - -
node branch If negative -> y f32 1x3x1x1 : else_branch=graph then_branch=graph
begin else_branch else
  node - Mul b b -> inner f32 1x3x1x1
  output inner
end else_branch
begin then_branch then
  node - Neg b -> other f32 1x3x1x1
  output other
end then_branch
node third Neg a -> z - -
output y
output z
EOF
}

# ends FILE: its inputs and outputs.
ends() { nn inspect "$1" | grep -E '^(input|output) '; }

@test "the two halves of a network give what the whole gives" {
    net
    nn convert --outputs b=mid -o head.nn net.nn
    equal "$(ends head.nn)" $'input x f32 1x3x1x1\ninput n f32 scalar\noutput mid'
    nn convert --inputs b=mid --outputs y -o tail.nn net.nn
    equal "$(ends tail.nn)" $'input mid f32 1x3x1x1\noutput y'
    npy x.npy f32 1x3x1x1
    nn run -o whole net.nn x=x.npy n=1
    nn run -o head head.nn x=x.npy n=1
    nn run -o tail tail.nn mid=head/out_0.npy
    cmp whole/out_0.npy tail/out_0.npy
}

@test "names may hold commas" {
    declare_nn comma.nn <<'EOF'
input x,0 f32 3
node - Relu x,0 -> a,b,c f32 3
node - Neg a,b,c -> y f32 3
output y
EOF
    nn convert --inputs a,b,c=m --outputs y -o tail.nn comma.nn
    equal "$(ends tail.nn)" $'input m f32 3\noutput y'
    nn convert --inputs x,0 --outputs y,a,b,c=z -o both.nn comma.nn
    equal "$(ends both.nn)" $'input x,0 f32 3\noutput y\noutput z'
}

@test "inputs that nothing needs go, outputs come in the order of the list" {
    net
    nn convert --outputs z,a=first -o cut.nn net.nn
    equal "$(ends cut.nn)" $'input x f32 1x3x1x1\noutput z\noutput first'
    equal "$(nn inspect cut.nn | grep -c '^node')" 2
}

@test "names change, also places and with those of what is cut off" {
    net
    nn convert --inputs n=x,x=n --outputs z=y,y=z -o cut.nn net.nn
    equal "$(ends cut.nn)" $'input x f32 scalar\ninput n f32 1x3x1x1\noutput y\noutput z'
    nn convert --outputs a=y -o cut.nn net.nn
    equal "$(ends cut.nn)" $'input x f32 1x3x1x1\noutput y'
}

@test "what was said of other inputs and outputs is left out, and said" {
    net
    try convert --inputs x=photo,n --outputs y=scores,z -o same.nn net.nn
    equal "$(nn inspect same.nn | grep -c '^property')" 2 # of an input by name no more
    [[ $stderr == *"recipe, task or labels"* ]]
    nn convert -p resize=1x3 -o other.nn net.nn
    try convert --inputs x=photo,n --outputs y=scores,z -o same.nn other.nn
    equal "$stderr" ""
    equal "$(nn inspect same.nn | grep -c '^property')" 4
    try convert --outputs z -o cut.nn net.nn
    equal "$(nn inspect cut.nn | grep '^property')" $'property recipe input=x,resize=1x3\nproperty frame 3'
    try convert --inputs a,n -p "" -o cut.nn net.nn
    equal "$(nn inspect cut.nn | grep -c '^property \(task\|labels\|recipe\)')" 3
    equal "$(nn inspect cut.nn | grep '^property recipe')" "property recipe"
}

# refused WORDS MESSAGE
refused() {
    try convert -o no.nn $1 net.nn
    equal "$status" 1
    equal "$stderr" "${NN##*/}convert: net.nn: $2"
    [ ! -e no.nn ]
}

@test "refusals name what would be right" {
    net
    refused "--outputs second" "no value 'second' is computed outside of subgraphs: the nearest is 'b', of node 'second'"
    refused "--outputs Second/x" "no value 'Second/x' is computed outside of subgraphs: the nearest is 'b', of node 'second'"
    refused "--outputs negatives" "no value 'negatives' is computed outside of subgraphs: the nearest is 'negative', of node ''"
    refused "--outputs zero" "no value 'zero' is computed outside of subgraphs: the nearest is 'z', of node 'third'"
    refused "--outputs inner" "no value 'inner' is computed outside of subgraphs: the nearest is 'x'"
    refused "--outputs y,y" "'y' is listed twice"
    refused "--outputs y=inner" "there is another value 'inner'"
    refused "--outputs y=a" "there is another value 'a'"
    refused "--inputs x" "outputs depend on the input 'n' too: list it"
    refused "--inputs x,n --outputs z" "no output depends on the input 'n'"
    refused "--inputs z" "'z' cannot be an input: it is an output"
}

@test "before an operator that is not known a network can be cut, behind it the type is missing" {
    nn convert --outputs r -o cut.nn "$TINY/unknown.onnx"
    npy x.npy f32 4
    nn run -o out cut.nn x.npy
    [ -s out/out_0.npy ]
    try convert --inputs b "$TINY/unknown.onnx"
    equal "$status" 1
    [[ $stderr == *"'b' cannot be an input: its type is not known" ]]
}
