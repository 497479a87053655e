/* Complex numbers are pairs along a last axis of their own, which few of the operators that have them may meet: the
 * others are formulas of the parts, or read once for each part. */
#include <string.h>

#include "format/tensorflow/tensorflow.h"

enum form {
    FORMULA,
    PLAIN,   /* it knows of the pairs */
    PARTS,   /* moves elements, or adds them up */
    OUTSIDE, /* is of the shape alone */
    PRODUCT  /* linear in both inputs */
};

#define HALVES                                                                                                         \
    "$0 [0] Gather:2/axis=-1 >p $0 [1] Gather:2/axis=-1 >q $1 [0] Gather:2/axis=-1 >r $1 [1] Gather:2/axis=-1 >s "
#define QUOTIENT                                                                                                       \
    HALVES "r r Mul:2 s s Mul:2 Add:2 >u p r Mul:2 q s Mul:2 Add:2 u Div:2 q r Mul:2 p s Mul:2 Sub:2 u Div:2 "         \
           "Concat:2/axis=-1"

static const struct {
    const char *op;
    enum form form;
    const char *formula;
} forms[] = {
    {"Add", FORMULA, "$0 $1 Add:2"},
    {"AddV2", FORMULA, "$0 $1 Add:2"},
    {"Sub", FORMULA, "$0 $1 Sub:2"},
    {"Neg", FORMULA, "$0 Neg"},
    {"Mul", FORMULA, HALVES "p r Mul:2 q s Mul:2 Sub:2 p s Mul:2 q r Mul:2 Add:2 Concat:2/axis=-1"},
    {"Div", FORMULA, QUOTIENT},
    {"RealDiv", FORMULA, QUOTIENT},
    {"Exp", FORMULA, "$0 [1] Gather:2/axis=-1 >q q Cos q Sin Concat:2/axis=-1 $0 [0] Gather:2/axis=-1 Exp Mul:2"},
    {"Identity", PLAIN, NULL},
    {"ComplexAbs", PLAIN, NULL},
    {"Real", PLAIN, NULL},
    {"Imag", PLAIN, NULL},
    {"Angle", PLAIN, NULL},
    {"Conj", PLAIN, NULL},
    {"Complex", PLAIN, NULL},
    {"Gather", PLAIN, NULL},
    {"GatherNd", PLAIN, NULL},
    {"MatMul", PRODUCT, NULL},
    {"Einsum", PRODUCT, NULL},
    {"BatchMatMulV2", PRODUCT, NULL},
    {"Shape", OUTSIDE, NULL},
    {"Size", OUTSIDE, NULL},
    {"Rank", OUTSIDE, NULL},
    {"Reshape", PARTS, NULL},
    {"StridedSlice", PARTS, NULL},
    {"Slice", PARTS, NULL},
    {"Transpose", PARTS, NULL},
    {"ExpandDims", PARTS, NULL},
    {"Squeeze", PARTS, NULL},
    {"ConcatV2", PARTS, NULL},
    {"Pack", PARTS, NULL},
    {"Unpack", PARTS, NULL},
    {"Split", PARTS, NULL},
    {"SplitV", PARTS, NULL},
    {"Pad", PARTS, NULL},
    {"Tile", PARTS, NULL},
    {"BroadcastTo", PARTS, NULL},
    {"GatherV2", PARTS, NULL},
    {"ReverseV2", PARTS, NULL},
    {"Roll", PARTS, NULL},
    {"Sum", PARTS, NULL},
    {"Mean", PARTS, NULL},
};

static bool is_complex(const struct tensorflow_node *n, const char *attr)
{
    return dtype_info(tensorflow_dtype(protobuf_int(tensorflow_attr(n->message, attr), "type", 0)))->class ==
           DTYPE_CLASS_COMPLEX;
}

/* Reads the operator for parts `which[i]` of its inputs; those of other types, as axes, stay. */
static void read_part(struct tensorflow_op *o, struct value *const *in, const int *which)
{
    for (int i = 0; i < o->in_count && !o->b->failed; i++) {
        bool is_pair = dtype_info(build_dtype_of(o->b, in[i]))->class == DTYPE_CLASS_FLOAT;
        struct value *at = is_pair ? build_number(o->b, DTYPE_I64, which[i > 0]) : NULL;
        o->in[i] = is_pair ? build_int(o->b, BUILD(o->b, "Gather", in[i], at), "axis", -1) : in[i];
    }
    if (!o->b->failed)
        o->kind->read(o);
}

static struct value *pair(struct build *b, struct value *real, struct value *imaginary)
{
    return BUILD(b, "Concat/axis=-1", build_unsqueeze(b, real, -1), build_unsqueeze(b, imaginary, -1));
}

static void read_parts(struct tensorflow_op *o, struct value *const *in, bool both)
{
    struct value *real[TENSORFLOW_OUTPUTS], **out = o->node->out;
    read_part(o, in, (int[]){0, 0});
    memcpy(real, out, sizeof(real));
    if (both)
        read_part(o, in, (int[]){1, 1});
    for (int i = 0; i < TENSORFLOW_OUTPUTS && out[i] && both && !o->b->failed; i++)
        out[i] = pair(o->b, real[i], out[i]);
}

static void read_product(struct tensorflow_op *o, struct value *const *in)
{
    struct value *v[4];
    if (o->in_count != 2 || tensorflow_bool(o, "adj_x", false) || tensorflow_bool(o, "adj_y", false))
        build_fail(o->b, "of complex numbers a product of two values is read, without conjugates");
    for (int k = 0; k < 4 && !o->b->failed; k++) {
        read_part(o, in, (int[]){k / 2, k % 2});
        v[k] = o->node->out[0];
    }
    if (!o->b->failed)
        tensorflow_give(o, 0, pair(o->b, BUILD(o->b, "Sub", v[0], v[3]), BUILD(o->b, "Add", v[1], v[2])));
}

bool tensorflow_read_complex(struct tensorflow_op *o)
{
    const struct tensorflow_node *n = o->node;
    bool from = is_complex(n, "SrcT"), to = is_complex(n, "DstT");
    size_t i = 0, count = sizeof(forms) / sizeof(*forms);
    if (from != to) {
        tensorflow_formula(o, from ? "$0 #_=0 Gather:2/axis=-1"
                                   : "$0 Cast/to=1 [-1] Unsqueeze:2 >x x x x Sub:2 Concat:2/axis=-1");
        return true;
    }
    if (!from && !is_complex(n, "T") && !is_complex(n, "Tparams"))
        return false;
    while (i < count && strcmp(forms[i].op, n->op) != 0)
        i++;
    if (i < count && forms[i].form == PLAIN)
        return false;
    struct value **in = arena_alloc(&o->scope->r->arena, (size_t)(o->in_count + 1) * sizeof(*in), o->b->err);
    build_check(o->b, in != NULL);
    if (i == count)
        build_fail(o->b, "it is not read of complex numbers");
    if (o->b->failed)
        return true;
    memcpy(in, o->in, (size_t)o->in_count * sizeof(*in));
    if (forms[i].form == FORMULA)
        tensorflow_formula(o, forms[i].formula);
    else if (forms[i].form == PRODUCT)
        read_product(o, in);
    else
        read_parts(o, in, forms[i].form == PARTS);
    return true;
}
