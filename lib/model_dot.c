/* The public API: a drawing in the language of Graphviz. */
#include "model_private.h"

#include <string.h>

#include "base/text.h"

struct drawing {
    struct text *out;
    size_t nodes, clusters;
};

/* Between double quotes; what a terminal may obey becomes U+FFFD. */
static void add_quoted(struct text *t, const char *s)
{
    const uint8_t *at = (const uint8_t *)s, *end = at + strlen(s);
    while (at < end) {
        uint32_t c = text_get_utf8(&at, end);
        if (c == '"' || c == '\\')
            text_puts(t, "\\");
        text_put_utf8(t, c == '\n' ? ' ' : text_is_control(c) ? 0xfffd : c);
    }
}

/* "Conv\nconv1\n64x3x7x7": operator, name, the shapes of its constants. */
static void add_node(struct drawing *d, struct node *n)
{
    char dims[200];
    n->scratch = (void *)(uintptr_t)++d->nodes;
    text_printf(d->out, "  n%zu [label=\"", d->nodes);
    if (*n->domain) {
        add_quoted(d->out, n->domain);
        text_puts(d->out, ".");
    }
    add_quoted(d->out, n->op);
    if (*n->name) {
        text_puts(d->out, "\\n");
        add_quoted(d->out, n->name);
    }
    for (int i = 0; i < n->in_count; i++) {
        const struct tensor *t = n->in[i] ? n->in[i]->constant : NULL;
        if (t && t->count > 1)
            text_printf(d->out, "\\n%s", model_dims_text(t->rank, t->dims, dims, sizeof dims));
    }
    text_puts(d->out, "\"];\n");
}

static void add_nodes(struct drawing *d, struct graph *g)
{
    for (struct node *n = g->first; n; n = n->next) {
        add_node(d, n);
        for (const struct attr *a = n->attrs; a; a = a->next) {
            if (a->kind != ATTR_GRAPH)
                continue;
            text_printf(d->out, "  subgraph cluster%zu {\n  label=\"", ++d->clusters);
            add_quoted(d->out, a->name);
            text_puts(d->out, "\";\n");
            add_nodes(d, a->graph);
            text_puts(d->out, "  }\n");
        }
    }
}

/* An input or output of the graph as a node of its own. */
static void add_port(struct drawing *d, const struct value *v, char kind, size_t i)
{
    text_printf(d->out, "  %c%zu [shape=ellipse, label=\"", kind, i);
    add_quoted(d->out, v->name);
    text_puts(d->out, "\"];\n");
}

/* " [label=…]" with the value's type. */
static void end_edge(struct drawing *d, const struct value *v)
{
    char type[200];
    text_puts(d->out, " [label=\"");
    add_quoted(d->out, type_text(v->graph, &v->type, type, sizeof type));
    text_puts(d->out, "\"];\n");
}

static size_t number_of(const struct node *n)
{
    return (size_t)(uintptr_t)n->scratch;
}

static void add_uses(struct drawing *d, const struct value *v, char kind, size_t from)
{
    for (size_t i = 0; i < v->use_count; i++) {
        text_printf(d->out, "  %c%zu -> n%zu", kind, from, number_of(v->uses[i].node));
        end_edge(d, v);
    }
}

static void add_edges(struct drawing *d, const struct graph *top)
{
    for (const struct graph *g = top; g; g = graph_next(top, g))
        for (const struct node *n = g->first; n; n = n->next)
            for (int i = 0; i < n->out_count; i++)
                if (n->out[i])
                    add_uses(d, n->out[i], 'n', number_of(n));
}

static void draw(struct drawing *d, struct graph *g)
{
    text_puts(d->out, "digraph model {\n  node [shape=box, fontname=\"sans\", fontsize=10];\n"
                      "  edge [fontname=\"sans\", fontsize=8];\n");
    add_nodes(d, g);
    for (size_t i = 0; i < g->input_count; i++)
        add_port(d, g->inputs[i], 'i', i);
    for (size_t i = 0; i < g->output_count; i++)
        add_port(d, g->outputs[i], 'o', i);
    for (size_t i = 0; i < g->input_count; i++)
        add_uses(d, g->inputs[i], 'i', i);
    add_edges(d, g);
    for (size_t i = 0; i < g->output_count; i++) {
        const struct node *n = g->outputs[i]->producer;
        if (!n)
            continue;
        text_printf(d->out, "  n%zu -> o%zu", number_of(n), i);
        end_edge(d, g->outputs[i]);
    }
    text_puts(d->out, "}\n");
}

char *model_dot(const struct model *m, struct model_error *err)
{
    struct graph *g = graph_clone(m->graph, model_inner(err)); /* whose scratch fields are ours */
    if (!g)
        return NULL;
    struct text t;
    struct drawing d = {.out = &t};
    text_init(&t);
    draw(&d, g);
    graph_free(g);
    if (!t.failed)
        return t.data;
    text_release(&t);
    error_memory(model_inner(err));
    return NULL;
}
