/* Scan. */
#include <stdlib.h>
#include <string.h>

#include "op/control.h"
#include "op/util.h"

/* The scan's numbers: N states, M scanned inputs, K stacked outputs, and its lists. */
struct scan {
    struct graph *body;
    int states, inputs, outputs;
    const int64_t *in_axes, *in_directions, *out_axes, *out_directions; /* NULL: all 0 */
};

static int list_of(const struct node *n, const char *name, int want, const int64_t **list)
{
    int count;
    *list = op_ints(n, name, &count);
    if (count == 0)
        *list = NULL;
    return count == 0 || count == want ? 0 : -1;
}

static const char *scan_fault(const struct node *n, struct scan *s)
{
    int64_t inputs = op_int(n, "num_scan_inputs");
    s->body = op_graph(n, "body");
    if (inputs < 1 || inputs > n->in_count)
        return "attribute num_scan_inputs: want from 1 to the number of inputs";
    s->inputs = (int)inputs;
    s->states = n->in_count - s->inputs;
    if (!s->body || s->body->input_count != (size_t)n->in_count)
        return "body has another number of inputs than the node";
    if (s->body->output_count != (size_t)n->out_count || n->out_count < s->states)
        return "body has another number of outputs than the node";
    s->outputs = n->out_count - s->states;
    if (list_of(n, "scan_input_axes", s->inputs, &s->in_axes))
        return "attribute scan_input_axes: want one for each scan input";
    if (list_of(n, "scan_input_directions", s->inputs, &s->in_directions))
        return "attribute scan_input_directions: want one for each scan input";
    if (list_of(n, "scan_output_axes", s->outputs, &s->out_axes))
        return "attribute scan_output_axes: want one for each scan output";
    if (list_of(n, "scan_output_directions", s->outputs, &s->out_directions))
        return "attribute scan_output_directions: want one for each scan output";
    return NULL;
}

static int64_t entry(const int64_t *list, int i)
{
    return list ? list[i] : 0;
}

/* ---- types ---- */

/* The type without the scanned axis, whose size narrows *length. */
static int slice_type(struct op_infer *c, const struct scan *s, int i, struct type *slice, int64_t *length,
                      struct error *err)
{
    const struct type *type = infer_type(c, s->states + i);
    int axis;
    *slice = (struct type){.kind = TYPE_TENSOR, .rank = -1};
    if (!type || type->kind != TYPE_TENSOR)
        return 0;
    slice->dtype = type->dtype;
    if (type->rank < 0)
        return 0;
    if (infer_axis(c, "scan_input_axes", entry(s->in_axes, i), type->rank, &axis, err))
        return -1;
    if (*length >= 0 && type->dims[axis] >= 0 && type->dims[axis] != *length)
        return infer_error(c, err, "scan input %d has length %lld, another %lld", i, (long long)type->dims[axis],
                           (long long)*length);
    if (*length < 0 && type->dims[axis] != DIM_UNKNOWN)
        *length = type->dims[axis];
    slice->rank = type->rank - 1;
    for (int d = 0; d < slice->rank; d++)
        slice->dims[d] = type->dims[d + (d >= axis)];
    return 0;
}

/* A state keeps its shape. */
static int check_state(const struct op_infer *c, const struct scan *s, int i, struct error *err)
{
    const struct type *before = &s->body->inputs[i]->type, *after = &s->body->outputs[i]->type;
    char a[200], b[200];
    if (before->kind != TYPE_TENSOR || after->kind != TYPE_TENSOR || before->rank < 0 || after->rank < 0)
        return 0;
    bool same = before->rank == after->rank;
    for (int d = 0; same && d < after->rank; d++)
        same = before->dims[d] == after->dims[d] || before->dims[d] < 0 || after->dims[d] < 0;
    return same ? 0
                : infer_error(c, err, "state %d goes into body as %s and comes out as %s", i,
                              type_text(c->graph, before, a, sizeof(a)), type_text(c->graph, after, b, sizeof(b)));
}

static int infer_outputs(struct op_infer *c, const struct scan *s, int64_t length, struct error *err)
{
    for (int o = 0; o < s->states; o++)
        if (check_state(c, s, o, err) || infer_set_type(c, o, &s->body->outputs[o]->type, err))
            return -1;
    for (int k = 0; k < s->outputs; k++) {
        struct type type;
        if (control_stacked_type(c, &s->body->outputs[s->states + k]->type, "scan_output_axes", entry(s->out_axes, k),
                                 length, &type, err) ||
            infer_set_type(c, s->states + k, &type, err))
            return -1;
    }
    return 0;
}

int infer_scan(struct op_infer *c, struct error *err)
{
    struct scan s;
    const char *fault = scan_fault(c->node, &s);
    int64_t length = DIM_UNKNOWN;
    if (fault)
        return infer_error(c, err, "%s", fault);
    struct type *types = mem_calloc(s.body->input_count, sizeof(*types), err);
    int result = types ? 0 : -1;
    for (int i = 0; i < s.states && result == 0; i++)
        types[i] = control_type_of(c, i);
    for (int i = 0; i < s.inputs && result == 0; i++)
        result = slice_type(c, &s, i, &types[s.states + i], &length, err);
    if (result == 0)
        result = control_infer_body(s.body, types, false, err);
    if (result == 0)
        result = infer_outputs(c, &s, length, err);
    free(types);
    return result;
}

/* ---- evaluation ---- */

