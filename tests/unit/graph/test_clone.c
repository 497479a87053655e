/* Deep copies. */
#include <stdlib.h>

#include "../../test.h"
#include "graph/graph.h"

static struct error err;

static struct value *output_of(struct graph *g, const char *op, struct value *in, const char *name)
{
    struct node *n = graph_add_node(g, "dom", op, NULL, &err);

    node_set_name(n, op, &err);
    node_add_input(n, in, &err);
    node_add_input(n, NULL, &err);
    node_set_ints(n, "axes", (int64_t[]){1, 2, 3}, 3, &err);
    node_set_float(n, "alpha", 0.25f, &err);
    node_set_string(n, "mode", "linear", 6, &err);
    node_set_tensor(n, "value", tensor_scalar_i64(9, &err), &err);
    node_set_strings(n, "names", &(struct str){"n", 1}, 1, &err);
    node_set_floats(n, "scales", (float[]){1, 2}, 2, &err);
    n->since = 13;
    return node_new_output(n, name, &err);
}

static struct graph *sample(void)
{
    struct graph *g = graph_new(&err), *sub, *inner;
    struct value *x = graph_add_value(g, "x", &err), *w, *y, *z;
    struct node *loop;
    struct type element = {.kind = TYPE_TENSOR, .dtype = DTYPE_I64, .rank = 1};

    graph_add_input(g, x, &err);
    x->type = (struct type){.kind = TYPE_TENSOR, .dtype = DTYPE_F32, .rank = 2};
    x->type.dims[0] = graph_symbol(g, "N", &err);
    x->type.dims[1] = graph_dim_div(g, graph_dim_add(g, x->type.dims[0], 2), 2);
    w = graph_add_constant(g, "w", tensor_ints(2, (int64_t[]){4, 5}, &err), &err);
    value_set_known(w, 2, (struct known[]){{KNOWN_NUMBER, 4}, {KNOWN_DIM, x->type.dims[0]}}, &err);
    graph_add_value(g, "gone", &err);
    y = output_of(g, "One", x, "y");
    graph_remove_value(graph_find_value(g, "gone"));
    y->type.kind = TYPE_OPTIONAL;
    y->type.element = &element;
    graph_copy_type(g, &y->type, &y->type, &err);
    sub = graph_new_subgraph(g, &err);
    inner = graph_new_subgraph(sub, &err);
    z = output_of(sub, "Two", w, NULL);
    graph_add_output(inner, output_of(inner, "Three", z, "t"), &err);
    loop = graph_add_node(sub, "", "If", NULL, &err);
    node_set_graph(loop, "then", inner, &err);
    graph_add_output(sub, node_new_output(loop, NULL, &err), &err);
    loop = graph_add_node(g, "", "Loop", NULL, &err);
    node_set_graph(loop, "body", sub, &err);
    node_set_type(loop, "type", &y->type, &err);
    graph_add_output(g, node_new_output(loop, "out", &err), &err);
    graph_set_property(g, "task", "classify", 8, &err);
    graph_set_property(g, "empty", "", 0, &err);
    g->name = "main";
    return g;
}

static void compare_attrs(const struct node *a, const struct node *b)
{
    const struct attr *p = a->attrs, *q = b->attrs;

    for (; p && q; p = p->next, q = q->next)
        CHECK(p != q && strcmp(p->name, q->name) == 0 && p->kind == q->kind && p->n == q->n &&
              (p->kind == ATTR_TENSOR ? p->tensor == q->tensor : p->kind != ATTR_GRAPH || p->graph != q->graph));
    CHECK(!p && !q);
}

static void compare_nodes(const struct graph *a, const struct graph *b)
{
    const struct node *p = a->first, *q = b->first;

    for (; p && q; p = p->next, q = q->next) {
        CHECK(p != q && strcmp(p->op, q->op) == 0 && strcmp(p->domain, q->domain) == 0);
        CHECK(strcmp(p->name, q->name) == 0);
        CHECK(p->since == q->since && p->def == q->def && p->in_count == q->in_count && p->out_count == q->out_count);
        for (int i = 0; i < p->in_count; i++)
            CHECK(p->in[i] ? q->in[i] && p->in[i] != q->in[i] && strcmp(p->in[i]->name, q->in[i]->name) == 0
                           : !q->in[i]);
        compare_attrs(p, q);
    }
    CHECK(!p && !q);
}

