/* Branches and loops: blocks as subgraphs. */
#include <string.h>

#include "format/paddle/paddle.h"

#define MOST_VALUES 64

/* ---- branches ---- */

/* A block's values of these operands, which get back what they had. NULL block: those as they are. */
static struct graph *branch(struct paddle_node *o, const struct paddle_block *block, int count,
                            struct paddle_operand *const *operands)
{
    struct value *before[MOST_VALUES];
    struct build outer = build_enter(o->b, NULL);
    for (int i = 0; i < count; i++)
        before[i] = operands[i] ? operands[i]->value : NULL;
    if (block)
        paddle_read_block(o->r, block);
    for (int i = 0; i < count && !o->b->failed; i++) {
        if (!operands[i] || !operands[i]->value)
            build_fail(o->b, "a branch does not make '%.200s'", operands[i] ? operands[i]->name : "");
        else
            build_body_output(o->b, operands[i]->value);
    }
    for (int i = 0; i < count; i++)
        if (operands[i])
            operands[i]->value = before[i];
    return build_leave(o->b, outer);
}

/* What an operator of PIR writes in place: its first operand, where its name ends in "_", or the second of assign_out_;
 * the statistics that batch_norm_ writes stay what they are. */
struct paddle_operand *paddle_written(const struct paddle_op *op)
{
    size_t n = strlen(op->type);
    int k = strncmp(op->type, "assign_out", 10) == 0;
    bool in_place = n > 1 && op->type[n - 1] == '_' && !strstr(op->type, "batch_norm") && k < op->in_count;
    return in_place && op->in[k].count ? op->in[k].all[0] : NULL;
}

/* The values from outside that a block of PIR writes, but for one, to list[count …]; how many it has then. */
static int list_written(struct paddle_node *o, const struct paddle_block *block, const struct paddle_operand *but,
                        struct paddle_operand **list, int count)
{
    for (size_t i = 0; block && i < block->count && !o->b->failed; i++) {
        const struct paddle_op *op = &block->ops[i];
        struct paddle_operand *to = paddle_written(op);
        for (int k = 0; k < op->block_count; k++)
            count = list_written(o, op->blocks[k], but, list, count);
        bool known = !to || !to->value || to == but || to->is_parameter;
        for (int k = 0; k < count && !known; k++)
            known = list[k] == to;
        if (!known && count == MOST_VALUES)
            build_fail(o->b, "a block that writes more than %d values", MOST_VALUES);
        else if (!known)
            list[count++] = to;
    }
    return count;
}

/* An If of two branches; its first output, or NULL after a failure. */
static struct value *choose(struct paddle_node *o, struct value *condition, struct graph *yes, struct graph *no,
                            int count)
{
    condition = build_reshape(o->b, paddle_as(o, condition, DTYPE_BOOL), 0, NULL);
    struct value *v = BUILD(o->b, "If", condition);
    build_check(o->b, v && node_set_graph(v->producer, "then_branch", yes, o->b->err) == 0 &&
                          node_set_graph(v->producer, "else_branch", no, o->b->err) == 0);
    for (int i = 0; i < count; i++)
        build_output(o->b, v, i);
    return o->b->failed ? NULL : v;
}

/* What a block of PIR gives: the operands of its yield. */
static int yielded(struct paddle_node *o, const struct paddle_block *block, struct paddle_operand **to)
{
    const struct paddle_op *last = block && block->count ? &block->ops[block->count - 1] : NULL;
    int count = last && strcmp(last->type, "yield") == 0 ? last->in_count : 0;
    if (count > MOST_VALUES)
        build_fail(o->b, "a block with %d results, want at most %d", count, MOST_VALUES);
    for (int i = 0; i < count && !o->b->failed; i++)
        to[i] = last->in[i].count ? last->in[i].all[0] : NULL;
    return o->b->failed ? 0 : count;
}

void paddle_read_if(struct paddle_node *o)
{
    struct paddle_operand *yes[MOST_VALUES], *no[MOST_VALUES];
    struct value *condition = paddle_in(o, 0);
    int count = yielded(o, o->op->blocks[0], yes), other = yielded(o, o->op->blocks[1], no);
    if (o->op->block_count != 2 || count != other)
        build_fail(o->b, "branches of %d and %d results", count, other);
    int given = count;
    for (int k = 0; k < 2 && !o->b->failed; k++)
        count = list_written(o, o->op->blocks[k], NULL, yes, count);
    for (int i = given; i < count; i++)
        no[i] = yes[i];
    struct graph *first = o->b->failed ? NULL : branch(o, o->op->blocks[0], count, yes);
    struct graph *second = o->b->failed ? NULL : branch(o, o->op->blocks[1], count, no);
    struct value *v = o->b->failed ? NULL : choose(o, condition, first, second, count);
    for (int i = 0; i < count && !o->b->failed; i++)
        if (i < given)
            paddle_give(o, i, build_output(o->b, v, i));
        else
            yes[i]->value = build_output(o->b, v, i);
}

