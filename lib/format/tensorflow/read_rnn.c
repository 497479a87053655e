/* Whole cells and layers as one operator: gates input, cell, forget, output of the last axis in the older ones. */
#include <stdio.h>
#include <string.h>

#include "format/tensorflow/tensorflow.h"

/* x, cell and h before, weights of both, weights of peepholes, bias. */
void tensorflow_read_lstm_cell(struct tensorflow_op *o)
{
    char text[600];
    bool peeps = tensorflow_bool(o, "use_peephole", false);
    snprintf(text, sizeof(text),
             "$0 $2 Concat:2/axis=1 $3 MatMul:2 $7 Add:2 Split/num_outputs=4/axis=1 >s s .3 >t s %s "
             "Sigmoid >i s .1 Tanh >j "
             "s .2 %s %%forget_bias=1 Add:2 Sigmoid >k k $1 Mul:2 i j Mul:2 Add:2 %s >n t %s Sigmoid >o n Tanh >q "
             "i n k o j q o q Mul:2",
             peeps ? "$1 $4 Mul:2 Add:2" : "", peeps ? "$1 $5 Mul:2 Add:2" : "",
             tensorflow_float(o, "cell_clip", 3) > 0 ? "%cell_clip=3 Neg %cell_clip=3 Clip:3" : "",
             peeps ? "n $6 Mul:2 Add:2" : "");
    tensorflow_formula(o, text);
}

/* Gates of the last axis in ONNX's order (input, output, forget, cell), as rows: [1, 4 * units, …]. */
static struct value *rows(struct tensorflow_op *o, struct value *v, bool is_matrix)
{
    struct value *part[4];
    v = is_matrix ? build_transpose(o->b, v, 2, (int64_t[]){1, 0}) : v;
    v = BUILD(o->b, "Split/num_outputs=4", v);
    for (int i = 0; i < 4; i++)
        part[i] = build_output(o->b, v, o->kind->onnx[i] - '0');
    return build_unsqueeze(o->b, build_int(o->b, build_node(o->b, "Concat", 4, part), "axis", 0), 0);
}

static struct value *bias(struct tensorflow_op *o, int64_t units)
{
    static const float gate[] = {0, 0, 1, 0};
    bool is_first = strcmp(o->node->op, "BlockLSTM") == 0;
    struct value *own = rows(o, tensorflow_in(o, 8), false);
    struct value *more = build_reshape(o->b, build_f32s(o->b, 4, gate), 2, (int64_t[]){4, 1});
    more = BUILD(o->b, "Expand", more, BUILD_LIST(o->b, 4, units));
    more = BUILD(o->b, "Mul", build_reshape(o->b, more, 2, (int64_t[]){1, -1}),
                 build_number(o->b, DTYPE_F32, (double)tensorflow_float(o, "forget_bias", is_first)));
    return BUILD(o->b, "Concat/axis=1", own, more);
}

/* How many steps, x [steps, N, in], then as a cell. Of its results only h of all steps is one of ONNX's. */
void tensorflow_read_block_lstm(struct tensorflow_op *o)
{
    struct build *b = o->b;
    int64_t units = tensorflow_dim(o, 8, 0) / 4, in = tensorflow_dim(o, 4, 0) - units, steps;
    bool peeps = tensorflow_bool(o, "use_peephole", false);
    if (units < 1 || in < 1 || tensorflow_float(o, "cell_clip", strcmp(o->node->op, "BlockLSTM") == 0 ? 3 : 0) > 0 ||
        tensorflow_rank(o, 1) != 3)
        build_fail(b, "want weights of known size, three axes, and a cell that is not clipped");
    struct value *w = rows(o, build_slice(b, tensorflow_in(o, 4), 0, 0, in), true),
                 *r = rows(o, build_slice(b, tensorflow_in(o, 4), 0, in, INT64_MAX), true), *lengths = NULL, *p = NULL;
    if (tensorflow_ints(o, 0, &steps, 1) != 1 || steps != tensorflow_dim(o, 1, 0))
        lengths = BUILD(b, "Expand", build_cast(b, tensorflow_in(o, 0), DTYPE_I32),
                        build_shape(b, tensorflow_in(o, 1), 1, 2));
    if (peeps)
        p = build_unsqueeze(b, BUILD(b, "Concat/axis=0", tensorflow_in(o, 5), tensorflow_in(o, 7), tensorflow_in(o, 6)),
                            0);
    struct value *v = BUILD(b, "LSTM", tensorflow_in(o, 1), w, r, bias(o, units), lengths,
                            build_unsqueeze(b, tensorflow_in(o, 3), 0), build_unsqueeze(b, tensorflow_in(o, 2), 0), p);
    build_int(b, v, "hidden_size", units);
    tensorflow_give(o, 6, BUILD(b, "Squeeze", v, BUILD_LIST(b, 1)));
}