static struct item *slice_at(const struct tensor *t, int axis, int64_t index, struct error *err)
{
    int64_t dims[TENSOR_MAX_RANK], outer = 1, inner = 1;
    for (int d = 0; d < t->rank - 1; d++)
        dims[d] = t->dims[d + (d >= axis)];
    for (int d = 0; d < t->rank; d++)
        if (d != axis)
            *(d < axis ? &outer : &inner) *= t->dims[d];
    struct tensor *slice = tensor_new(t->dtype, t->rank - 1, dims, err);
    for (int64_t k = 0; slice && k < outer; k++)
        op_move(slice, k * inner, 1, t, (k * t->dims[axis] + index) * inner, 1, inner);
    return item_of_tensor(slice, err);
}

static int check_inputs(struct op_eval *c, const struct scan *s, int64_t *length, struct error *err)
{
    for (int i = 0; i < s->inputs; i++) {
        const struct tensor *t = eval_in(c, s->states + i);
        int axis;
        int64_t direction = entry(s->in_directions, i);
        if (eval_axis(c, "scan_input_axes", entry(s->in_axes, i), t->rank, &axis, err))
            return -1;
        if (direction != 0 && direction != 1)
            return eval_error(c, err, "attribute scan_input_directions: %lld, want 0 or 1", (long long)direction);
        if (i > 0 && t->dims[axis] != *length)
            return eval_error(c, err, "scan input %d has length %lld, another %lld", i, (long long)t->dims[axis],
                              (long long)*length);
        *length = t->dims[axis];
    }
    for (int k = 0; k < s->outputs; k++)
        if (entry(s->out_directions, k) != 0 && entry(s->out_directions, k) != 1)
            return eval_error(c, err, "attribute scan_output_directions: %lld, want 0 or 1",
                              (long long)entry(s->out_directions, k));
    return 0;
}

/* The state that body gives follows the one it was given; both have one shape. */
static int next_state(struct op_eval *c, struct item **in, struct item **out, int i, struct error *err)
{
    const struct tensor *before = in[i]->tensor, *after = out[i]->kind == ITEM_TENSOR ? out[i]->tensor : NULL;
    char a[200], b[200];
    if (!after)
        return eval_error(c, err, "state %d that body gives is no tensor", i);
    if (before->rank != after->rank || memcmp(before->dims, after->dims, (size_t)after->rank * sizeof(after->dims[0])))
        return eval_error(c, err, "state %d goes into body as %s and comes out as %s", i,
                          op_dims_text(before->rank, before->dims, a, sizeof(a)),
                          op_dims_text(after->rank, after->dims, b, sizeof(b)));
    item_unref(in[i]);
    in[i] = out[i];
    out[i] = NULL;
    return 0;
}

static int step(struct op_eval *c, const struct scan *s, int64_t at, int64_t length, struct item **in,
                struct item **out, struct control_stack *stacks, struct error *err)
{
    for (int i = 0; i < s->inputs; i++) {
        const struct tensor *t = eval_in(c, s->states + i);
        int64_t axis = entry(s->in_axes, i), index = entry(s->in_directions, i) ? length - 1 - at : at;
        item_unref(in[s->states + i]);
        in[s->states + i] = slice_at(t, (int)(axis < 0 ? axis + t->rank : axis), index, err);
        if (!in[s->states + i])
            return -1;
    }
    if (control_run(c, s->body, in, out, err))
        return -1;
    for (int i = 0; i < s->states; i++)
        if (next_state(c, in, out, i, err))
            return -1;
    for (int k = 0; k < s->outputs; k++)
        if (control_push(c, &stacks[k], out[s->states + k], "a scan output", err))
            return -1;
    control_unref(out, s->body->output_count);
    return 0;
}

static int run_scan(struct op_eval *c, const struct scan *s, struct item **in, struct item **out,
                    struct control_stack *stacks, struct error *err)
{
    int64_t length = 0;
    if (check_inputs(c, s, &length, err))
        return -1;
    for (int i = 0; i < s->states; i++)
        in[i] = item_ref(c->in[i]);
    for (int64_t at = 0; at < length; at++)
        if (step(c, s, at, length, in, out, stacks, err))
            return -1;
    for (int i = 0; i < s->states; i++)
        if (eval_give_item(c, i, item_ref(in[i]), err))
            return -1;
    for (int k = 0; k < s->outputs; k++)
        if (control_give(c, s->states + k, &stacks[k], entry(s->out_axes, k), entry(s->out_directions, k) != 0,
                         &s->body->outputs[s->states + k]->type, err))
            return -1;
    return 0;
}

int eval_scan(struct op_eval *c, struct error *err)
{
    struct scan s;
    const char *fault = scan_fault(c->node, &s);
    if (fault)
        return eval_error(c, err, "%s", fault);
    struct item **in = mem_calloc(s.body->input_count, sizeof(*in), err);
    struct item **out = mem_calloc(s.body->output_count, sizeof(*out), err);
    struct control_stack *stacks = mem_calloc((size_t)s.outputs, sizeof(*stacks), err);
    int result = in && out && stacks ? run_scan(c, &s, in, out, stacks, err) : -1;
    control_unref(in, s.body->input_count);
    control_unref(out, s.body->output_count);
    for (int k = 0; stacks && k < s.outputs; k++)
        control_release(&stacks[k]);
    free(stacks);
    free(out);
    free(in);
    return result;
}