/* Variables that had a value keep it where the condition is false; others wait for the operator that chooses. */
void paddle_read_conditional_block(struct paddle_node *o)
{
    struct paddle_operand *changed[MOST_VALUES];
    int count = 0;
    for (int s = 0; s < o->op->out_count; s++)
        for (int i = 0; i < o->op->out[s].count && strcmp(o->op->out[s].role, "Out") == 0; i++) {
            struct paddle_operand *to = o->op->out[s].all[i];
            if (!to->value || to->pending)
                to->pending = o->op;
            else if (count < MOST_VALUES)
                changed[count++] = to;
        }
    if (o->op->block_count != 1)
        build_fail(o->b, "it has no block");
    if (count == 0 || o->b->failed)
        return;
    struct graph *yes = branch(o, o->op->blocks[0], count, changed), *no = branch(o, NULL, count, changed);
    struct value *v = o->b->failed ? NULL : choose(o, paddle_in(o, 0), yes, no, count);
    for (int i = 0; i < count && !o->b->failed; i++)
        changed[i]->value = build_output(o->b, v, i);
}

/* The second of its inputs where the mask is 1, else the first; each is made by a branch. */
void paddle_read_select_input(struct paddle_node *o)
{
    struct value *mask = paddle_in(o, 1);
    struct paddle_operand *from[2] = {NULL};
    struct graph *graphs[2] = {NULL};
    for (int s = 0; s < o->op->in_count; s++)
        for (int i = 0; i < o->op->in[s].count && i < 2 && strcmp(o->op->in[s].role, "X") == 0; i++)
            from[i] = o->op->in[s].all[i];
    if (!from[0] || !from[1])
        build_fail(o->b, "it has not two inputs");
    for (int i = 0; i < 2 && !o->b->failed; i++)
        graphs[i] = branch(o, from[i]->pending ? from[i]->pending->blocks[0] : NULL, 1, &from[i]);
    paddle_give(o, 0, o->b->failed ? NULL : choose(o, mask, graphs[1], graphs[0], 1));
}

/* ---- loops ---- */

struct loop {
    struct paddle_operand *vars[MOST_VALUES], *again; /* variables of the body; its condition */
    struct paddle_operand *results[MOST_VALUES], *news[MOST_VALUES];
    struct value *in[MOST_VALUES + 2];
    int count;
};

/* In a program the variables that are written and had a value go round; in PIR the arguments of the block, and what it
 * writes in place. */
static void list_loop(struct paddle_node *o, struct loop *l)
{
    const struct paddle_block *block = o->op->block_count ? o->op->blocks[0] : NULL;
    struct paddle_operand *given[MOST_VALUES];
    l->count = 0;
    if (!block) {
        build_fail(o->b, "it has no block");
        return;
    }
    if (o->r->is_pir) {
        int count = yielded(o, block, given);
        if (count != block->arg_count + 1 || o->op->in_count != count || o->op->out_count != count - 1)
            build_fail(o->b, "a loop over %d values makes %d", block->arg_count, count - 1);
        for (int i = 0; i + 1 < count && !o->b->failed; i++, l->count++) {
            l->vars[i] = block->args[i];
            if (!l->vars[i])
                build_fail(o->b, "argument %d of its block has no number", i);
            l->news[i] = given[i + 1];
            l->results[i] = o->op->out[i].count ? o->op->out[i].all[0] : NULL;
            l->in[2 + i] = paddle_in(o, i + 1);
        }
        l->again = o->b->failed ? NULL : given[0];
        l->in[1] = paddle_in(o, 0);
        int own = l->count;
        l->count = list_written(o, block, l->again, l->vars, own);
        for (int i = own; i < l->count; i++) {
            l->results[i] = l->news[i] = l->vars[i];
            l->in[2 + i] = l->vars[i]->value;
        }
        return;
    }
    l->in[1] = paddle_in(o, 1);
    for (int s = 0; s < o->op->in_count; s++)
        if (strcmp(o->op->in[s].role, "Condition") == 0 && o->op->in[s].count)
            l->again = o->op->in[s].all[0];
    for (int s = 0; s < o->op->out_count; s++)
        for (int i = 0; i < o->op->out[s].count && strcmp(o->op->out[s].role, "Out") == 0; i++) {
            struct paddle_operand *v = o->op->out[s].all[i];
            if (!v->value || v->is_parameter || v == l->again)
                continue;
            if (l->count == MOST_VALUES) {
                build_fail(o->b, "a loop over more than %d values", MOST_VALUES);
                return;
            }
            l->in[2 + l->count] = v->value;
            l->vars[l->count] = l->results[l->count] = l->news[l->count] = v;
            l->count++;
        }
}

