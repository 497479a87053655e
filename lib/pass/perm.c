#include "pass/perm.h"

#include <string.h>

bool perm_is_identity(const struct perm *p)
{
    for (int i = 0; i < p->rank; i++)
        if (p->at[i] != i)
            return false;
    return true;
}

bool perm_equal(const struct perm *a, const struct perm *b)
{
    return a->rank == b->rank && memcmp(a->at, b->at, (size_t)a->rank * sizeof(a->at[0])) == 0;
}

struct perm perm_inverse(const struct perm *p)
{
    struct perm inverse = {.rank = p->rank};
    for (int i = 0; i < p->rank; i++)
        inverse.at[p->at[i]] = i;
    return inverse;
}

struct perm perm_chain(const struct perm *first, const struct perm *second)
{
    struct perm both = {.rank = first->rank};
    for (int i = 0; i < first->rank; i++)
        both.at[i] = first->at[second->at[i]];
    return both;
}

bool perm_of(const struct node *n, struct perm *p)
{
    int64_t perm[TENSOR_MAX_RANK];
    if (!node_is(n, "Transpose") || !n->def || !node_in(n, 0) || !node_out(n, 0) || !pass_perm(n, perm))
        return false;
    p->rank = n->in[0]->type.rank;
    for (int i = 0; i < p->rank; i++)
        p->at[i] = (int)perm[i];
    return true;
}

struct node *perm_node(struct node *before, struct value *v, const struct perm *p, struct error *err)
{
    int64_t perm[TENSOR_MAX_RANK];
    for (int i = 0; i < p->rank; i++)
        perm[i] = p->at[i];
    struct node *n = pass_node(before, "", "Transpose", 1, &v, err);
    return n && node_set_ints(n, "perm", perm, (size_t)p->rank, err) == 0 ? n : NULL;
}

/* What becomes numbers of less than a byte, which other engines do not move. */
static struct node *packing(const struct value *v)
{
    struct node *n = v->producer;
    return n && node_is(n, "Cast") && v->type.dtype != DTYPE_NONE && dtype_info(v->type.dtype)->bits < 8 ? n : NULL;
}

struct value *perm_transpose(struct node *before, struct value *v, const struct perm *p, struct error *err)
{
    struct node *cast = packing(v);
    struct node *n = perm_node(before, cast ? cast->in[0] : v, p, err);
    v = n ? pass_output(n, err) : NULL;
    if (!cast || !v)
        return v;
    n = pass_node(before, "", "Cast", 1, &v, err);
    return n && node_take_attrs(n, cast, err) == 0 ? pass_output(n, err) : NULL;
}

struct type perm_type(const struct type *type, const struct perm *p)
{
    struct type x = *type;
    for (int i = 0; i < p->rank; i++)
        x.dims[p->at[i]] = type->dims[i];
    return x;
}
