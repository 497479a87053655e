/* Files of a few bytes that ask for a terabyte, an hour, or a deep stack. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostile.h"

#define X                           "input x f32 1x3x8x8\n"
#define I1(name, a)                 "constant " name " i64 1 = " a "\n"
#define HUGE_I64                    "9223372036854775807"
#define LEAST_I64                   "-9223372036854775808"
#define NODE(operator_and_operands) "node - " operator_and_operands " -> y ? *"

/* The declarations between "nn 1" and "output y". */
static const struct {
    const char *name, *text;
} small[] = {
    {"ConstantOfShape of a terabyte", I1("s", "1000000000000") NODE("ConstantOfShape s") "\n"},
    {"ConstantOfShape beyond 64 bits",
     "constant s i64 4 = 4294967296 4294967296 4294967296 4294967296\n" NODE("ConstantOfShape s") "\n"},
    {"ConstantOfShape of a negative size", I1("s", "-5") NODE("ConstantOfShape s") "\n"},
    {"ConstantOfShape fed into itself",
     I1("s", "100000") "node - ConstantOfShape s -> t i64 *\nnode - ConstantOfShape t -> y ? *\n"},
    {"Expand", X "constant s i64 5 = 1000000 1 3 8000 8\n" NODE("Expand x s") "\n"},
    {"Expand of zero", X "constant s i64 4 = 0 3 8 " HUGE_I64 "\n" NODE("Expand x s") "\n"},
    {"Tile", X "constant r i64 4 = 1000000 1000000 1 1\n" NODE("Tile x r") "\n"},
    {"Tile beyond 64 bits", X "constant r i64 4 = " HUGE_I64 " 2 2 2\n" NODE("Tile x r") "\n"},
    {"Tile by a negative count", X "constant r i64 4 = -1 1 1 1\n" NODE("Tile x r") "\n"},
    {"Range", "constant a i64 scalar = 0\nconstant b i64 scalar = " HUGE_I64
              "\nconstant c i64 scalar = 1\n" NODE("Range a b c") "\n"},
    {"Range by zero", "constant a i64 scalar = 0\nconstant b i64 scalar = 1\n" NODE("Range a b a") "\n"},
    {"Range backwards to the least", "constant a i64 scalar = " HUGE_I64 "\nconstant b i64 scalar = " LEAST_I64
                                     "\nconstant c i64 scalar = -1\n" NODE("Range a b c") "\n"},
    {"Range of floats by nothing",
     "constant a f32 scalar = 0\nconstant b f32 scalar = 1\nconstant c f32 scalar = 1e-38\n" NODE("Range a b c") "\n"},
    {"Range to nan",
     "constant a f32 scalar = 0\nconstant b f32 scalar = nan\nconstant c f32 scalar = 1\n" NODE("Range a b c") "\n"},
    {"Conv with immense padding",
     X "constant w f32 1x3x1x1 = 1 1 1\n" NODE("Conv x w") " : pads=[" HUGE_I64 "," HUGE_I64 ",1,1]\n"},
    {"Conv with padding of 2^31",
     X "constant w f32 1x3x1x1 = 1 1 1\n" NODE("Conv x w") " : pads=[2147483648,0,0,2147483648]\n"},
    {"Conv with padding of 10^6",
     X "constant w f32 1x3x1x1 = 1 1 1\n" NODE("Conv x w") " : pads=[1000000,1000000,1000000,1000000]\n"},
    {"Conv with negative padding", X "constant w f32 1x3x1x1 = 1 1 1\n" NODE("Conv x w") " : pads=[-9,-9,-9,-9]\n"},
    {"Conv with stride 0", X "constant w f32 1x3x1x1 = 1 1 1\n" NODE("Conv x w") " : strides=[0,0]\n"},
    {"Conv with immense stride",
     X "constant w f32 1x3x1x1 = 1 1 1\n" NODE("Conv x w") " : strides=[" HUGE_I64 "," HUGE_I64 "]\n"},
    {"Conv with immense dilation",
     X "constant w f32 1x3x2x2 = 1 1 1 1 1 1 1 1 1 1 1 1\n" NODE("Conv x w") " : dilations=[" HUGE_I64 ",1]\n"},
    {"Conv with immense dilation and padding",
     X "constant w f32 1x3x2x1 = 1 1 1 1 1 1\n" NODE(
         "Conv x w") " : dilations=[2147483647,1] pads=[2147483647,0,2147483647,0]\n"},
    {"Conv of no groups", X "constant w f32 1x3x1x1 = 1 1 1\n" NODE("Conv x w") " : group=0\n"},
    {"Conv of negative groups", X "constant w f32 1x3x1x1 = 1 1 1\n" NODE("Conv x w") " : group=-3\n"},
    {"Conv of immense groups", X "constant w f32 1x3x1x1 = 1 1 1\n" NODE("Conv x w") " : group=" HUGE_I64 "\n"},
    {"Conv whose weights have no pixels", X "constant w f32 1x3x0x0 =\n" NODE("Conv x w") "\n"},
    {"Conv without weights", X "constant w f32 0x3x1x1 =\n" NODE("Conv x w") "\n"},
    {"ConvTranspose to an immense shape",
     X "constant w f32 3x1x1x1 = 1 1 1\n" NODE("ConvTranspose x w") " : output_shape=[1000000000,1000000000]\n"},
    {"ConvTranspose by an immense stride",
     X "constant w f32 3x1x1x1 = 1 1 1\n" NODE("ConvTranspose x w") " : strides=[" HUGE_I64 ",3]\n"},
    {"ConvTranspose with output_padding",
     X "constant w f32 3x1x1x1 = 1 1 1\n" NODE("ConvTranspose x w") " : output_padding=[" HUGE_I64 "," HUGE_I64 "]\n"},
    {"MaxPool of an immense kernel",
     X NODE("MaxPool x") " : kernel_shape=[" HUGE_I64 ",2] pads=[" HUGE_I64 ",0," HUGE_I64 ",0]\n"},
    {"MaxPool of no kernel", X NODE("MaxPool x") " : kernel_shape=[0,0]\n"},
    {"AveragePool of 10^9 with padding",
     X NODE("AveragePool x") " : kernel_shape=[1000000000,1] pads=[999999999,0,999999999,0]\n"},
    {"LpPool of the power 0", X NODE("LpPool x") " : kernel_shape=[2,2] p=0\n"},
    {"LRN over 10^18", X NODE("LRN x") " : size=1000000000000000000\n"},
    {"Reshape beyond 64 bits", X "constant s i64 4 = 4294967296 4294967296 4294967296 -1\n" NODE("Reshape x s") "\n"},
    {"Reshape with two -1", X "constant s i64 2 = -1 -1\n" NODE("Reshape x s") "\n"},
    {"Reshape to -2", X "constant s i64 2 = -2 3\n" NODE("Reshape x s") "\n"},
    {"Reshape to 0 and -1", "input x f32 0x3\nconstant s i64 2 = 0 -1\n" NODE("Reshape x s") "\n"},
    {"Reshape to 13 dims", X "constant s i64 13 = 1 1 1 1 1 1 1 1 1 1 1 1 192\n" NODE("Reshape x s") "\n"},
    {"Pad", X "constant p i64 8 = 0 0 1000000000 0 0 0 1000000000 0\n" NODE("Pad x p") "\n"},
    {"Pad beyond 64 bits", X "constant p i64 8 = 0 0 " HUGE_I64 " 0 0 0 " HUGE_I64 " 0\n" NODE("Pad x p") "\n"},
    {"Pad to nothing and less", X "constant p i64 8 = 0 0 -9 0 0 0 -9 0\n" NODE("Pad x p") "\n"},
    {"Pad by reflection beyond the sides",
     X "constant p i64 8 = 0 0 1000 0 0 0 1000 0\n" NODE("Pad x p") " : mode=\"reflect\"\n"},
    {"Resize by 10^9", X "constant s f32 4 = 1 1 1e+09 1e+09\n" NODE("Resize x - s") "\n"},
    {"Resize by inf", X "constant s f32 4 = 1 1 inf 1\n" NODE("Resize x - s") "\n"},
    {"Resize by nan", X "constant s f32 4 = 1 1 nan 1\n" NODE("Resize x - s") "\n"},
    {"Resize by less than nothing", X "constant s f32 4 = 1 1 -3 0\n" NODE("Resize x - s") "\n"},
    {"Resize to 10^9 x 10^9",
     X "constant s i64 4 = 1 3 1000000000 1000000000\n" NODE("Resize x - - s") " : mode=\"cubic\"\n"},
    {"Resize to nothing", X "constant s i64 4 = 1 3 0 0\n" NODE("Resize x - - s") " : mode=\"linear\"\n"},
    {"Resize antialiased to one pixel from far",
     X "constant s f32 4 = 1 1 1e-30 1\n" NODE("Resize x - s") " : mode=\"linear\" antialias=1\n"},
    {"Split into 10^9", X NODE("Split x") " : num_outputs=1000000000\n"},
    {"Split into sizes beyond 64 bits",
     X "constant s i64 2 = " HUGE_I64 " " HUGE_I64 "\nnode - Split x s -> y ? * z ? * : axis=1\n"},
    {"Split into negative sizes", X "constant s i64 2 = -5 8\nnode - Split x s -> y ? * z ? * : axis=1\n"},
    {"SplitToSequence of ones", "constant c i64 1 = 30000000\nnode - ConstantOfShape c -> x f32 *\n"
                                "node - SplitToSequence x -> s - -\n" NODE("SequenceLength s") "\n"},
    {"Slice by the extremes", X "constant a i64 1 = " LEAST_I64 "\nconstant b i64 1 = " HUGE_I64
                                "\nconstant i i64 1 = 2\n" NODE("Slice x a b i b") "\n"},
    {"Slice backwards by the least", X "constant a i64 1 = " HUGE_I64 "\nconstant b i64 1 = " LEAST_I64
                                       "\nconstant i i64 1 = 2\n" NODE("Slice x a b i b") "\n"},
    {"Slice by step 0", X "constant a i64 1 = 0\nconstant b i64 1 = 1\n" NODE("Slice x a b a a") "\n"},
    {"Gather beyond the end", X "constant i i64 2 = 3 " LEAST_I64 "\n" NODE("Gather x i") " : axis=1\n"},
    {"GatherND beyond the end", X "constant i i64 1x4 = 0 -4 7 8\n" NODE("GatherND x i") "\n"},
    {"ScatterND beyond the end", X "constant i i64 1x4 = 0 2 7 8\nconstant u f32 1 = 1\n" NODE("ScatterND x i u") "\n"},
    {"ScatterElements beyond the end",
     X "constant i i64 1x1x1x1 = -9\nconstant u f32 1x1x1x1 = 1\n" NODE("ScatterElements x i u") " : axis=3\n"},
    {"GatherElements beyond the end", X "constant i i64 1x1x1x1 = 8\n" NODE("GatherElements x i") " : axis=3\n"},
    {"OneHot of 10^12",
     "input x i64 3\nconstant d i64 scalar = 1000000000000\nconstant v f32 2 = 0 1\n" NODE("OneHot x d v") "\n"},
    {"TopK of more than there are", X "constant k i64 1 = " HUGE_I64 "\nnode - TopK x k -> y ? * z ? *\n"},
    {"TopK of less than nothing", X "constant k i64 1 = -1\nnode - TopK x k -> y ? * z ? *\n"},
    {"EyeLike", "constant s i64 2 = 1000000 1000000\nnode - ConstantOfShape s -> x f32 *\n" NODE("EyeLike x") "\n"},
    {"RandomNormal", NODE("RandomNormal") " : shape=[1000000,1000000]\n"},
    {"RandomUniform of a negative shape", NODE("RandomUniform") " : shape=[-3,3]\n"},
    {"Multinomial", "constant x f32 1x2 = 0 1\n" NODE("Multinomial x") " : sample_size=1000000000000\n"},
    {"HannWindow", "constant n i64 scalar = 1000000000000\n" NODE("HannWindow n") "\n"},
    {"HannWindow of a negative size", "constant n i64 scalar = -1\n" NODE("HannWindow n") "\n"},
    {"MelWeightMatrix",
     "constant n i64 scalar = 1000000000\nconstant f f32 scalar = 1\n" NODE("MelWeightMatrix n n n f f") "\n"},
    {"DFT of an immense length", "input x f32 1x8x1\nconstant n i64 scalar = 1000000000000\n" NODE("DFT x n") "\n"},
    {"STFT by step 0",
     "input x f32 1x8x1\nconstant n i64 scalar = 0\nconstant l i64 scalar = 4\n" NODE("STFT x n - l") "\n"},
    {"AffineGrid", "input x f32 1x2x3\nconstant s i64 4 = 1 3 10000000 10000000\n" NODE("AffineGrid x s") "\n"},
    {"GridSample far outside",
     X "constant g f32 1x1x2x2 = 1e+30 nan -inf inf\n" NODE("GridSample x g") " : padding_mode=\"reflection\"\n"},
    {"RoiAlign", X "constant r f32 1x4 = 0 0 1e+30 1e+30\nconstant b i64 1 = 0\n" NODE(
                     "RoiAlign x r b") " : output_height=1000000000 output_width=1000000000\n"},
    {"RoiAlign with samples without end",
     X "constant r f32 1x4 = 0 0 1e+30 1e+30\nconstant b i64 1 = 0\n" NODE("RoiAlign x r b") "\n"},
    {"RoiAlign of no such picture",
     X "constant r f32 1x4 = 0 0 1 1\nconstant b i64 1 = 77\n" NODE("RoiAlign x r b") "\n"},
    {"NonMaxSuppression of nan",
     "constant b f32 1x2x4 = nan 0 1 1 0 0 inf inf\nconstant s f32 1x1x2 = 1 nan\nconstant m i64 1 = " HUGE_I64
     "\n" NODE("NonMaxSuppression b s m") "\n"},
    {"DepthToSpace of an immense block", X NODE("DepthToSpace x") " : blocksize=" HUGE_I64 "\n"},
    {"SpaceToDepth of no block", X NODE("SpaceToDepth x") " : blocksize=0\n"},
    {"Col2Im",
     "input x f32 1x4x4\nconstant i i64 2 = 1000000000 1000000000\nconstant b i64 2 = 2 2\n" NODE("Col2Im x i b") "\n"},
    {"CenterCropPad", X "constant s i64 4 = 1 3 1000000000 1000000000\n" NODE("CenterCropPad x s") "\n"},
    {"Trilu of 1.6 GB", "input x f32 40000x40000\n" NODE("Trilu x") "\n"},
    {"Trilu by the least", "input x f32 3x3\nconstant k i64 scalar = " LEAST_I64 "\n" NODE("Trilu x k") " : upper=0\n"},
    {"BitShift by 64", "constant a u64 1 = 1\nconstant b u64 1 = 64\n" NODE("BitShift a b") " : direction=\"LEFT\"\n"},
    {"division by zero", "constant a i64 1 = 1\nconstant b i64 1 = 0\n" NODE("Div a b") "\n"},
    {"division of the least", "constant a i64 1 = " LEAST_I64 "\nconstant b i64 1 = -1\n" NODE("Div a b") "\n"},
    {"Mod of the least", "constant a i64 1 = " LEAST_I64 "\nconstant b i64 1 = -1\n" NODE("Mod a b") "\n"},
    {"Mod by zero", "constant a i32 1 = 1\nconstant b i32 1 = 0\n" NODE("Mod a b") "\n"},
    {"Neg and Abs of the least", "constant a i64 1 = " LEAST_I64 "\nnode - Neg a -> b i64 *\n" NODE("Abs b") "\n"},
    {"Pow of integers", "constant a i32 1 = -2147483648\nconstant b i32 1 = 2147483647\n" NODE("Pow a b") "\n"},
    {"Cast of inf and nan", "constant a f32 3 = inf nan -1e+30\n" NODE("Cast a") " : to=7\n"},
    {"Cast to no type", X NODE("Cast x") " : to=9223372036854775807\n"},
    {"Cast of text", "constant a str 2 = [\"1e999999999\",\"99999999999999999999\"]\n" NODE("Cast a") " : to=7\n"},
    {"Transpose by a permutation that is none", X NODE("Transpose x") " : perm=[0,0,9,-1]\n"},
    {"Squeeze twice", X "constant a i64 2 = 0 -4\n" NODE("Squeeze x a") "\n"},
    {"Unsqueeze far", X "constant a i64 1 = " HUGE_I64 "\n" NODE("Unsqueeze x a") "\n"},
    {"Concat along no axis", X NODE("Concat x x") " : axis=" LEAST_I64 "\n"},
    {"Flatten far", X NODE("Flatten x") " : axis=" HUGE_I64 "\n"},
    {"Softmax far", X NODE("Softmax x") " : axis=" LEAST_I64 "\n"},
    {"ArgMax of nothing", "input x f32 0x3\n" NODE("ArgMax x") "\n"},
    {"ReduceMean of nothing", "input x f32 0x3\n" NODE("ReduceMean x") "\n"},
    {"LSTM of an immense state", "input x f32 1x1x1\nconstant w f32 1x4x1 = 1 1 1 1\nconstant r f32 1x4x1 = 1 1 1 "
                                 "1\nnode - LSTM x w r -> y ? * : hidden_size=" HUGE_I64 "\n"},
    {"GRU of another size", "input x f32 1x1x1\nconstant w f32 1x3x1 = 1 1 1\nconstant r f32 1x3x1 = 1 1 1\nnode - GRU "
                            "x w r -> y ? * : hidden_size=7\n"},
    {"RNN without steps", "input x f32 0x1x1\nconstant w f32 1x1x1 = 1\nnode - RNN x w w -> y ? * : hidden_size=1\n"},
    {"LSTM of steps beyond its own", "input x f32 2x1x1\nconstant w f32 1x4x1 = 1 1 1 1\nconstant l i32 1 = "
                                     "2147483647\nnode - LSTM x w w - l -> y ? * : hidden_size=1\n"},
    {"Einsum of nonsense", X NODE("Einsum x") " : equation=\"...ii->zzzz...\"\n"},
    {"Einsum of an outer product", "input x f32 1000\n" NODE("Einsum x x x x") " : equation=\"a,b,c,d->abcd\"\n"},
    {"MatMul of an outer product", "constant s i64 2 = 1000000 1\nconstant t i64 2 = 1 1000000\nnode - ConstantOfShape "
                                   "s -> a f32 *\nnode - ConstantOfShape t -> b f32 *\n" NODE("MatMul a b") "\n"},
    {"Add of an outer sum", "constant s i64 2 = 1000000 1\nconstant t i64 2 = 1 1000000\nnode - ConstantOfShape s -> a "
                            "f32 *\nnode - ConstantOfShape t -> b f32 *\n" NODE("Add a b") "\n"},
    {"QuantizeLinear by 0 and nan",
     "input x f32 2x2\nconstant s f32 2 = 0 nan\n" NODE("QuantizeLinear x s") " : axis=0\n"},
    {"DequantizeLinear along no axis",
     "input x i8 2x2\nconstant s f32 2 = 0 nan\n" NODE("DequantizeLinear x s") " : axis=99\n"},
    {"BatchNormalization of another size", X "constant s f32 2 = 1 1\n" NODE("BatchNormalization x s s s s") "\n"},
    {"an expression without end", "constant a str 1 = [\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"]\n" NODE(
                                      "RegexFullMatch a") " : pattern=\"(a*)*(a*)*(a|aa)*b\"\n"},
    {"an expression of expressions",
     "constant a str 1 = [\"aaaa\"]\n" NODE(
         "RegexFullMatch a") " : pattern=\"((((a{1000}){1000}){1000}){1000}){1000}\"\n"},
    {"text of another kind", "constant a str 2 = [\"\",\"%FF%00\"]\n" NODE(
                                 "StringNormalizer a") " : case_change_action=\"UPPER\" locale=\"../../etc\"\n"},
    {"Relu of text", "constant a str 1 = [\"a\"]\n" NODE("Relu a") "\n"},
    {"a value used before it is made", X "node - Relu y -> z f32 *\nnode - Relu x -> y f32 *\n"},
    {"a node fed by itself", X NODE("Add x y") "\n"},
    {"no inputs for an operator", NODE("Conv") "\n"},
    {"too many inputs for an operator", X NODE("Relu x x x x x") "\n"},
    {"too many outputs for an operator", X "node - Relu x -> y ? * z ? * w ? *\n"},
    {"an input beyond all memory", "input x f32 1000000x1000000\n" NODE("Relu x") "\n"},
    {"an input beyond 64 bits", "input x f32 9223372036854775807x9223372036854775807\n" NODE("Relu x") "\n"},
    {"a constant that is not there", "constant y f32 1000000x1000000 bytes=4000000000000 crc=00000000\n"},
    {"a constant of strings that are not there", "constant y str 1000000000000 = [\"a\"]\n"},
    {"a recipe without end",
     "property recipe resize=2147483647x2147483647,crop=2147483647x2147483647\n" X NODE("Relu x") "\n"},
    {"a task of nonsense", "property task detect=yolov8,score=nan,nms=1e99\n" X NODE("Relu x") "\n"},
};

