/* Order: producers first, the present order kept where it serves, captured values respected, cycles found. */
#include <stdlib.h>

#include "../../test.h"
#include "base/hash.h"
#include "graph/graph.h"

static struct error err;
static struct graph *g;
static struct value *x;

static struct node *add(struct graph *at, const char *name, struct value *a, struct value *b)
{
    struct node *n = graph_add_node(at, "", "Op", NULL, &err);

    node_set_name(n, name, &err);
    if (a)
        node_add_input(n, a, &err);
    if (b)
        node_add_input(n, b, &err);
    node_new_output(n, NULL, &err);
    return n;
}

static void begin(void)
{
    g = graph_new(&err);
    x = graph_add_value(g, "x", &err);
    graph_add_input(g, x, &err);
}

static void check_order(const char *want)
{
    char got[64] = "";

    CHECK_MSG(graph_sort(g, &err) == 0 && graph_check(g, &err) == 0, "%s", err.text);
    for (const struct node *n = g->first; n; n = n->next)
        strcat(got, n->name);
    CHECK_STR(got, want);
}

static void kept(void)
{
    struct node *a, *b, *c;

    begin();
    check_order("");
    a = add(g, "a", x, NULL);
    b = add(g, "b", x, NULL);
    c = add(g, "c", b->out[0], a->out[0]);
    add(g, "d", x, NULL);
    check_order("abcd");
    graph_move_node(c, a); /* c a b d: c calls for b, then a */
    check_order("bacd");
    graph_free(g);
}

static void cycles(void)
{
    struct node *a, *b;

    begin();
    a = add(g, "a", x, NULL);
    b = add(g, "b", a->out[0], NULL);
    node_add_input(a, b->out[0], &err);
    CHECK(graph_sort(g, &err) == -1 && strstr(err.text, "cycle"));
    CHECK(g->first == a && g->last == b); /* as it was */
    CHECK(graph_check(g, &err) == -1);
    node_set_input(a, 1, a->out[0], &err);
    CHECK(graph_sort(g, &err) == -1);
    graph_free(g);
}

static void captured(void)
{
    struct node *holder, *p, *inner, *q;
    struct graph *sub, *deep;

    begin();
    holder = add(g, "h", x, NULL);
    sub = graph_new_subgraph(g, &err);
    node_set_graph(holder, "body", sub, &err);
    inner = add(sub, "i", x, NULL);
    deep = graph_new_subgraph(sub, &err);
    node_set_graph(inner, "body", deep, &err);
    p = add(g, "p", x, NULL);
    q = add(sub, "q", x, NULL);
    add(deep, "d", p->out[0], q->out[0]); /* so h waits for p, and i for q */
    CHECK(graph_check(g, &err) == -1);
    check_order("ph");
    CHECK(sub->first == q && sub->last == inner);
    CHECK(graph_sort(sub, &err) == 0);
    node_add_input(deep->first, holder->out[0], &err); /* its holder's own result */
    CHECK(graph_sort(g, &err) == -1 && graph_sort(sub, &err) == 0);
    graph_free(g);
}

/* A chain in a random order, over nodes that also look back at random. */
static void shuffled(void)
{
    enum { N = 100000 };
    struct node **nodes = malloc(N * sizeof *nodes);
    uint64_t seed = 1;

    begin();
    for (int i = 0; i < N; i++)
        nodes[i] = add(g, "", i ? nodes[i - 1]->out[0] : x, i ? nodes[hash_random(&seed) % (uint64_t)i]->out[0] : NULL);
    for (int i = 0; i < N; i++)
        graph_move_node(nodes[i], nodes[hash_random(&seed) % N]);
    CHECK(graph_check(g, &err) == -1);
    CHECK(graph_sort(g, &err) == 0 && graph_check(g, &err) == 0 && g->node_count == N);
    for (int i = 1; i < N; i++) /* the chain leaves but one order */
        if (nodes[i]->prev != nodes[i - 1])
            CHECK(0);
    graph_free(g);
    free(nodes);
}

int main(void)
{
    RUN(kept);
    RUN(cycles);
    RUN(captured);
    RUN(shuffled);
    return TEST_END();
}
