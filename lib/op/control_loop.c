/* Loop. */
#include <stdlib.h>

#include "op/control.h"
#include "op/util.h"

/* The loop's numbers: N carried values, K stacked outputs. */
struct loop {
    struct graph *body;
    size_t carried, stacked;
    int64_t limit; /* iterations */
    bool has_cond; /* the body's condition counts */
};

static const char *loop_fault(const struct node *n, struct loop *l)
{
    l->body = op_graph(n, "body");
    l->carried = n->in_count > 2 ? (size_t)n->in_count - 2 : 0;
    if (!l->body || l->body->input_count != l->carried + 2)
        return "body has another number of inputs than 2 and the node's initial values";
    if (l->body->output_count < l->carried + 1)
        return "body has fewer outputs than 1 and the node's initial values";
    l->stacked = l->body->output_count - 1 - l->carried;
    return (size_t)n->out_count > l->carried + l->stacked ? "body has fewer outputs than 1 and the node's" : NULL;
}

/* ---- types ---- */

/* Widens the carried types by what the body makes of them; *changed tells whether that was needed. */
static int widen(struct op_infer *c, const struct loop *l, struct type *types, bool *changed, struct error *err)
{
    *changed = false;
    for (size_t i = 0; i < l->carried; i++) {
        struct type before = types[2 + i];
        if (!control_merge(&types[2 + i], &l->body->outputs[1 + i]->type))
            return infer_error(c, err, "value '%s' changes its type from one iteration to the next",
                               l->body->inputs[2 + i]->name);
        *changed = *changed || !op_same_type(&before, &types[2 + i]);
    }
    return 0;
}

/* Each round gives up at least one dim or rank; a few do, then all ranks are given up. */
#define LOOP_ROUNDS 4

static int infer_body(struct op_infer *c, const struct loop *l, struct type *types, struct error *err)
{
    bool changed = true;
    types[0] = (struct type){.kind = TYPE_TENSOR, .dtype = DTYPE_I64};
    types[1] = (struct type){.kind = TYPE_TENSOR, .dtype = DTYPE_BOOL};
    for (size_t i = 0; i < l->carried; i++)
        types[2 + i] = control_type_of(c, (int)i + 2);
    for (int round = 0; changed; round++) {
        for (size_t i = 0; i < l->carried && round == LOOP_ROUNDS; i++)
            types[2 + i].rank = -1;
        if (control_infer_body(l->body, types, round > 0, err) || widen(c, l, types, &changed, err))
            return -1;
        changed = changed && round < LOOP_ROUNDS;
    }
    return 0;
}

int infer_loop(struct op_infer *c, struct error *err)
{
    struct loop l;
    const char *fault = loop_fault(c->node, &l);
    int64_t trips, count = DIM_UNKNOWN;
    if (fault)
        return infer_error(c, err, "%s", fault);
    if (!infer_type(c, 1) && infer_ints(c, 0, &trips, 1) == 1)
        count = trips < 0 ? 0 : trips;
    struct type *types = mem_calloc(l.carried + 2, sizeof(*types), err);
    int result = types ? infer_body(c, &l, types, err) : -1;
    for (int o = 0; o < c->node->out_count && result == 0; o++) {
        struct type type;
        if ((size_t)o < l.carried)
            type = types[2 + o];
        else
            result = control_stacked_type(c, &l.body->outputs[1 + o]->type, "axis", 0, count, &type, err);
        if (result == 0)
            result = infer_set_type(c, o, &type, err);
    }
    free(types);
    return result;
}

/* ---- evaluation ---- */

/* One iteration: in[] of the body is replaced by what comes next. */
static int iterate(struct op_eval *c, const struct loop *l, int64_t iteration, struct item **in, struct item **out,
                   struct control_stack *stacks, bool *go_on, struct error *err)
{
    item_unref(in[0]);
    in[0] = item_of_tensor(tensor_scalar_i64(iteration, err), err);
    if (!in[0] || control_run(c, l->body, in, out, err))
        return -1;
    if (control_condition(c, out[0], "the condition that body gives", go_on, err))
        return -1;
    for (size_t i = 0; i <= l->carried; i++) {
        item_unref(in[1 + i]);
        in[1 + i] = out[i];
        out[i] = NULL;
    }
    for (size_t k = 0; k < l->stacked; k++)
        if (control_push(c, &stacks[k], out[1 + l->carried + k], "a scan output", err))
            return -1;
    control_unref(out, l->body->output_count);
    return 0;
}

static int start(struct op_eval *c, struct loop *l, struct item **in, bool *go_on, struct error *err)
{
    const struct tensor *trips = eval_in(c, 0);
    l->limit = INT64_MAX;
    l->has_cond = c->in_count > 1 && c->in[1];
    *go_on = true;
    if (trips && trips->count != 1)
        return eval_error(c, err, "input M has %lld elements, want 1", (long long)trips->count);
    if (trips)
        l->limit = tensor_get_i64(trips, 0);
    if (l->has_cond && control_condition(c, c->in[1], "input cond", go_on, err))
        return -1;
    struct tensor *yes = tensor_new(DTYPE_BOOL, 0, NULL, err);
    if (yes)
        tensor_set_i64(yes, 0, 1);
    in[1] = l->has_cond ? item_ref(c->in[1]) : item_of_tensor(yes, err);
    if (l->has_cond)
        tensor_unref(yes);
    if (!in[1])
        return -1;
    for (size_t i = 0; i < l->carried; i++)
        in[2 + i] = item_ref(c->in[2 + i]);
    return 0;
}

static int run_loop(struct op_eval *c, struct loop *l, struct item **in, struct item **out,
                    struct control_stack *stacks, struct error *err)
{
    bool go_on;
    if (start(c, l, in, &go_on, err))
        return -1;
    for (int64_t i = 0; i < l->limit && (go_on || !l->has_cond); i++)
        if (iterate(c, l, i, in, out, stacks, &go_on, err))
            return -1;
    for (size_t i = 0; i < l->carried && i < (size_t)c->node->out_count; i++)
        if (eval_give_item(c, (int)i, item_ref(in[2 + i]), err))
            return -1;
    for (size_t k = 0; k < l->stacked && l->carried + k < (size_t)c->node->out_count; k++)
        if (control_give(c, (int)(l->carried + k), &stacks[k], 0, false, &l->body->outputs[1 + l->carried + k]->type,
                         err))
            return -1;
    return 0;
}

int eval_loop(struct op_eval *c, struct error *err)
{
    struct loop l;
    const char *fault = loop_fault(c->node, &l);
    if (fault)
        return eval_error(c, err, "%s", fault);
    struct item **in = mem_calloc(l.body->input_count, sizeof(*in), err);
    struct item **out = mem_calloc(l.body->output_count, sizeof(*out), err);
    struct control_stack *stacks = mem_calloc(l.stacked, sizeof(*stacks), err);
    int result = in && out && stacks ? run_loop(c, &l, in, out, stacks, err) : -1;
    control_unref(in, l.body->input_count);
    control_unref(out, l.body->output_count);
    for (size_t k = 0; stacks && k < l.stacked; k++)
        control_release(&stacks[k]);
    free(stacks);
    free(out);
    free(in);
    return result;
}