/* ---- made by loops ---- */

void hostile_add(struct out *o, const void *bytes, size_t n)
{
    while (o->size + n > o->room) {
        o->room = o->room * 2 + 4096;
        o->data = realloc(o->data, o->room);
        if (!o->data)
            abort();
    }
    if (n > 0)
        memcpy(o->data + o->size, bytes, n);
    o->size += n;
}

void hostile_say(struct out *o, const char *text)
{
    hostile_add(o, text, strlen(text));
}

static void line(struct out *o, const char *format, int a, int b)
{
    char text[200];
    int n = snprintf(text, sizeof text, format, a, b);

    hostile_add(o, text, (size_t)n);
}

static void nested_branches(struct out *o)
{
    hostile_say(o,
                "input c bool scalar\ninput x f32 3\nnode - If c -> y f32 3 : then_branch=graph else_branch=graph\n");
    for (int i = 0; i < 10000; i++)
        hostile_say(o, "begin then_branch\nnode - If c -> z f32 3 : then_branch=graph else_branch=graph\n");
}

static void nested_types(struct out *o)
{
    hostile_say(o, "input x ");
    for (int i = 0; i < 10000; i++)
        hostile_say(o, "seq(");
    hostile_say(o, "f32");
    for (int i = 0; i < 10000; i++)
        hostile_say(o, ")");
    hostile_say(o, " 3\nnode - Identity x -> y - -\n");
}

