/* Transposes that undo each other, with nodes between them that can work in another order of axes.
 *
 * From a Transpose on, the nodes around are collected that could take and give their values transposed (a region, with
 * a label for each value), through all that maps axes, up to nodes that cannot. Each member of the region may then be
 * turned or not. A value between one that is turned and one that is not needs a Transpose, which costs as many elements
 * as it moves, and one that is there already may go. Which choice costs least is a minimum cut; it is made when it
 * costs less than the graph as it is, so the sum of elements moved falls with every change. */
#include <stdlib.h>
#include <string.h>

#include "pass/flow.h"
#include "pass/layout.h"

struct label {
    struct value *v, *other; /* v = Transpose[perm](other); other is NULL until it is made */
    struct perm perm;
};

struct member {
    struct node *n;
    struct layout layout;
};

/* Scratch of a node is 1 + the number of its member, that of a value 1 + the number of its label; NULL for none. */
struct region {
    struct graph *g;
    struct label *labels;
    struct member *members;
    size_t label_count, label_cap, member_count, member_cap;
    int64_t *work; /* steps that are left to this pass */
};

/* So many nodes are seen together; a region that is larger ends there. A network of a thousand nodes takes thousands of
 * steps; what is left undone where there are too many is slower, not wrong. */
#define REGION_MAX 4096
#define WORK_MAX   (INT64_C(1) << 22)

static struct label *label_of(const struct region *r, const struct value *v)
{
    return v->scratch ? &r->labels[(intptr_t)v->scratch - 1] : NULL;
}

static struct member *member_of(const struct region *r, const struct node *n)
{
    return n->scratch ? &r->members[(intptr_t)n->scratch - 1] : NULL;
}

/* A constant, or the Transpose of one, is transposed when constants are folded. */
static bool is_free(const struct value *v)
{
    const struct node *n = v->producer;
    return pass_constant(v) || (n && node_is(n, "Transpose") && pass_constant(node_in(n, 0)));
}

/* ---- collecting a region ---- */

static int add_label(struct region *r, struct value *v, const struct perm *perm, struct error *err)
{
    if (perm_is_identity(perm) || is_free(v) || v->scratch)
        return 0;
    if (mem_grow(&r->labels, &r->label_cap, r->label_count + 1, sizeof(*r->labels), err))
        return -1;
    r->labels[r->label_count++] = (struct label){.v = v, .perm = *perm};
    v->scratch = (void *)(intptr_t)r->label_count;
    return 0;
}

static bool agrees(const struct region *r, const struct value *v, const struct perm *perm)
{
    const struct label *l = label_of(r, v);
    return !l || perm_is_identity(perm) || perm_equal(&l->perm, perm);
}

/* Whether all values of the node have no label yet, or the one that they would have. */
static bool fits(const struct region *r, const struct node *n, const struct layout *l)
{
    for (int i = 0; i < n->in_count; i++)
        if (layout_labels(n, i, l) && !agrees(r, n->in[i], &l->in))
            return false;
    for (int o = 0; o < n->out_count; o++)
        if (n->out[o] && !agrees(r, n->out[o], &l->out))
            return false;
    return !perm_is_identity(&l->in) || !perm_is_identity(&l->out);
}

static int add_member(struct region *r, struct node *n, const struct layout *l, struct error *err)
{
    if (mem_grow(&r->members, &r->member_cap, r->member_count + 1, sizeof(*r->members), err))
        return -1;
    r->members[r->member_count++] = (struct member){n, *l};
    n->scratch = (void *)(intptr_t)r->member_count;
    for (int i = 0; i < n->in_count; i++)
        if (layout_labels(n, i, l) && add_label(r, n->in[i], &l->in, err))
            return -1;
    for (int o = 0; o < n->out_count; o++)
        if (n->out[o] && add_label(r, n->out[o], &l->out, err))
            return -1;
    *r->work -= n->in_count + n->out_count;
    return 0;
}

