/* Element types that operators took later than others. */
#include "base/text.h"
#include "format/onnx/lower.h"

static const struct {
    const char *ops, *dtypes; /* space-separated */
    int since, input;         /* input: -1: any */
} rows[] = {
    {"BitShift", "i8 i16 i32 i64", 28, 0},
    {"Celu", "f16 f64 bf16", 28, 0},
    {"Compress Einsum ReverseSequence Unique", "bf16", 28, 0},
    {"OneHot", "bf16", 28, 2},
    {"Range", "f16 bf16", 27, 0},
    {"SplitToSequence TopK", "bf16", 24, 0},
    {"Acos Acosh Asin Asinh Atan Atanh AveragePool Bernoulli Conv ConvTranspose Cos Cosh DeformConv Det Elu "
     "EyeLike GRU GlobalAveragePool GlobalLpPool GlobalMaxPool GridSample HardSigmoid InstanceNormalization "
     "LSTM LpNormalization LpPool MaxPool MaxRoiPool MaxUnpool NegativeLogLikelihoodLoss RNN RandomNormalLike "
     "RandomUniformLike RoiAlign Round Selu Sin Sinh Softplus Softsign Tan ThresholdedRelu",
     "bf16", 22, 0},
    {"DequantizeLinear QuantizeLinear", "i16 u16", 21, -1},
    {"QLinearMatMul", "f16 bf16", 21, -1},
    {"IsInf", "f16 bf16", 20, 0},
    {"ReduceMax ReduceMin", "bool", 20, 0},
    {"DequantizeLinear", "f16 bf16", 19, 1},
    {"Equal", "str", 19, 0},
    {"QuantizeLinear", "f16 bf16", 19, 0},
    {"GreaterOrEqual LeakyRelu LessOrEqual PRelu", "bf16", 16, 0},
    {"Add Div Mul Sub", "i8 i16 u8 u16", 14, 0},
    {"BatchNormalization CumSum", "bf16", 14, 0},
    {"CumSum", "f16", 14, 0},
    {"Relu", "i8 i16 i32 i64", 14, 0},
    {"Pad", "bool str c64 c128", 13, 0},
    {"Clip Max Min", "i8 i16 i32 i64 u8 u16 u32 u64", 12, 0},
    {"MaxPool ReduceMax ReduceMin", "i8 u8", 12, 0},
    {"Pow", "i8 i16 i32 i64 u8 u16 u32 u64", 12, -1},
    {"Equal", "f16 f32 f64 i8 i16 u8 u16 u32 u64", 11, 0},
    {"Pad TopK", "i8 i16 i32 i64 u8 u16 u32 u64", 11, 0},
    {"Flatten", "bool i8 i16 i32 i64 u8 u16 u32 u64", 9, 0},
    {"Gemm MatMul PRelu", "i32 i64 u32 u64", 9, 0},
    {"Greater Less", "i8 i16 i32 i64 u8 u16 u32 u64", 9, 0},
};

static int check_input(const struct node *n, int i, int since, const char *dtypes, struct error *err)
{
    const char *name = dtype_info(onnx_lower_dtype(n, i))->name;
    if (!text_has_word(dtypes, name))
        return 0;
    return onnx_edit_error(n, err, "input %d, being %s, needs opset %d", i, name, since);
}

/* The first opset in which operators pass on sequences, or optionals. */
static int opset_of_kind(const struct node *n, enum type_kind kind)
{
    bool control = node_is(n, "If") || node_is(n, "Loop") || node_is(n, "Scan");
    if (!control && !node_is(n, "Identity"))
        return 0;
    return kind == TYPE_OPTIONAL ? 16 : kind == TYPE_SEQUENCE ? (control ? 13 : 14) : 0;
}

static int check_operands(const struct node *n, struct value *const *operands, int count, int opset, struct error *err)
{
    for (int i = 0; i < count; i++) {
        int since = operands[i] ? opset_of_kind(n, operands[i]->type.kind) : 0;
        if (opset < since)
            return onnx_lower_needs(n, since, "an operand that is no tensor", err);
    }
    return 0;
}

/* Operands that are no tensors, and what takes more than optionals by now. */
static int check_kinds(const struct node *n, int opset, struct error *err)
{
    enum type_kind kind = node_in(n, 0) ? n->in[0]->type.kind : TYPE_UNKNOWN;
    bool optional = node_is(n, "OptionalGetElement") || node_is(n, "OptionalHasElement");
    if (optional && opset < 18 && (!node_in(n, 0) || kind == TYPE_TENSOR || kind == TYPE_SEQUENCE))
        return onnx_lower_needs(n, 18, "an input that is no optional", err);
    if (check_operands(n, n->in, n->in_count, opset, err) != 0)
        return -1;
    return check_operands(n, n->out, n->out_count, opset, err);
}

int onnx_lower_check_types(const struct node *n, int opset, struct error *err)
{
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        if (opset >= rows[r].since || !text_has_word(rows[r].ops, n->op))
            continue;
        for (int i = 0; i < n->in_count; i++)
            if ((rows[r].input < 0 || rows[r].input == i) && check_input(n, i, rows[r].since, rows[r].dtypes, err) != 0)
                return -1;
    }
    return check_kinds(n, opset, err);
}