static void chain(struct out *o, const char *first, const char *format, int n)
{
    hostile_say(o, first);
    for (int i = 0; i < n; i++)
        line(o, format, i, i + 1);
    line(o, "node - Identity v%d -> y ? *\n", n, 0);
}

static void long_chain(struct out *o)
{
    chain(o, "input v0 f32 2x2\n", "node - Relu v%1$d -> v%2$d f32 2x2\n", 10000);
}

static void doubling_concat(struct out *o)
{
    chain(o, "input v0 f32 1x64\n", "node - Concat v%1$d v%1$d -> v%2$d ? * : axis=0\n", 44);
}

static void doubling_constants(struct out *o)
{
    chain(o, "constant v0 f32 2 = 1 2\n", "node - Concat v%1$d v%1$d -> v%2$d ? * : axis=0\n", 60);
}

/* Each constant is of the most that one may be. */
static void many_expansions(struct out *o)
{
    hostile_say(o, "input x f32 1\nconstant c f32 scalar = 1\nconstant s i64 1 = 4000000\n");
    for (int i = 0; i < 300; i++)
        line(o,
             "node - Expand c s -> e%1$d ? *\nnode - Add x e%1$d -> a%1$d ? *\nnode - ReduceSum a%1$d -> r%1$d ? *\n",
             i, 0);
    for (int i = 0; i < 300; i++)
        line(o, "output r%1$d\n", i, 0);
    hostile_say(o, "node - ReduceSum a0 -> y ? *\n");
}