/* Takes a node in by the label of one of its operands, or (index -1) results, if it can be. */
static int visit(struct region *r, struct node *n, int index, const struct perm *label, struct error *err)
{
    struct layout l;
    --*r->work;
    if (n->graph != r->g || n->scratch || r->member_count == REGION_MAX || node_is(n, "Transpose") ||
        !layout_find(n, index, label, &l) || !fits(r, n, &l))
        return 0;
    return add_member(r, n, &l, err);
}

static int collect(struct region *r, struct value *v, const struct perm *perm, struct error *err)
{
    if (add_label(r, v, perm, err))
        return -1;
    for (size_t i = 0; i<r->label_count && * r->work> 0; i++) {
        const struct label l = r->labels[i];
        if (l.v->producer && visit(r, l.v->producer, -1, &l.perm, err))
            return -1;
        for (size_t u = 0; u < l.v->use_count; u++)
            if (visit(r, l.v->uses[u].node, l.v->uses[u].index, &l.perm, err))
                return -1;
    }
    return 0;
}

/* ---- what it costs ---- */

#define OPEN_DIM 16 /* taken for the size of a dim that is not known */
#define COST_MAX (INT64_C(1) << 40)

/* Whether it is a constant whose axes are only moved, which is not done in a run. */
static bool moves_constant(const struct value *v)
{
    const struct node *n = v->producer;
    for (; n && n->def && (op_trait(n, "view") || node_is(n, "Transpose")) && node_in(n, 0); n = v->producer)
        v = n->in[0];
    return pass_constant(v);
}

/* The elements that a Transpose of the value moves. Where only axes of 1 change places it is still a step. */
static int64_t cost_of(const struct label *l)
{
    int64_t count = 1;
    int last = -1;
    bool moves = false;
    for (int i = 0; i < l->perm.rank; i++) {
        int64_t dim = l->v->type.dims[i];
        count *= dim < 0 ? OPEN_DIM : dim;
        count = count < COST_MAX ? count : COST_MAX;
        if (dim == 1)
            continue;
        moves |= l->perm.at[i] < last;
        last = l->perm.at[i];
    }
    return moves ? count : !moves_constant(l->v);
}

/* A place of the network, or that either side is as good. */
#define EITHER (-1)

static int place_of(const struct region *r, const struct member *m)
{
    return 2 + (int)(m - r->members);
}

/* The side on which a value is made: a Transpose that makes v of v' has v' without cost. */
static int producer_place(const struct region *r, const struct label *l)
{
    const struct node *n = l->v->producer;
    struct perm p;
    if (!n || n->graph != r->g)
        return FLOW_SOURCE;
    if (perm_of(n, &p))
        return perm_equal(&p, &l->perm) ? FLOW_SINK : EITHER;
    const struct member *m = member_of(r, n);
    return m && !perm_is_identity(&m->layout.out) ? place_of(r, m) : FLOW_SOURCE;
}

static bool takes_label(const struct member *m, int index)
{
    return !perm_is_identity(&m->layout.in) && layout_labels(m->n, index, &m->layout);
}

/* The side on which it is used. A Transpose that is not undone stays one; Shape needs no elements, and what an earlier
 * change has left without use does not either. */
static int use_place(const struct region *r, const struct label *l, const struct use *use)
{
    const struct member *m = member_of(r, use->node);
    struct perm p;
    if (use->node->graph == r->g && (node_is(use->node, "Shape") || node_is_dead(use->node)))
        return EITHER;
    if (use->node->graph == r->g && perm_of(use->node, &p)) {
        p = perm_chain(&l->perm, &p);
        return perm_is_identity(&p) ? FLOW_SINK : EITHER;
    }
    return m && use->node->graph == r->g && takes_label(m, use->index) ? place_of(r, m) : FLOW_SOURCE;
}

/* Two places of the network stand for "some use is turned" and "some is not"; what they cost depends on where the value
 * is made. *now is what the graph costs as it is. */
