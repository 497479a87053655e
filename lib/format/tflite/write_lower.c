/* What a graph is brought to before it is written: operators that TFLite has. */
#include <string.h>

#include "base/packed.h"
#include "format/tflite/lower.h"
#include "op/quant.h"

#define ROUNDS 8 /* what one gives may be another's */

int tflite_lower_arithmetic(struct node *n, struct error *err)
{
    return format_lower(n, err);
}

int tflite_lower_signal(struct node *n, struct error *err)
{
    return format_lower_signal(n, err);
}

/* ---- when ---- */

static bool always(const struct node *n)
{
    return n->in_count > 0;
}

static bool is_flat(const struct node *n)
{
    return n->in[0]->type.rank == 3;
}

static bool is_grouped(const struct node *n)
{
    return op_int(n, "group") > 1;
}

/* Of images there are depthwise ones. */
static bool is_grouped_volume(const struct node *n)
{
    return n->in[0]->type.rank == 5 && is_grouped(n);
}

static bool is_columns(const struct node *n)
{
    return strcmp(op_string(n, "mode"), "DCR") != 0;
}

static bool is_scaled(const struct node *n)
{
    return op_float(n, "alpha") != 1;
}

/* Not x W + b with constants. */
static bool is_general(const struct node *n)
{
    const struct value *c = node_in(n, 2);
    return op_int(n, "transA") || op_float(n, "alpha") != 1 || !tflite_is_constant(n->in[1]) ||
           (c && (op_float(n, "beta") != 1 || !tflite_is_constant(c) || c->type.rank != 1));
}

static bool has_vector(const struct node *n)
{
    return n->in[0]->type.rank == 1 || n->in[1]->type.rank == 1;
}

static bool is_several(const struct node *n)
{
    return n->in_count != 2;
}

static bool is_fmod(const struct node *n)
{
    return op_int(n, "fmod") != 0;
}

static bool is_edge(const struct node *n)
{
    return strcmp(op_string(n, "mode"), "edge") == 0;
}

/* Not along the last axis; of four, that of channels becomes it. */
static bool is_inner(const struct node *n)
{
    int rank = n->in[0]->type.rank;
    int64_t axis = op_int(n, "axis");
    axis += axis < 0 ? rank : 0;
    return rank > 1 && axis != rank - 1 && !(rank == 4 && axis == 1);
}

static bool is_inner_or_least(const struct node *n)
{
    int rank = n->in[0]->type.rank;
    int64_t axis = op_int(n, "axis");
    return rank > 0 && ((axis != -1 && axis != rank - 1) || !op_int(n, "largest"));
}

/* Means that TFLite's pooling does not take: it counts what is inside, by sizes rounded down. */
static bool wants_average(const struct node *n)
{
    const struct type *x = &n->in[0]->type, *y = &n->out[0]->type;
    int count;
    const int64_t *pads = op_ints(n, "pads", &count);
    bool is_padded = false;
    for (int i = 0; i < count; i++)
        is_padded = is_padded || (pads[i] && strcmp(op_string(n, "auto_pad"), "NOTSET") == 0);
    const int64_t *kernel = op_ints(n, "kernel_shape", &count);
    bool is_known = x->rank == 4 && kernel && x->dims[2] > 0 && x->dims[3] > 0 && y->rank == 4 && y->dims[2] > 0 &&
                    y->dims[3] > 0 && !op_has(n, "dilations");
    return is_known && (op_int(n, "ceil_mode") || (is_padded && !op_int(n, "count_include_pad")));
}

static bool is_constant(const struct value *v)
{
    return v->constant && !v->is_input;
}

/* Integers with one scale made real before they are moved; a Transpose of what is no constant is left. */
static bool is_behind_stored(const struct node *n)
{
    const struct node *d = n->in[0]->producer;
    bool is_whole =
        d && node_is(d, "DequantizeLinear") && node_in(d, 1)->constant && node_in(d, 1)->constant->count == 1;
    return is_whole && (is_constant(d->in[0]) || (d->in[0]->producer && !node_is(n, "Transpose")));
}

/* Scales of blocks, which are written as real numbers. */
static bool has_blocks(const struct node *n)
{
    return op_int(n, "block_size") > 0;
}

static bool is_moved_constant(const struct node *n)
{
    return is_constant(n->in[0]) && n->in[0]->type.dtype != DTYPE_STRING && !n->out[0]->is_output;
}

/* Whether a Transpose moves only axes of size 1. */
static bool keeps_order(const struct node *n)
{
    int count = 0;
    int64_t last = -1;
    const int64_t *perm = node_is(n, "Transpose") ? op_ints(n, "perm", &count) : NULL;
    for (int i = 0; i < count; i++) {
        if (n->in[0]->type.dims[perm[i]] == 1)
            continue;
        if (perm[i] < last)
            return false;
        last = perm[i];
    }
    return perm != NULL;
}

/* Behind another change of shape, and to known sizes. */
static bool is_second_view(const struct node *n)
{
    const struct node *p = n->in[0]->producer;
    const struct type *y = &n->out[0]->type;
    if (!p || !(op_trait(p, "view") || keeps_order(p)) || p->in[0]->constant || y->rank < 0 || p->graph != n->graph)
        return false;
    for (int i = 0; i < y->rank; i++)
        if (y->dims[i] < 0)
            return false;
    return !(node_is(p, "Transpose") && p->in[0]->producer && !op_trait(p->in[0]->producer, "view"));
}