static void doubling_text(struct out *o)
{
    chain(o, "constant v0 str 1 = [\"abcdefgh\"]\n", "node - StringConcat v%1$d v%1$d -> v%2$d str *\n", 44);
}

/* As a tree this has 2^60 leaves. */
static void doubling_paths(struct out *o)
{
    chain(o, "input v0 f32 4\n", "node - Add v%1$d v%1$d -> v%2$d ? *\n", 60);
}

static void doubling_symbols(struct out *o)
{
    chain(o, "input v0 f32 NxM\n", "node - Concat v%1$d v%1$d -> v%2$d ? * : axis=0\n", 62);
}

/* N x N, then (N x N) x (N x N), …: an expression that a reader may not write out. */
static void squared_symbols(struct out *o)
{
    chain(o, "constant s i64 2 = -1 1\ninput v0 f32 AxB\n",
          "node - Reshape v%1$d s -> t%1$d ? *\nnode - Transpose t%1$d -> u%1$d ? *\nnode - Add t%1$d u%1$d -> v%2$d ? "
          "*\n",
          20);
}

static void loop(struct out *o, const char *trips, const char *scanned)
{
    hostile_say(o, "input x f32 3\nconstant n i64 scalar = ");
    hostile_say(o, trips);
    hostile_say(o, "\nnode - Loop n - x -> y f32 3");
    hostile_say(o, *scanned ? " s ? *" : "");
    hostile_say(o, " : body=graph\nbegin body\n  input i i64 scalar\n  input c bool scalar\n  input a f32 3\n"
                   "  node - Relu a -> b f32 3\n  node - Identity c -> d bool scalar\n  output d\n  output b\n");
    hostile_say(o, scanned);
    hostile_say(o, "end body\n");
}