static int connect_label(struct flow *f, const struct region *r, const struct label *l, int turned, int64_t *now,
                         struct error *err)
{
    int made = producer_place(r, l), same = turned + 1;
    int64_t cost = cost_of(l);
    bool any_turned = false, any_same = l->v->is_output;
    for (size_t u = 0; u < l->v->use_count; u++) {
        int place = use_place(r, l, &l->v->uses[u]);
        any_turned |= place == FLOW_SINK;
        any_same |= place != FLOW_SINK && place != EITHER;
        if (place > FLOW_SINK &&
            (flow_connect(f, turned, place, FLOW_NEVER, err) || flow_connect(f, place, same, FLOW_NEVER, err)))
            return -1;
        if (place == FLOW_SOURCE && flow_connect(f, place, same, FLOW_NEVER, err))
            return -1;
    }
    *now +=
        (made != FLOW_SINK && any_turned ? cost : 0) + ((made == FLOW_SINK || made == EITHER) && any_same ? cost : 0);
    if ((any_turned && flow_connect(f, turned, FLOW_SINK, FLOW_NEVER, err)) ||
        (l->v->is_output && flow_connect(f, FLOW_SOURCE, same, FLOW_NEVER, err)))
        return -1;
    return flow_connect(f, made == EITHER ? FLOW_SOURCE : made, turned, cost, err) ||
                   flow_connect(f, same, made == EITHER ? FLOW_SINK : made, cost, err)
               ? -1
               : 0;
}

/* Decides who is turned: the others' scratch is cleared. 1 when that is better than the graph as it is. */
static int decide(struct region *r, struct error *err)
{
    struct flow f;
    int64_t now = 0, least = -1;
    int first = 2 + (int)r->member_count, status = flow_init(&f, first + 2 * (int)r->label_count, err);
    for (size_t i = 0; status == 0 && i < r->label_count; i++)
        status = connect_label(&f, r, &r->labels[i], first + 2 * (int)i, &now, err);
    if (status == 0)
        least = flow_cut(&f, r->work);
    if (least >= 0 && least < now)
        status = 1;
    for (size_t i = 0; status > 0 && i < r->member_count; i++)
        if (!flow_on_sink_side(&f, 2 + (int)i))
            r->members[i].n->scratch = NULL;
    flow_release(&f);
    return status;
}

/* ---- turning ---- */

/* A node that gives v' in the place of one that gives v, which Transposes make of it from now on. */
static int turn_results(struct region *r, struct member *m, struct error *err)
{
    struct node *old = m->n, *n = pass_node(old, old->domain, old->op, old->in_count, old->in, err);
    if (!n || node_take_attrs(n, old, err) || node_set_name(n, old->name, err))
        return -1;
    n->scratch = old->scratch;
    m->n = n;
    for (int o = 0; o < old->out_count; o++) {
        struct value *v = old->out[o];
        struct value *other = v ? node_new_output(n, v->is_output ? v->name : NULL, err) : NULL;
        if (!v ? node_add_output(n, NULL, err) : !other || (!v->is_output && graph_hand_over_name(v, other, err)))
            return -1;
        if (!v)
            continue;
        other->type = perm_type(&v->type, &m->layout.out);
        label_of(r, v)->other = other;
        struct node *back = perm_node(old, other, &m->layout.out, err);
        if (!back || node_move_output(old, o, back, err))
            return -1;
    }
    graph_remove_node(old);
    return 0;
}

/* A Transpose of the value, to come first behind it: one that is there already, or a new one. */
static struct value *transposed(struct graph *g, struct value *v, const struct perm *perm, struct error *err)
{
    struct node *before = v->producer && v->graph == g ? v->producer->next : g->first;
    struct perm p;
    for (size_t u = 0; u < v->use_count; u++) {
        struct node *n = v->uses[u].node;
        if (n->graph != g || !perm_of(n, &p) || !perm_equal(&p, perm))
            continue;
        if (n != before)
            graph_move_node(n, before);
        return n->out[0];
    }
    return perm_transpose(before, v, perm, err);
}

