/* Pairing two networks, and listing what differs. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pair/check.h"

/* ---- findings ---- */

void check_add(struct check *c, const char *what, size_t a, size_t b, const char *text)
{
    struct pair *p = c->p;
    char *copy = mem_calloc(strlen(text) + 1, 1, c->err);
    if (!copy || mem_grow(&p->findings, &p->finding_cap, p->finding_count + 1, sizeof *p->findings, c->err) < 0) {
        free(copy);
        c->failed = true;
        return;
    }
    strcpy(copy, text);
    p->findings[p->finding_count++] = (struct pair_finding){what, a, b, copy};
}

void check_report(struct check *c, const char *what, const char *format, ...)
{
    char text[600];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    check_add(c, what, c->b->partner, c->a->partner, text);
}

/* ---- shapes ---- */

const char *check_shape_text(const struct value *v, char *text, size_t size)
{
    return type_text(v->graph, &v->type, text, size);
}

bool check_same_shape(const struct value *a, const struct value *b, const struct pair_layout *layout)
{
    int64_t x[TENSOR_MAX_RANK], y[TENSOR_MAX_RANK];
    int n = pair_squeeze(&a->type, x), m = pair_squeeze(&b->type, y);
    if (n < 0 || m < 0)
        return true; /* not known */
    bool moved = layout && layout->moved && layout->rank == n;
    for (int i = 0; n == m && i < n; i++)
        if (x[moved ? layout->perm[i] : i] != y[i])
            return false;
    return n == m;
}

/* ---- results ---- */

/* The layout of the result, where the operands' fits; else the likeliest. */
static void set_layout(struct check *c, const struct operands *all)
{
    int64_t x[TENSOR_MAX_RANK], y[TENSOR_MAX_RANK];
    struct pair_layout *layout = &c->p->layouts[c->b->partner];
    int n = pair_squeeze(&c->a->value->type, x), m = pair_squeeze(&c->b->value->type, y);
    *layout = (struct pair_layout){.rank = n > 0 ? n : 0};
    if (n < 0 || n != m || n > PAIR_MAX_AXES)
        return;
    for (int i = 0; i < n; i++)
        layout->perm[i] = i;
    if (all->layout.moved && all->layout.rank == n && check_is_free(c->a))
        *layout = all->layout;
    else if (!c->a->node || (check_is_free(c->a) && (all->layout.moved || !all->met)))
        pair_layout_at(0, n, x, y, layout);
}

static void check_results(struct check *c)
{
    const struct pair_layout *layout = &c->p->layouts[c->b->partner];
    int n = c->a->node ? c->a->node->out_count : 1, m = c->b->node ? c->b->node->out_count : 1;
    char x[200], y[200];
    for (int o = 0; o < n && o < m; o++) {
        const struct value *a = c->a->node ? c->a->node->out[o] : c->a->value;
        const struct value *b = c->b->node ? c->b->node->out[o] : c->b->value;
        if (a && b && !check_same_shape(a, b, layout))
            check_report(c, "shape", "%s and %s", check_shape_text(a, x, sizeof x), check_shape_text(b, y, sizeof y));
    }
}

static bool is_inner(const struct pair_layer *l)
{
    return l->value && l->value->graph != l->value->graph->root;
}

static void check_pair(struct check *c)
{
    struct operands all = {.alike = true};
    c->found = c->p->finding_count;
    if (strcmp(c->a->op, c->b->op) != 0)
        check_report(c, "operator", "%s and %s", c->a->op, c->b->op);
    if (!c->a->node && is_inner(c->a) && c->a->port != c->b->port)
        check_report(c, "input", "number %d and %d of a subgraph", c->a->port, c->b->port);
    check_operands(c, &all);
    if (c->p->finding_count == c->found || strcmp(c->a->op, c->b->op) == 0)
        check_settings(c, &all.layout);
    if (c->a->value && c->b->value)
        set_layout(c, &all);
    if (c->p->finding_count == c->found && all.alike && c->a->value && c->b->value)
        check_results(c);
}

/* ---- all of it ---- */

static void report_single(struct check *c, const struct pair_net *net, size_t i, bool first)
{
    char text[100];
    snprintf(text, sizeof text, "%s", net->layers[i].op);
    check_add(c, "only", first ? i : PAIR_NONE, first ? PAIR_NONE : i, text);
}

/* In the order of both: what only the second has before the next pair comes before it. */
static int check_all(struct pair *p, struct error *err)
{
    struct check c = {.p = p, .err = err};
    size_t next = 0;
    for (size_t i = 0; i <= p->a.count && !c.failed; i++) {
        size_t partner = i < p->a.count ? p->a.layers[i].partner : p->b.count;
        for (; partner != PAIR_NONE && next < partner; next++)
            if (p->b.layers[next].partner == PAIR_NONE)
                report_single(&c, &p->b, next, false);
        if (i == p->a.count)
            break;
        if (partner == PAIR_NONE) {
            report_single(&c, &p->a, i, true);
            continue;
        }
        next = partner < next ? next : partner + 1; /* a few pairs stand in another order */
        c.a = &p->a.layers[i];
        c.b = &p->b.layers[partner];
        check_pair(&c);
    }
    return c.failed ? (*err->text ? -1 : error_memory(err)) : 0;
}

int pair_init(struct pair *p, const struct graph *a, const struct graph *b, struct error *err)
{
    struct error ignored = {""};
    err = err ? err : &ignored;
    *p = (struct pair){.budget = PAIR_BUDGET};
    *err = (struct error){""};
    if (pair_net_init(&p->a, a, err) < 0)
        return error_prefix(err, "the first");
    if (pair_net_init(&p->b, b, err) < 0)
        return error_prefix(err, "the second");
    p->layouts = mem_calloc(p->a.count, sizeof *p->layouts, err);
    if (!p->layouts || pair_align(&p->a, &p->b, err) < 0)
        return -1;
    return check_all(p, err);
}

void pair_release(struct pair *p)
{
    for (size_t i = 0; i < p->finding_count; i++)
        free(p->findings[i].text);
    free(p->findings);
    free(p->layouts);
    pair_net_release(&p->a);
    pair_net_release(&p->b);
    *p = (struct pair){0};
}
