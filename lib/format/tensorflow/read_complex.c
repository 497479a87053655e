/* Complex numbers are pairs along a last axis of their own, which few of the operators that have them may meet: the
 * others are formulas of the parts, or read once for each part. */
#include <string.h>

#include "base/text.h"
#include "format/tensorflow/tensorflow.h"

enum form {
    PLAIN,   /* it knows of the pairs */
    PARTS,   /* moves elements, or adds them up */
    OUTSIDE, /* is of the shape alone */
    PRODUCT, /* linear in both inputs */
    UNKNOWN
};

#define HALVES                                                                                                         \
    "$0 [0] Gather:2/axis=-1 >p $0 [1] Gather:2/axis=-1 >q $1 [0] Gather:2/axis=-1 >r $1 [1] Gather:2/axis=-1 >s "
#define QUOTIENT                                                                                                       \
    HALVES "r r Mul:2 s s Mul:2 Add:2 >u p r Mul:2 q s Mul:2 Add:2 u Div:2 q r Mul:2 p s Mul:2 Sub:2 u Div:2 "         \
           "Concat:2/axis=-1"

static const struct {
    const char *op, *formula;
} formulas[] = {
    {"Add", "$0 $1 Add:2"},
    {"AddV2", "$0 $1 Add:2"},
    {"Sub", "$0 $1 Sub:2"},
    {"Neg", "$0 Neg"},
    {"Mul", HALVES "p r Mul:2 q s Mul:2 Sub:2 p s Mul:2 q r Mul:2 Add:2 Concat:2/axis=-1"},
    {"Div", QUOTIENT},
    {"RealDiv", QUOTIENT},
    {"Exp", "$0 [1] Gather:2/axis=-1 >q q Cos q Sin Concat:2/axis=-1 $0 [0] Gather:2/axis=-1 Exp Mul:2"},
};

/* The other operators. */
static const char *const ops[] = {
    [PLAIN] = "Identity ComplexAbs Real Imag Angle Conj Complex Gather GatherNd",
    [PRODUCT] = "MatMul Einsum BatchMatMulV2",
    [OUTSIDE] = "Shape Size Rank",
    [PARTS] = ("Reshape StridedSlice Slice Transpose ExpandDims Squeeze ConcatV2 Pack Unpack Split SplitV Pad Tile "
               "BroadcastTo GatherV2 ReverseV2 Roll Sum Mean"),
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
    if (from != to) {
        tensorflow_formula(o, from ? "$0 #_=0 Gather:2/axis=-1"
                                   : "$0 Cast/to=1 [-1] Unsqueeze:2 >x x x x Sub:2 Concat:2/axis=-1");
        return true;
    }
    if (!from && !is_complex(n, "T") && !is_complex(n, "Tparams"))
        return false;
    for (size_t i = 0; i < sizeof(formulas) / sizeof(*formulas); i++)
        if (strcmp(formulas[i].op, n->op) == 0) {
            tensorflow_formula(o, formulas[i].formula);
            return true;
        }
    enum form form = PLAIN;
    while (form < UNKNOWN && !text_has_word(ops[form], n->op))
        form++;
    if (form == PLAIN)
        return false;
    struct value **in = arena_alloc(&o->scope->r->arena, (size_t)(o->in_count + 1) * sizeof(*in), o->b->err);
    build_check(o->b, in != NULL);
    if (form == UNKNOWN)
        build_fail(o->b, "it is not read of complex numbers");
    if (o->b->failed)
        return true;
    memcpy(in, o->in, (size_t)o->in_count * sizeof(*in));
    if (form == PRODUCT)
        read_product(o, in);
    else
        read_parts(o, in, form == PARTS);
    return true;
}