/* v', which a Transpose makes where nothing else does. */
static struct value *other_of(struct region *r, struct label *l, struct error *err)
{
    struct node *n = l->v->producer;
    struct perm made, back = perm_inverse(&l->perm);
    struct value *from = l->v;
    if (l->other)
        return l->other;
    if (n && perm_of(n, &made)) {
        back = perm_chain(&made, &back);
        from = n->in[0];
    }
    if (perm_is_identity(&back))
        return l->other = from;
    return l->other = transposed(r->g, from, &back, err);
}

static int turn_operands(struct region *r, const struct member *m, struct error *err)
{
    struct perm back = perm_inverse(&m->layout.in);
    for (int i = 0; i < m->n->in_count; i++) {
        struct value *v = m->n->in[i];
        if (!v || !takes_label(m, i))
            continue;
        struct label *l = label_of(r, v);
        if (l)
            v = other_of(r, l, err);
        else if (is_free(v))
            v = perm_transpose(m->n, v, &back, err);
        if (!v || node_set_input(m->n, i, v, err))
            return -1;
    }
    return 0;
}

/* A Transpose of a Transpose takes what that one takes, and is nothing when it undoes it. */
static int skip_transposes(struct node *n, struct error *err)
{
    struct perm p, before;
    int64_t perm[TENSOR_MAX_RANK];
    int changes = 0;
    for (; perm_of(n, &p) && n->in[0]->producer && perm_of(n->in[0]->producer, &before); changes = 1) {
        p = perm_chain(&before, &p);
        for (int i = 0; i < p.rank; i++)
            perm[i] = p.at[i];
        if (node_set_input(n, 0, n->in[0]->producer->in[0], err) || node_set_ints(n, "perm", perm, (size_t)p.rank, err))
            return -1;
    }
    if (changes && perm_is_identity(&p) && !n->out[0]->is_output && graph_replace_value(n->out[0], n->in[0], err))
        return -1;
    return changes;
}

static int skip_all(const struct value *v, struct error *err)
{
    for (size_t u = v->use_count; u-- > 0;)
        if (skip_transposes(v->uses[u].node, err) < 0)
            return -1;
    return 0;
}

static int turn(struct region *r, struct error *err)
{
    for (size_t i = 0; i < r->member_count; i++) {
        struct member *m = &r->members[i];
        if (m->n->scratch &&
            (layout_apply(m->n, &m->layout, err) || (!perm_is_identity(&m->layout.out) && turn_results(r, m, err))))
            return -1;
    }
    for (size_t i = 0; i < r->member_count; i++)
        if (r->members[i].n->scratch && turn_operands(r, &r->members[i], err))
            return -1;
    for (size_t i = 0; i < r->label_count; i++)
        if (skip_all(r->labels[i].v, err))
            return -1;
    return 1;
}

/* ---- the pass ---- */

static void release(struct region *r)
{
    for (size_t i = 0; i < r->label_count; i++)
        r->labels[i].v->scratch = NULL;
    for (size_t i = 0; i < r->member_count; i++)
        r->members[i].n->scratch = NULL;
    free(r->labels);
    free(r->members);
}

/* Whether values had better be turned in the region around one of them. */
static int improve(struct graph *g, struct value *v, const struct perm *label, int64_t *work, struct error *err)
{
    struct region r = {.g = g, .work = work};
    int status = collect(&r, v, label, err);
    if (status == 0 && r.member_count)
        status = decide(&r, err);
    if (status > 0)
        status = turn(&r, err);
    release(&r);
    return status;
}

/* What is left without use goes at once: in a chain of Transposes the values that they skip to would gather them. */
static int skip_and_remove(struct node *n, struct error *err)
{
    struct node *before = node_is(n, "Transpose") && node_in(n, 0) ? n->in[0]->producer : NULL;
    int changes = skip_transposes(n, err);
    if (changes > 0 && node_is_dead(before))
        pass_remove(before);
    if (changes > 0 && node_is_dead(n))
        pass_remove(n);
    return changes;
}