static void loop_without_end(struct out *o)
{
    loop(o, HUGE_I64, "");
}

static void loop_that_collects(struct out *o)
{
    loop(o, "1000000000", "  output b\n");
}

static void many_outputs(struct out *o)
{
    hostile_say(o, "input x f32 4\nnode - Split x -> y ? *");
    for (int i = 0; i < 20000; i++)
        line(o, " z%d ? *", i, 0);
    hostile_say(o, " : axis=0\n");
}

static void many_symbols(struct out *o)
{
    for (int i = 0; i < 5000; i++)
        line(o, "input x%d f32 a%dxb\n", i, i);
    hostile_say(o, "node - Concat");
    for (int i = 0; i < 5000; i++)
        line(o, " x%d", i, 0);
    hostile_say(o, " -> y ? * : axis=0\n");
}

static void long_name(struct out *o)
{
    hostile_say(o, "input x f32 3\nnode ");
    for (int i = 0; i < 200000; i++)
        hostile_say(o, "%0A%1B[31m");
    hostile_say(o, " Conv x -> y ? *\n");
}

/* ---- ONNX, from the inside out ---- */

static void varint(struct out *o, size_t n)
{
    for (; n >= 0x80; n >>= 7)
        hostile_add(o, &(unsigned char){(unsigned char)(n | 0x80)}, 1);
    hostile_add(o, &(unsigned char){(unsigned char)n}, 1);
}