static void same_content(void)
{
    struct graph *g = sample(), *c;
    const struct graph *p, *q;
    struct value *w, *y;

    CHECK_MSG(graph_check(g, &err) == 0, "%s", err.text);
    c = graph_clone(g, &err);
    CHECK(c && graph_check(c, &err) == 0);
    for (p = g, q = c; p && q; p = graph_next(g, p), q = graph_next(c, q)) {
        compare_nodes(p, q);
        CHECK(strcmp(p->name, q->name) == 0 && p->input_count == q->input_count && p->output_count == q->output_count);
    }
    CHECK(!p && !q);
    CHECK_STR(graph_symbol_name(c, graph_find_value(c, "x")->type.dims[1]), "(N+2)/2");
    CHECK(graph_symbol(c, "N", &err) == graph_symbol(g, "N", &err) && graph_property(c, "task")->size == 8);
    w = graph_find_value(c, "w");
    y = graph_find_value(c, "y");
    CHECK(w->constant == graph_find_value(g, "w")->constant);
    CHECK(w->known_count == 2 && w->known != graph_find_value(g, "w")->known);
    CHECK(y->type.element != graph_find_value(g, "y")->type.element && y->type.element->dtype == DTYPE_I64);
    graph_free(g);
    CHECK(graph_check(c, &err) == 0 && tensor_get_i64(w->constant, 1) == 5); /* stands on its own */
    CHECK(graph_bind_symbol(c, graph_symbol(c, "N", &err), 6, &err) == 0);
    CHECK(graph_find_value(c, "x")->type.dims[1] == 4 && w->known[1].kind == KNOWN_NUMBER);
    graph_free(c);
}

static void independent(void)
{
    struct graph *g = sample(), *c = graph_clone(g, &err);

    graph_remove_output(graph_find_value(c, "out"));
    graph_remove_node(c->last);
    CHECK(graph_check(c, &err) == 0 && graph_check(g, &err) == 0 && !graph_next(c, c) && graph_next(g, g));
    CHECK(!graph_clone(graph_next(g, g), &err) && strstr(err.text, "subgraph"));
    graph_free(c);
    graph_free(g);
}

/* The Loop's body uses w, a constant; then also y and x, which become inputs. */
static void extracted(void)
{
    struct graph *g = sample(), *sub = graph_next(g, g), *c;
    struct node *deep = graph_next(g, sub)->first;
    struct value **captured, *i;
    size_t count;

    c = graph_extract(sub, &captured, &count, &err);
    CHECK(c && count == 0 && graph_check(c, &err) == 0 && c->parent == NULL && c->node_count == sub->node_count);
    CHECK(graph_find_local(c, "w")->constant == graph_find_value(g, "w")->constant && graph_next(c, c));
    graph_free(c);
    free(captured);

    i = graph_add_value(sub, "i", &err);
    CHECK(graph_add_input(sub, i, &err) == 0 && node_add_input(deep, graph_find_value(g, "y"), &err) == 0);
    CHECK(node_add_input(sub->last, graph_find_value(g, "x"), &err) == 0);
    CHECK(node_add_input(sub->last, graph_find_value(g, "y"), &err) == 0);
    c = graph_extract(sub, &captured, &count, &err);
    CHECK_MSG(c && graph_check(c, &err) == 0, "%s", err.text);
    CHECK(count == 2 && c->input_count == 3 && strcmp(c->inputs[0]->name, "i") == 0);
    CHECK(captured[0] == graph_find_value(g, "x") && captured[1] == graph_find_value(g, "y"));
    CHECK(c->inputs[2]->use_count == 2 && c->inputs[1]->type.dims[0] == captured[0]->type.dims[0]);
    graph_free(g);
    CHECK(graph_check(c, &err) == 0);
    graph_free(c);
    free(captured);
}

static void large(void)
{
    struct graph *g = graph_new(&err), *c;
    struct value *x = graph_add_value(g, "x", &err);

    graph_add_input(g, x, &err);
    for (int i = 0; i < 100000; i++) {
        struct node *n = graph_add_node(g, "", "Neg", NULL, &err);

        node_add_input(n, x, &err);
        node_set_int(n, "i", i, &err);
        x = node_new_output(n, NULL, &err);
    }
    graph_add_output(g, x, &err);
    c = graph_clone(g, &err);
    CHECK(c && c->node_count == 100000 && graph_check(c, &err) == 0);
    graph_free(g);
    graph_free(c);
}

int main(void)
{
    RUN(same_content);
    RUN(independent);
    RUN(extracted);
    RUN(large);
    return TEST_END();
}