static int rewrite(struct node *n, int64_t *work, struct error *err)
{
    struct perm p;
    if (!perm_of(n, &p) || perm_is_identity(&p) || is_free(n->out[0]) || node_is_dead(n))
        return 0;
    int status = improve(n->graph, n->out[0], &p, work, err);
    p = perm_inverse(&p);
    return status ? status : improve(n->graph, n->in[0], &p, work, err);
}

/* The shape of a transposed value needs no transposition. */
static int shape_of_transposed(struct node *n, struct error *err)
{
    struct node *before = node_is(n, "Shape") && node_in(n, 0) && node_out(n, 0) ? n->in[0]->producer : NULL;
    int64_t perm[TENSOR_MAX_RANK];
    if (!before || !node_is(before, "Transpose") || !before->def || !node_in(before, 0) || !pass_perm(before, perm) ||
        op_has(n, "start") || op_has(n, "end"))
        return 0;
    struct value *shape = pass_output(pass_node(n, "", "Shape", 1, before->in, err), err);
    struct value *in[2] = {shape, pass_add_ints(n->graph, before->in[0]->type.rank, perm, err)};
    return in[0] && in[1] ? pass_replace(n, pass_node(n, "", "Gather", 2, in, err), err) : -1;
}

/* Whether a Gather of all elements of a list in another order undoes one before it. */
static bool reorders_back(const struct node *n, const struct node *before)
{
    int64_t first[TENSOR_MAX_RANK], second[TENSOR_MAX_RANK];
    const struct value *list = node_in(before, 0), *order = node_in(before, 1), *back = node_in(n, 1);
    if (!node_is(n, "Gather") || !node_is(before, "Gather") || !list || !order || !back || list->type.rank != 1 ||
        order->type.rank != 1 || back->type.rank != 1)
        return false;
    int count = pass_ints(order, first, TENSOR_MAX_RANK);
    bool is_back = count > 0 && list->type.dims[0] == count && pass_ints(back, second, TENSOR_MAX_RANK) == count;
    for (int i = 0; is_back && i < count; i++)
        is_back = second[i] >= 0 && second[i] < count && first[second[i]] == i;
    return is_back;
}

/* What undoes the node before it, as writers of channels-last formats put it behind the shape of what they turned, and
 * around a map of one channel. */
static int undo(struct node *n, struct error *err)
{
    const struct node *before = node_out(n, 0) && node_in(n, 0) ? n->in[0]->producer : NULL;
    if (!before || !before->def)
        return 0;
    bool is_view = op_trait(n, "view") && op_trait(before, "view") && pass_same_dims(node_in(before, 0), n->out[0]);
    return is_view || reorders_back(n, before) ? pass_bypass(n, 0, before->in[0], err) : 0;
}

static void clear_scratch(struct graph *g)
{
    for (struct node *n = g->first; n; n = n->next)
        n->scratch = NULL;
    for (; g; g = g->parent)
        for (size_t i = 0; i < g->value_count; i++)
            if (g->values[i])
                g->values[i]->scratch = NULL;
}

static int remove_dead(struct node *n, struct error *err)
{
    (void)err;
    if (node_is(n, "Transpose") && node_is_dead(n))
        pass_remove(n);
    return 0;
}

int pass_cancel_transposes(struct graph *g, struct error *err)
{
    int64_t work = WORK_MAX;
    int changes = pass_each(g, shape_of_transposed, err);
    if (changes >= 0 && pass_each(g, undo, err) < 0)
        return -1;
    clear_scratch(g);
    for (struct node *n = g->first, *next; changes >= 0 && n && work > 0; n = next) {
        next = n->next;
        int changed = skip_and_remove(n, err);
        if (changed == 0) {
            changed = rewrite(n, &work, err);
            next = n->next;
        }
        if (changed < 0)
            return -1;
        changes += changed;
    }
    return changes > 0 && pass_each(g, remove_dead, err) < 0 ? -1 : changes;
}