static struct graph *loop_body(struct paddle_node *o, const struct loop *l)
{
    int64_t dims[TENSOR_MAX_RANK];
    struct value *outer_again = l->again->value;
    struct build outer = build_enter(o->b, NULL);
    build_input(o->b, NULL, DTYPE_I64, 0, NULL);
    build_input(o->b, NULL, DTYPE_BOOL, -1, NULL);
    for (int i = 0; i < l->count && !o->b->failed; i++) {
        const struct type *type = &l->in[2 + i]->type;
        for (int k = 0; k < TENSOR_MAX_RANK; k++)
            dims[k] = DIM_UNKNOWN;
        struct value *v = l->vars[i]->value = build_input(o->b, NULL, type->dtype, type->rank, dims);
        if (v && type->kind == TYPE_SEQUENCE)
            v->type = *type;
    }
    if (!o->b->failed)
        paddle_read_block(o->r, o->op->blocks[0]);
    if (!o->b->failed && !l->again->value)
        build_fail(o->b, "the body does not say whether to go on");
    if (!o->b->failed)
        build_body_output(o->b, build_reshape(o->b, l->again->value, 0, NULL));
    for (int i = 0; i < l->count && !o->b->failed; i++) {
        if (!l->news[i] || !l->news[i]->value)
            build_fail(o->b, "the body does not make value %d", i);
        else
            build_body_output(o->b, l->news[i]->value);
    }
    l->again->value = outer_again;
    return build_leave(o->b, outer);
}

void paddle_read_while(struct paddle_node *o)
{
    struct loop l = {.in = {NULL}};
    list_loop(o, &l);
    if (!l.again || l.count == 0)
        build_fail(o->b, "a loop without a condition, or over nothing");
    l.in[1] = o->b->failed ? NULL : build_reshape(o->b, l.in[1], 0, NULL);
    build_infer(o->b);
    struct graph *body = o->b->failed ? NULL : loop_body(o, &l);
    struct value *v = o->b->failed ? NULL : build_node(o->b, "Loop", l.count + 2, l.in);
    build_check(o->b, v && node_set_graph(v->producer, "body", body, o->b->err) == 0);
    for (int i = 0; i < l.count && !o->b->failed; i++)
        build_output(o->b, v, i);
    for (int i = 0; i < l.count && !o->b->failed; i++)
        if (l.results[i])
            l.results[i]->value = build_output(o->b, v, i);
}

/* ---- lists of tensors ---- */

void paddle_read_create_array(struct paddle_node *o)
{
    const struct paddle_operand *to = o->op->out_count && o->op->out[0].count ? o->op->out[0].all[0] : NULL;
    enum dtype dtype = to && to->dtype != DTYPE_NONE ? to->dtype : paddle_dtype_of(o, "dtype", DTYPE_F32);
    paddle_give(o, 0, build_int(o->b, BUILD(o->b, "SequenceEmpty"), "dtype", dtype));
}

/* At its end, or in the place of an element: then the old one, which is moved on, goes. */
void paddle_read_array_write(struct paddle_node *o)
{
    struct value *list = paddle_in(o, 0), *x = paddle_in(o, 1), *at = paddle_scalar(o, "", 2, DTYPE_I64, 0);
    struct value *more = BUILD(o->b, "SequenceInsert", list, x, at), *one = build_number(o->b, DTYPE_I64, 1);
    struct value *inside = BUILD(o->b, "Less", at, BUILD(o->b, "SequenceLength", list));
    build_infer(o->b);
    struct graph *branches[2];
    for (int k = 0; k < 2; k++) {
        struct build outer = build_enter(o->b, NULL);
        build_body_output(o->b, k ? more : BUILD(o->b, "SequenceErase", more, BUILD(o->b, "Add", at, one)));
        branches[k] = build_leave(o->b, outer);
    }
    paddle_give(o, 0, choose(o, inside, branches[0], branches[1], 1));
}

void paddle_read_array_to_tensor(struct paddle_node *o)
{
    struct value *v = build_int(o->b, BUILD(o->b, "ConcatFromSequence", paddle_in(o, 0)), "axis",
                                paddle_int(o, "axis", 0));
    paddle_give(o, 0, build_int(o->b, v, "new_axis", paddle_bool(o, "use_stack", false)));
}
