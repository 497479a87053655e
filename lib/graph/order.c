/* Sorting nodes so that producers come first. */
#include <stdlib.h>

#include "graph/impl.h"

/* A node waits for the producers of its own inputs that are of its graph, and for those of the outer values that its
 * subgraphs use, listed in `captured`, at [starts[i], starts[i + 1]) for node i. */
struct sort {
    size_t count;        /* of all nodes; a node's number is in its scratch */
    struct node **nodes; /* as they stood */
    struct node **sorted;
    size_t *starts;
    struct node **captured;
    unsigned char *state;
    struct frame *stack;
};

enum { WAITING, VISITED, PLACED };

struct frame {
    size_t node, next; /* next: which of its producers comes next */
};

static size_t number(const struct node *n)
{
    return (size_t)(uintptr_t)n->scratch;
}

/* The node of the value's graph that waits for it because a node within uses it; NULL when that is no node but n
 * itself, or one outside of what is sorted. */
static struct node *waits_for(const struct graph *top, const struct node *n, const struct value *v)
{
    if (!v || !v->producer || v->graph == n->graph || !graph_sees(v->graph, top))
        return NULL;
    return graph_holder_in(v->graph, n);
}

static size_t number_nodes(struct graph *top)
{
    size_t count = 0;

    for (struct graph *g = top; g; g = graph_next(top, g))
        for (struct node *n = g->first; n; n = n->next)
            n->scratch = (void *)(uintptr_t)count++;
    return count;
}

/* Calls for each captured value: counts them into starts[holder], or lists them. */
static void each_captured(struct sort *s, const struct graph *top, bool list)
{
    for (size_t i = 0; i < s->count; i++)
        for (int k = 0; k < s->nodes[i]->in_count; k++) {
            struct value *v = s->nodes[i]->in[k];
            struct node *holder = waits_for(top, s->nodes[i], v);

            if (holder && list)
                s->captured[s->starts[number(holder)]++] = v->producer;
            else if (holder)
                s->starts[number(holder)]++;
        }
}

/* Counting sort by holder: afterwards starts[i] is where node i's list begins. */
static int list_captured(struct sort *s, const struct graph *top, struct error *err)
{
    size_t total = 0;

    each_captured(s, top, false);
    for (size_t i = 0; i <= s->count; i++) {
        size_t here = s->starts[i];

        s->starts[i] = total;
        total += here;
    }
    s->captured = mem_calloc(total, sizeof(struct node *), err);
    if (!s->captured)
        return -1;
    each_captured(s, top, true); /* moves each start to its end, which is the next one's start */
    for (size_t i = s->count; i > 0; i--)
        s->starts[i] = s->starts[i - 1];
    s->starts[0] = 0;
    return 0;
}

static void sort_release(struct sort *s)
{
    free(s->nodes);
    free(s->sorted);
    free(s->starts);
    free(s->captured);
    free(s->state);
    free(s->stack);
}

static int sort_init(struct sort *s, struct graph *top, struct error *err)
{
    size_t at = 0;

    *s = (struct sort){.count = number_nodes(top)};
    s->nodes = mem_calloc(s->count, sizeof(struct node *), err);
    s->sorted = mem_calloc(s->count, sizeof(struct node *), err);
    s->starts = mem_calloc(s->count + 1, sizeof *s->starts, err);
    s->state = mem_calloc(s->count, 1, err);
    s->stack = mem_calloc(s->count, sizeof *s->stack, err);
    if (!s->nodes || !s->sorted || !s->starts || !s->state || !s->stack)
        return -1;
    for (struct graph *g = top; g; g = graph_next(top, g))
        for (struct node *n = g->first; n; n = n->next)
            s->nodes[at++] = n;
    return list_captured(s, top, err);
}

/* The next producer that frame f waits for; false when there is none left. */
static bool next_producer(const struct sort *s, struct frame *f, size_t *producer)
{
    const struct node *n = s->nodes[f->node];
    size_t inputs = (size_t)n->in_count, captured = s->starts[f->node + 1] - s->starts[f->node];

    while (f->next < inputs + captured) {
        size_t i = f->next++;
        const struct value *v = i < inputs ? n->in[i] : NULL;

        if (i >= inputs)
            *producer = number(s->captured[s->starts[f->node] + i - inputs]);
        else if (v && v->producer && v->graph == n->graph)
            *producer = number(v->producer);
        else
            continue;
        return true;
    }
    return false;
}

static int cycle_error(const struct node *n, struct error *err)
{
    char label[200];

    return error_set(err, "%s needs its own result: the graph has a cycle", node_label(n, label, sizeof label));
}

/* Depth first: what a node waits for, then the node. */
static int place_node(struct sort *s, size_t first, size_t *placed, struct error *err)
{
    size_t depth = 0, producer;

    if (s->state[first] == PLACED)
        return 0;
    s->state[first] = VISITED;
    s->stack[depth++] = (struct frame){first, 0};
    while (depth > 0) {
        struct frame *top = &s->stack[depth - 1];

        if (!next_producer(s, top, &producer)) {
            s->state[top->node] = PLACED;
            s->sorted[(*placed)++] = s->nodes[top->node];
            depth--;
        } else if (s->state[producer] == VISITED) {
            return cycle_error(s->nodes[producer], err);
        } else if (s->state[producer] == WAITING) {
            s->state[producer] = VISITED;
            s->stack[depth++] = (struct frame){producer, 0};
        }
    }
    return 0;
}

/* Producers are of the same graph as who waits for them, so each graph's nodes stand together in `sorted`. */
static void relink(struct sort *s)
{
    for (size_t i = 0; i < s->count; i++)
        graph_move_node(s->sorted[i], NULL);
}

int graph_sort(struct graph *g, struct error *err)
{
    struct sort s;
    size_t placed = 0;
    int result = sort_init(&s, g, err);

    for (size_t i = 0; result == 0 && i < s.count; i++)
        result = place_node(&s, i, &placed, err);
    if (result == 0)
        relink(&s);
    sort_release(&s);
    return result;
}
