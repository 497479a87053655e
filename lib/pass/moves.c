#include "pass/moves.h"

static bool is_move(const struct node *n)
{
    return (op_trait(n, "view") || node_is(n, "Transpose")) && node_in(n, 0);
}

bool moves_find(struct value *v, struct moves *moves)
{
    moves->count = 0;
    while (pass_is_single(v) && v->producer && v->producer->def && v->producer_index == 0) {
        moves->base = v->producer;
        if (!is_move(moves->base))
            return true;
        if (moves->count == MOVES_MAX)
            return false;
        moves->at[moves->count++] = moves->base;
        v = moves->base->in[0];
    }
    return false;
}

static struct node *undo_transpose(const struct node *view, struct value *r, struct node *before, struct error *err)
{
    int64_t perm[TENSOR_MAX_RANK], inverse[TENSOR_MAX_RANK];
    int rank = pass_perm(view, perm) ? view->in[0]->type.rank : 0;
    for (int i = 0; i < rank; i++)
        inverse[perm[i]] = i;
    struct node *n = pass_node(before, "", "Transpose", 1, &r, err);
    return n && node_set_ints(n, "perm", inverse, (size_t)rank, err) == 0 ? n : NULL;
}

static struct node *undo_reshape(const struct node *view, struct value *r, struct node *before, struct error *err)
{
    const struct type *to = &view->in[0]->type;
    struct value *in[2] = {r, pass_add_ints(before->graph, to->rank, to->dims, err)};
    return in[1] ? pass_node(before, "", "Reshape", 2, in, err) : NULL;
}

static bool can_undo(const struct node *view)
{
    int64_t perm[TENSOR_MAX_RANK];
    const struct type *to = &view->in[0]->type;
    if (node_is(view, "Transpose"))
        return pass_perm(view, perm);
    return pass_is_static(view->in[0]) && tensor_count(to->rank, to->dims) > 0;
}

int moves_undo(const struct moves *moves, struct value *r, struct node *before, struct value **result,
               struct error *err)
{
    for (int i = 0; i < moves->count; i++)
        if (!can_undo(moves->at[i]))
            return 0;
    for (int i = 0; i < moves->count && r; i++) {
        bool transpose = node_is(moves->at[i], "Transpose");
        r = pass_output((transpose ? undo_transpose : undo_reshape)(moves->at[i], r, before, err), err);
    }
    *result = r;
    return r ? 1 : -1;
}

void moves_put_before(const struct moves *moves, struct node *before)
{
    graph_move_node(moves->base, before);
    for (int i = moves->count; i-- > 0;)
        graph_move_node(moves->at[i], before);
}
