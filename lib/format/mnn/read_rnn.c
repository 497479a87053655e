/* Recurrent layers, whose weights are inputs. */
#include <string.h>

#include "format/mnn/handlers.h"

static struct value *joined(struct mnn_op *o, int64_t axis, int count, struct value *const *parts)
{
    return build_int(o->b, build_node(o->b, "Concat", count, parts), "axis", axis);
}

/* The first dim of weights [directions, …]. */
static const char *direction(struct mnn_op *o, struct value *weight)
{
    const struct type *type = weight ? build_type(o->b, weight) : NULL;
    return type && type->rank == 3 && type->dims[0] == 2 ? "bidirectional" : "forward";
}

static void give_all(struct mnn_op *o, struct value *y)
{
    build_output(o->b, y, (int)o->out.count - 1);
    for (size_t i = 0; i < o->out.count && !o->b->failed; i++)
        mnn_give_as(o, i, build_output(o->b, y, (int)i), MNN_NCHW);
}

/* LSTM and RNN as ONNX has them; the two biases are one. */
void mnn_read_rnn(struct mnn_op *o)
{
    struct value *x = mnn_in(o, 0), *w = mnn_in(o, 1), *r = mnn_in(o, 2), *b = NULL;
    if (o->in.count < 4) {
        mnn_read_opaque(o);
        return;
    }
    if (mnn_has_in(o, 3)) {
        b = mnn_in(o, 3);
        struct value *none = BUILD(o->b, "Mul", b, build_number(o->b, DTYPE_F32, 0));
        b = joined(o, 1, 2, (struct value *[]){b, none});
    }
    struct value *h = mnn_has_in(o, 4) ? mnn_in(o, 4) : NULL, *c = mnn_has_in(o, 5) ? mnn_in(o, 5) : NULL;
    const struct type *type = r ? build_type(o->b, r) : NULL;
    struct value *y = BUILD(o->b, o->kind->onnx, x, w, r, b, NULL, h, strcmp(o->kind->onnx, "LSTM") == 0 ? c : NULL);
    build_string(o->b, y, "direction", direction(o, w));
    if (type && type->rank == 3 && type->dims[2] > 0)
        build_int(o->b, y, "hidden_size", type->dims[2]);
    give_all(o, y);
}

/* ---- GRU ---- */

struct gru {
    struct value *w, *r, *b; /* [1, 3 * units, …] */
};

/* One direction: gates (update, reset) and candidate, each over input and state together, [inputs + units, …]. */
static struct gru read_gru(struct mnn_op *o, size_t first, int64_t units)
{
    struct value *gate = mnn_in(o, first), *candidate = mnn_in(o, first + 2);
    struct value *bias[3] = {mnn_int_vector(o, mnn_in(o, first + 1)), mnn_int_vector(o, mnn_in(o, first + 3)),
                             mnn_int_vector(o, mnn_in(o, first + 4))};
    const struct type *type = gate ? build_type(o->b, gate) : NULL;
    struct gru g = {0};
    if (type && (type->rank != 2 || type->dims[0] <= units))
        build_fail(o->b, "its weights are not of input and state");
    if (o->b->failed)
        return g;
    int64_t inputs = type->dims[0] - units, rows = type->dims[0];
    struct value *w[2] = {build_slice(o->b, gate, 0, 0, inputs), build_slice(o->b, candidate, 0, 0, inputs)};
    struct value *r[2] = {build_slice(o->b, gate, 0, inputs, rows), build_slice(o->b, candidate, 0, inputs, rows)};
    const int64_t perm[2] = {1, 0};
    g.w = build_unsqueeze(o->b, build_transpose(o->b, joined(o, 1, 2, w), 2, perm), 0);
    g.r = build_unsqueeze(o->b, build_transpose(o->b, joined(o, 1, 2, r), 2, perm), 0);
    g.b = build_unsqueeze(o->b, joined(o, 0, 3, bias), 0);
    return g;
}

void mnn_read_gru(struct mnn_op *o)
{
    int64_t units = mnn_int(&o->param, "numUnits");
    bool both = mnn_int(&o->param, "isBidirectionalRNN") != 0;
    size_t given = both ? 11 : 6;
    if (o->in.count < given || !mnn_int(&o->param, "keepAllOutputs")) {
        mnn_read_opaque(o);
        return;
    }
    struct value *x = mnn_in(o, 0), *state = mnn_has_in(o, given) ? mnn_in(o, given) : NULL;
    struct gru g = read_gru(o, 1, units), back = both ? read_gru(o, 6, units) : g;
    struct value *w = both ? joined(o, 0, 2, (struct value *[]){g.w, back.w}) : g.w;
    struct value *r = both ? joined(o, 0, 2, (struct value *[]){g.r, back.r}) : g.r;
    struct value *b = both ? joined(o, 0, 2, (struct value *[]){g.b, back.b}) : g.b;
    struct value *y = BUILD(o->b, "GRU", x, w, r, b, NULL, state);
    build_int(o->b, y, "hidden_size", units);
    build_int(o->b, y, "linear_before_reset", mnn_int(&o->param, "linearBeforeReset"));
    give_all(o, build_string(o->b, y, "direction", both ? "bidirectional" : "forward"));
}