/* Puts what o holds into the field of a message. */
static void wrap(struct out *o, int field, const char *before)
{
    struct out whole = {0};

    hostile_say(&whole, before);
    varint(&whole, (size_t)field << 3 | 2);
    varint(&whole, o->size);
    hostile_add(&whole, o->data, o->size);
    free(o->data);
    *o = whole;
}

/* ModelProto { ir_version 8, opset_import { version 17 }, graph } */
static void finish_onnx(struct out *o)
{
    wrap(o, 7, "\x08\x08\x42\x02\x10\x11");
}

static void onnx_nested_graphs(struct out *o)
{
    hostile_say(o, "\x12\x01g");
    for (int i = 0; i < 3000; i++) {
        wrap(o, 6, "\x0a\x0bthen_branch\xa0\x01\x05"); /* AttributeProto.g */
        wrap(o, 5, "\x0a\x01x\x12\x01y\x22\x02If");    /* NodeProto.attribute */
        wrap(o, 1, "");                                /* GraphProto.node */
    }
    finish_onnx(o);
}

static void onnx_nested_types(struct out *o)
{
    hostile_say(o, "\x0a\x02\x08\x01");
    for (int i = 0; i < 5000; i++) {
        wrap(o, 1, "");             /* elem_type of … */
        wrap(o, i % 2 ? 4 : 9, ""); /* … a sequence or an optional */
    }
    wrap(o, 2, "\x0a\x01x"); /* ValueInfoProto.type */
    wrap(o, 11, "");         /* GraphProto.input */
    finish_onnx(o);
}