/* Several, beside several open sizes. */
static bool has_unsaid_axes(const struct node *n)
{
    const struct type *y = &n->out[0]->type;
    const struct value *axes = node_in(n, 1);
    int open = 0;
    for (int i = 0; i < y->rank; i++)
        open += y->dims[i] < 0;
    return axes && axes->constant && axes->constant->count > 1 && open > 1;
}

static bool is_turn(const struct node *n)
{
    int64_t perm[4];
    return tflite_turn(n, perm);
}

static const struct {
    int (*lower)(struct node *n, struct error *err);
    bool (*when)(const struct node *n);
} functions[] = {
#define LOWERS(op, function, when) {tflite_lower_##function, when},
#include "format/tflite/lowers.def"
#undef LOWERS
};

struct row {
    const char *op;
    int (*lower)(struct node *n, struct error *err);
    bool (*when)(const struct node *n);
};

#include "format/tflite/lowers.inc"
PACKED_TABLE(rows, struct row, 1, functions);

/* ---- the whole ---- */

/* 1 when the node has been written as others, 0 when it stays, -1 after a failure. */
static int lower(struct node *n, struct error *err)
{
    const struct row *row;
    const struct tflite_writes *writes = tflite_writes_of(n);
    int made = writes && !format_takes(n, writes->types) ? format_widen(n, writes->types, err) : 0;
    if (made)
        return made;
    for (size_t i = 0; n->def && (row = packed_row(&rows, i)); i++)
        if (node_is(n, row->op) && row->when(n))
            return row->lower(n, err);
    if (writes || !n->def)
        return 0;
    made = node_in(n, 0) ? format_lower(n, err) : 0;
    if (made || !n->def->expand)
        return made;
    return n->def->expand(n, err) == 0 ? 1 : -1;
}

/* New nodes come before the old one. */
static int lower_all(struct graph *g, bool *any, struct error *err)
{
    for (struct node *n = g->first, *next; n; n = next) {
        next = n->next;
        int made = lower(n, err);
        if (made < 0)
            return -1;
        if (made)
            graph_remove_node(n);
        *any = *any || made;
    }
    return op_infer_graph(g, err);
}

/* Of the sizes that a Resize is given TFLite takes the last two: what makes the others is let go where it makes no
 * more. */
static int last_sizes(struct node *n, struct error *err)
{
    const struct node *all = node_is(n, "Resize") && node_in(n, 3) ? n->in[3]->producer : NULL;
    if (!all || !node_is(all, "Concat") || !node_in(n, 0) || !node_out(n, 0))
        return 0;
    const struct type *x = &n->in[0]->type, *y = &n->out[0]->type;
    struct value *last = all->in[all->in_count - 1];
    bool is_plane = x->rank == 4 && y->rank == 4 && x->dims[0] == y->dims[0] && x->dims[1] == y->dims[1];
    return is_plane && last && last->type.rank == 1 && last->type.dims[0] == 2 ? node_set_input(n, 3, last, err) : 0;
}

/* Lists of sizes and places have 32 bits there: what a Cast made 64 bits wide for ONNX is taken before it. */
static int narrow_lists(struct graph *g, struct error *err)
{
    static const struct {
        const char *op;
        int first, last;
    } lists[] = {{"Expand", 1, 1}, {"Reshape", 1, 1}, {"Resize", 3, 3}, {"Slice", 1, 4}, {"Tile", 1, 1}};
    for (struct node *n = g->first; n; n = n->next) {
        if (last_sizes(n, err) < 0)
            return -1;
        for (size_t k = 0; k < sizeof lists / sizeof *lists; k++)
            for (int i = lists[k].first; node_is(n, lists[k].op) && i <= lists[k].last; i++) {
                const struct node *cast = node_in(n, i) ? n->in[i]->producer : NULL;
                if (cast && node_is(cast, "Cast") && node_in(cast, 0) && cast->in[0]->type.dtype == DTYPE_I32 &&
                    node_set_input(n, i, cast->in[0], err) < 0)
                    return -1;
            }
    }
    return 0;
}

/* Weights of u8 are those of older files, whose kernels take such activations. */
static bool has_old_weights(const struct graph *g)
{
    for (const struct node *n = g->first; n; n = n->next)
        if (node_is(n, "DequantizeLinear") && n->in[0]->type.dtype == DTYPE_U8 && n->in[0]->constant &&
            n->in[0]->type.rank > 1)
            return true;
    return false;
}

/* Activations of s8 are all that TFLite multiplies by weights of s8. */
static int sign_bytes(struct graph *g, struct error *err)
{
    return has_old_weights(g) ? 0 : op_turn_bytes(g, DTYPE_I8, QUANT_ANY, err);
}

int tflite_lower(struct graph *g, struct error *err)
{
    bool any = true;
    int status = op_infer_graph(g, err);
    for (int i = 0; i < ROUNDS && any && status == 0; i++) {
        any = false;
        status = lower_all(g, &any, err);
    }
    return status || sign_bytes(g, err) ? -1 : narrow_lists(g, err);
}
