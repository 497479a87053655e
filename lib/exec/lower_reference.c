/* Nodes without a kernel: the plain-C evaluation of lib/op, on dense row-major copies. */
#include <stdlib.h>
#include <string.h>

#include "exec/exec_private.h"
#include "exec/lower.h"

struct reference_args {
    struct plan *plan;
    struct node *node;
    struct view *from;
    struct view *to; /* [out_count]; buffer NULL: not wanted */
};

static void free_items(struct item **items, int n)
{
    for (int i = 0; i < n; i++)
        item_unref(items[i]);
}

/* An item over memory of the plan, which does not own it. */
static struct item *item_over(const struct view *v, struct error *err)
{
    struct blob *blob = mem_calloc(1, sizeof *blob, err);
    if (!blob)
        return NULL;
    blob->refs = 1;
    blob->data = view_data(v);
    tensor_bytes(v->dtype, view_count(v), &blob->size);
    struct tensor *t = tensor_of_blob(v->dtype, v->rank, v->dims, blob, 0, err);
    blob_unref(blob);
    return item_of_tensor(t, err);
}

static int wrap_inputs(const struct reference_args *r, struct item **in, struct error *err)
{
    for (int i = 0; i < r->node->in_count; i++) {
        if (r->node->in[i] && r->node->in[i]->constant)
            in[i] = item_of_tensor(tensor_ref(r->node->in[i]->constant), err);
        else
            in[i] = r->node->in[i] ? item_over(&r->from[i], err) : NULL;
        if (r->node->in[i] && !in[i])
            return -1;
    }
    return 0;
}

static int check_result(const struct view *want, const struct item *got, struct error *err)
{
    const struct tensor *t = got ? got->tensor : NULL;
    if (!t || t->dtype != want->dtype || t->rank != want->rank ||
        memcmp(t->dims, want->dims, sizeof(int64_t) * (size_t)t->rank) != 0)
        return error_set(err, "the result has another type than was inferred");
    return 0;
}

static int store_outputs(const struct reference_args *r, struct item *const *out, struct error *err)
{
    for (int i = 0; i < r->node->out_count; i++) {
        const struct view *to = &r->to[i];
        if (!to->buffer)
            continue;
        if (check_result(to, out[i], err) < 0)
            return -1;
        struct view from = *to;
        view_dense(&from, ORDER_ROWS);
        kernel_copy(r->plan->kernels, view_data(to), to->stride, out[i]->tensor->data, from.stride, to->dims, to->rank,
                    view_element(to), 0, to->rank ? to->dims[0] : 1);
    }
    return 0;
}

static int evaluate(const struct reference_args *r, struct item **in, struct item **out, struct error *err)
{
    struct op_eval c = {.node = r->node,
                        .in = in,
                        .in_count = r->node->in_count,
                        .out = out,
                        .out_count = op_out_count(r->node),
                        .memory = exec_left(r->plan),
                        .seed = &r->plan->exec->seed};
    if (wrap_inputs(r, in, err) < 0 || op_eval_node(&c, err) < 0)
        return -1;
    return store_outputs(r, out, err);
}

static void run_reference(const struct step *s, struct tile tile)
{
    const struct reference_args *r = s->args;
    const struct node *n = r->node;
    struct error err = {""};
    struct item **in = mem_calloc((size_t)n->in_count, sizeof *in, &err),
                **out = mem_calloc((size_t)op_out_count(n), sizeof *out, &err);
    (void)tile;
    if (!in || !out || evaluate(r, in, out, &err) < 0)
        plan_fail(r->plan, NULL, "%s", err.text);
    if (in)
        free_items(in, n->in_count);
    if (out)
        free_items(out, op_out_count(n));
    free(in);
    free(out);
}

int exec_lower_reference(struct plan *p, struct node *n, struct error *err)
{
    struct reference_args *r = plan_alloc(p, sizeof *r, err);
    size_t ports = (size_t)(n->in_count + n->out_count);
    const struct view **touched = plan_alloc(p, sizeof *touched * ports, err);
    if (!n->def)
        return error_set(err, "unknown operator %s%s%s", n->domain, *n->domain ? "." : "", n->op);
    if (!r || !touched)
        return -1;
    *r = (struct reference_args){.plan = p, .node = n};
    r->from = plan_alloc(p, sizeof *r->from * (size_t)n->in_count, err);
    r->to = plan_alloc(p, sizeof *r->to * (size_t)n->out_count, err);
    if (!r->from || !r->to)
        return -1;
    for (int i = 0; i < n->in_count; i++) {
        touched[i] = &r->from[i];
        if (plan_is_constant(n, i))
            plan_place(n->in[i])->is_kept = true;
        if (n->in[i] && !n->in[i]->constant && plan_in_dense(p, n, i, ORDER_ROWS, &r->from[i], err) < 0)
            return -1;
    }
    for (int i = 0; i < n->out_count; i++) {
        touched[n->in_count + i] = &r->to[i];
        if (n->out[i] && plan_out(p, n, i, ORDER_ROWS, &r->to[i], err) < 0)
            return -1;
    }
    return plan_step(
        p,
        &(struct step){
            .node = n, .kernel = "reference", .run = run_reference, .args = r, .units = 1, .is_reference = true},
        err, touched, (int)ports, STEP_USES_ANYHOW);
}