/* FunctionProto f<i> calls f<i + 1> twice: a reader that inlines makes 2^30 nodes. */
static void onnx_doubling_functions(struct out *o)
{
    struct out all = {0};
    char text[100];

    hostile_say(o, "\x0a\x01x\x12\x01y\x22\x03"
                   "f00\x3a\x01"
                   "d");
    wrap(o, 1, "");
    finish_onnx(o);
    hostile_say(o, "\x42\x05\x0a\x01"
                   "d\x10\x01"); /* opset_import of the functions' domain */
    for (int i = 0; i < 30; i++) {
        struct out f = {0};

        /* name, input, output, two nodes { input, output, op_type, domain }, opset_import { domain, version }, domain
         */
        snprintf(text, sizeof text,
                 "\x0a\x03"
                 "f%02d\x22\x01x\x2a\x01y",
                 i);
        hostile_say(&f, text);
        for (int k = 0; k < 2; k++) {
            snprintf(text, sizeof text,
                     "\x3a\x0e\x0a\x01%c\x12\x01%c\x22\x03"
                     "f%02d\x3a\x01"
                     "d",
                     k ? 't' : 'x', k ? 'y' : 't', i + 1);
            hostile_say(&f, text);
        }
        hostile_say(&f, "\x4a\x05\x0a\x01"
                        "d\x10\x01\x52\x01"
                        "d");
        wrap(&f, 25, "");
        hostile_add(&all, f.data, f.size);
        free(f.data);
    }
    hostile_add(o, all.data, all.size);
    free(all.data);
}

static void onnx_huge_dims(struct out *o)
{
    static const char dims[] =
        "\x08\x80\x80\x80\x80\x80\x80\x80\x80\x40\x08\x80\x80\x80\x80\x80\x80\x80\x80\x40\x10\x01\x42\x01w";

    hostile_say(o, dims);
    wrap(o, 5, "\x12\x01g"); /* GraphProto.initializer */
    finish_onnx(o);
}

static void onnx_empty_nodes(struct out *o)
{
    for (int i = 0; i < 1000000; i++)
        hostile_say(o, "\x0a");
    for (size_t i = 1; i < o->size; i += 2)
        o->data[i] = '\0';
    finish_onnx(o);
}

static const struct {
    const char *name;
    void (*make)(struct out *o);
    int onnx;
} made[] = {
    {"10,000 nested branches", nested_branches, 0},
    {"10,000 nested types", nested_types, 0},
    {"a chain of 10,000 nodes", long_chain, 0},
    {"44 doublings by Concat", doubling_concat, 0},
    {"60 doublings of a constant", doubling_constants, 0},
    {"300 expansions of a constant", many_expansions, 0},
    {"44 doublings of text", doubling_text, 0},
    {"2^60 paths", doubling_paths, 0},
    {"62 doublings of a symbol", doubling_symbols, 0},
    {"20 squarings of a symbol", squared_symbols, 0},
    {"a loop without end", loop_without_end, 0},
    {"a loop of 10^9 that collects", loop_that_collects, 0},
    {"20,001 outputs", many_outputs, 0},
    {"5,000 symbols", many_symbols, 0},
    {"a name of two megabytes", long_name, 0},
    {"ONNX: 3,000 nested graphs", onnx_nested_graphs, 1},
    {"ONNX: 5,000 nested types", onnx_nested_types, 1},
    {"ONNX: 30 functions that call the next twice", onnx_doubling_functions, 1},
    {"ONNX: a weight of 2^124 elements", onnx_huge_dims, 1},
    {"ONNX: 500,000 empty nodes", onnx_empty_nodes, 1},
};

/* ---- by number ---- */

enum { SMALL = sizeof small / sizeof *small, MADE = sizeof made / sizeof *made };

/* Those behind the ones made here; NULL: none. */
static const struct hostile_case *other_case(size_t index)
{
    const struct hostile_case *lists[] = {hostile_texts,    hostile_binaries, hostile_nets,
                                          hostile_programs, hostile_layers,   hostile_named};
    size_t at = SMALL + MADE;
    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++)
        for (const struct hostile_case *c = lists[k]; c->name; c++, at++)
            if (at == index)
                return c;
    return NULL;
}

const char *hostile_name(size_t index)
{
    if (index >= SMALL + MADE)
        return other_case(index) ? other_case(index)->name : "";
    return index < SMALL ? small[index].name : made[index - SMALL].name;
}

/* The line that ends the header of a .nn file, padded to 64 bytes. */
static void finish_nn(struct out *o)
{
    hostile_say(o, "output y\ndata 0");
    while ((o->size + 1) % 64)
        hostile_say(o, " ");
    hostile_say(o, "\n");
}

struct bytes hostile_make(size_t index)
{
    struct out o = {0};
    if (other_case(index)) {
        other_case(index)->make(&o);
        return (struct bytes){(unsigned char *)o.data, o.size};
    }
    int onnx = index >= SMALL && made[index - SMALL].onnx;

    hostile_say(&o, onnx ? "" : "nn 1\n");
    if (index < SMALL)
        hostile_say(&o, small[index].text);
    else
        made[index - SMALL].make(&o);
    if (!onnx)
        finish_nn(&o);
    return (struct bytes){(unsigned char *)o.data, o.size};
}
