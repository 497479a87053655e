/* The public API: a drawing of the graph as SVG. */
#include "model_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "draw/layout.h"

#define LETTER  6.3 /* the width of most, in the smaller of both sizes */
#define LINE    14.0
#define MARGIN  20.0
#define LINES   4
#define COLUMNS 34

/* What a box says. */
struct box {
    const char *colour;
    char line[LINES][COLUMNS + 8];
    int lines;
    char title[300]; /* in full, for who points at it */
};

struct drawing {
    const struct graph *g;
    struct layout layout;
    size_t edge_cap;
    struct box *boxes;
    const struct value **carried; /* [edges]: the value, for its first edge; else NULL */
    size_t carried_cap;
    struct text *out;
    struct error *err;
};

/* ---- boxes ---- */

static const struct {
    const char *words, *colour;
} kinds[] = {
    {" Conv ConvTranspose QConv ConvInteger QLinearConv DeformConv Gemm MatMul QMatMul MatMulInteger Linear Einsum "
     "LSTM GRU RNN Attention MultiHeadAttention ",
     "#cfe2ff"},
    {" MaxPool AveragePool GlobalAveragePool GlobalMaxPool LpPool QPool Resize Upsample ", "#d5f0d5"},
    {" Relu LeakyRelu PRelu Clip Sigmoid HardSigmoid HardSwish Tanh Softmax LogSoftmax Elu Selu Gelu Swish Mish "
     "Softplus ",
     "#ffe3d1"},
    {" BatchNormalization InstanceNormalization LayerNormalization GroupNormalization LRN RMSNormalization ",
     "#eadcf8"},
    {" Concat Split Add Sub Mul Div Sum Mean QAdd ", "#fff3c4"},
    {" If Loop Scan ", "#ffd6e7"},
};

static const char *colour_of(const char *op)
{
    char word[64];
    snprintf(word, sizeof word, " %.60s ", op);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strstr(kinds[i].words, word))
            return kinds[i].colour;
    return "#eeeeee";
}

/* A line, cut where it would be too long; nothing for an empty one. */
static void add_line(struct box *b, const char *text)
{
    if (*text && b->lines < LINES)
        snprintf(b->line[b->lines++], sizeof b->line[0], strlen(text) > COLUMNS ? "%.*s..." : "%.*s", COLUMNS, text);
}

/* Of a name that is too long the end, which tells nodes of one block apart. */
static void add_name(struct box *b, const char *name)
{
    size_t n = strlen(name), cut = n > COLUMNS ? n - (COLUMNS - 3) : 0;
    char line[COLUMNS + 1];
    while (cut && (name[cut] & 0xc0) == 0x80)
        cut++;
    snprintf(line, sizeof line, "%s%s", cut ? "..." : "", name + cut);
    add_line(b, line);
}

static bool says_nothing(const struct attr *a)
{
    bool ones = strcmp(a->name, "axis") != 0 && strcmp(a->name, "to") != 0 && strcmp(a->name, "kernel_shape") != 0;
    for (size_t k = 0; ones && k < (a->kind == ATTR_INT ? 1 : a->n); k++)
        ones = (a->kind == ATTR_INT ? a->i : a->ints[k]) == 1;
    return ones;
}

/* "k3x3 s2x2": the attributes that say most. */
static void add_settings(struct box *b, const struct node *n)
{
    static const char *const names[][2] = {{"kernel_shape", "k"}, {"strides", "s"},  {"dilations", "d"}, {"group", "g"},
                                           {"axis", "axis "},     {"perm", "perm "}, {"to", "to "}};
    struct text t;
    text_init(&t);
    for (const struct attr *a = n->attrs; a; a = a->next) {
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            if (strcmp(a->name, names[i][0]) != 0 || (a->kind != ATTR_INT && a->kind != ATTR_INTS) || says_nothing(a))
                continue;
            text_printf(&t, "%s%s", t.size ? " " : "", names[i][1]);
            if (strcmp(a->name, "to") == 0)
                text_puts(&t, dtype_info((enum dtype)a->i)->name);
            else
                for (size_t k = 0; k < (a->kind == ATTR_INT ? 1 : a->n); k++)
                    text_printf(&t, k ? "x%lld" : "%lld", (long long)(a->kind == ATTR_INT ? a->i : a->ints[k]));
        }
        if (a->kind == ATTR_GRAPH)
            text_printf(&t, "%s%s: %zu nodes", t.size ? " " : "", a->name, a->graph->node_count);
    }
    if (!t.failed && t.data)
        add_line(b, t.data);
    text_release(&t);
}

static void add_constants(struct box *b, const struct node *n)
{
    char text[400] = "", dims[200];
    for (int i = 0; i < n->in_count; i++) {
        const struct tensor *t = n->in[i] ? n->in[i]->constant : NULL;
        if (t && t->count > 1 && strlen(text) < sizeof text - 100)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s%.90s", *text ? ", " : "",
                     model_dims_text(t->rank, t->dims, dims, sizeof dims));
    }
    add_line(b, text);
}

static void describe_node(struct box *b, const struct node *n)
{
    char op[200];
    b->colour = colour_of(n->op);
    snprintf(op, sizeof op, "%s%s%s", n->domain, *n->domain ? "." : "", n->op);
    snprintf(b->title, sizeof b->title, "%.120s %.150s", op, n->name);
    add_line(b, op);
    add_name(b, n->name);
    add_settings(b, n);
    add_constants(b, n);
}

static void describe_port(struct box *b, const struct value *v)
{
    char type[200];
    b->colour = "#ffffff";
    snprintf(b->title, sizeof b->title, "%.250s", v->name);
    add_name(b, v->name);
    add_line(b, type_text(v->graph, &v->type, type, sizeof type));
}

/* Columns of a line on the screen. */
static size_t columns(const char *line)
{
    size_t n = 0;
    for (; *line; line++)
        n += ((unsigned char)*line & 0xc0) != 0x80;
    return n;
}

static void measure(const struct box *b, struct layout_node *n)
{
    size_t widest = 6;
    for (int i = 0; i < b->lines; i++)
        widest = columns(b->line[i]) > widest ? columns(b->line[i]) : widest;
    n->width = (double)widest * LETTER + 20;
    n->height = b->lines * LINE + 10;
}

/* ---- edges ---- */

static size_t number_of(const struct node *n)
{
    return (size_t)(uintptr_t)n->scratch;
}

static int add_edge(struct drawing *d, size_t from, size_t to, const struct value *v)
{
    struct layout *l = &d->layout;
    if (l->edge_count == LAYOUT_EDGES)
        return error_set(d->err, "more than %d edges, which nobody could read in a drawing", LAYOUT_EDGES);
    if (mem_grow(&l->edges, &d->edge_cap, l->edge_count + 1, sizeof *l->edges, d->err) < 0 ||
        mem_grow(&d->carried, &d->carried_cap, l->edge_count + 1, sizeof *d->carried, d->err) < 0)
        return -1;
    l->edges[l->edge_count] = (struct layout_edge){.from = from, .to = to};
    d->carried[l->edge_count++] = v;
    return 0;
}

static int add_uses(struct drawing *d, const struct value *v, size_t from)
{
    size_t first = d->layout.edge_count, outputs = d->g->input_count + d->g->node_count;
    for (size_t i = 0; i < v->use_count; i++) {
        const struct node *user = graph_holder_in(d->g, v->uses[i].node);
        size_t last = d->layout.edge_count;
        bool again = last > first && user && d->layout.edges[last - 1].to == number_of(user);
        if (user && !again && add_edge(d, from, number_of(user), last == first ? v : NULL) < 0)
            return -1;
    }
    for (size_t i = 0; v->is_output && i < d->g->output_count; i++)
        if (d->g->outputs[i] == v && add_edge(d, from, outputs + i, d->layout.edge_count == first ? v : NULL) < 0)
            return -1;
    return 0;
}

/* Inputs, nodes, outputs: in this order, every edge goes from a lower number to a higher one. */
static int collect(struct drawing *d)
{
    struct layout *l = &d->layout;
    const struct graph *g = d->g;
    size_t k = 0;
    l->node_count = g->input_count + g->node_count + g->output_count;
    if (l->node_count > LAYOUT_NODES)
        return error_set(d->err, "%zu nodes: more than %d nobody could read in a drawing", l->node_count, LAYOUT_NODES);
    l->nodes = mem_calloc(l->node_count, sizeof *l->nodes, d->err);
    d->boxes = mem_calloc(l->node_count, sizeof *d->boxes, d->err);
    if (!l->nodes || !d->boxes)
        return -1;
    for (size_t i = 0; i < g->input_count; i++)
        describe_port(&d->boxes[k++], g->inputs[i]);
    for (struct node *n = g->first; n; n = n->next) {
        n->scratch = (void *)(uintptr_t)k;
        describe_node(&d->boxes[k++], n);
    }
    for (size_t i = 0; i < g->output_count; i++)
        describe_port(&d->boxes[k++], g->outputs[i]);
    for (size_t i = 0; i < l->node_count; i++)
        measure(&d->boxes[i], &l->nodes[i]);
    for (size_t i = 0; i < g->input_count; i++)
        if (add_uses(d, g->inputs[i], i) < 0)
            return -1;
    for (const struct node *n = g->first; n; n = n->next)
        for (int i = 0; i < n->out_count; i++)
            if (n->out[i] && add_uses(d, n->out[i], number_of(n)) < 0)
                return -1;
    return 0;
}

/* ---- SVG ---- */

/* Text of XML; characters that it may not hold, and bytes that are none, become U+FFFD. */
static void add_text(struct text *t, const char *s)
{
    static const char special[] = "<>&\"";
    static const char *const entities[] = {"&lt;", "&gt;", "&amp;", "&quot;"};
    const uint8_t *at = (const uint8_t *)s, *end = at + strlen(s);
    while (at < end) {
        uint32_t c = text_get_utf8(&at, end);
        const char *found = c < 0x80 && c ? strchr(special, (int)c) : NULL;
        if (found)
            text_puts(t, entities[found - special]);
        else
            text_put_utf8(t, text_is_control(c) || c == 0xfffe || c == 0xffff ? 0xfffd : c);
    }
}

static void draw_box(struct drawing *d, size_t i, bool port)
{
    const struct layout_node *n = &d->layout.nodes[i];
    const struct box *b = &d->boxes[i];
    double left = n->x - n->width / 2, top = n->y - n->height / 2;
    text_printf(d->out, "<g><title>");
    add_text(d->out, b->title);
    text_printf(d->out, "</title><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"%d\" fill=\"%s\"/>\n",
                left, top, n->width, n->height, port ? 14 : 4, b->colour);
    for (int k = 0; k < b->lines; k++) {
        text_printf(d->out, "<text x=\"%.1f\" y=\"%.1f\"%s>", n->x, top + LINE * (k + 1) + 1,
                    k == 0 ? " class=\"op\"" : "");
        add_text(d->out, b->line[k]);
        text_puts(d->out, "</text>\n");
    }
    text_puts(d->out, "</g>\n");
}

/* Where an edge is between two layers, it swings from one place to the other. */
static void swing(struct text *out, struct layout_point from, struct layout_point to)
{
    double middle = (from.y + to.y) / 2;
    text_printf(out, from.x == to.x ? "V%.1f" : "C%.1f %.1f %.1f %.1f %.1f %.1f", from.x == to.x ? to.y : from.x,
                middle, to.x, middle, to.x, to.y);
}

static void draw_edge(struct drawing *d, const struct layout_edge *e, const struct value *v)
{
    const struct layout_node *from = &d->layout.nodes[e->from], *to = &d->layout.nodes[e->to];
    struct layout_point at = {from->x, from->y + from->height / 2}, end = {to->x, to->y - to->height / 2 - 5};
    const struct layout_point *bend = &d->layout.points[e->bends];
    char type[200];
    text_printf(d->out, "<path d=\"M%.1f %.1f", at.x, at.y);
    for (size_t i = 0; i < e->bend_count; i++) {
        swing(d->out, at, bend[2 * i]);
        text_printf(d->out, "V%.1f", bend[2 * i + 1].y);
        at = bend[2 * i + 1];
    }
    swing(d->out, at, end);
    text_puts(d->out, "\"/>\n");
    if (!v || e->from < d->g->input_count || v->type.kind != TYPE_TENSOR || v->type.rank < 0)
        return;
    text_printf(d->out, "<text class=\"shape\" x=\"%.1f\" y=\"%.1f\">", from->x + 5, from->y + from->height / 2 + 12);
    add_text(d->out, type_text(v->graph, &v->type, type, sizeof type));
    text_puts(d->out, "</text>\n");
}

static void draw(struct drawing *d)
{
    const struct layout *l = &d->layout;
    double width = l->width + 2 * MARGIN + 100, height = l->height + 2 * MARGIN; /* 100: shapes at the right side */
    text_printf(
        d->out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"%.0f %.0f %.0f %.0f\">\n"
        "<style>text{font:11px sans-serif;text-anchor:middle;fill:#222}.op{font-weight:bold}"
        ".shape{font-size:9px;text-anchor:start;fill:#666;paint-order:stroke;stroke:white;stroke-width:2px}"
        "rect{stroke:#667;stroke-width:1}"
        "path{fill:none;stroke:#778;stroke-width:1.2;marker-end:url(#arrow)}</style>\n"
        "<defs><marker id=\"arrow\" viewBox=\"0 0 6 6\" refX=\"1\" refY=\"3\" markerWidth=\"6\" markerHeight=\"6\" "
        "orient=\"auto\"><path d=\"M0 0L6 3L0 6z\" style=\"fill:#778;stroke:none;marker-end:none\"/></marker></defs>\n"
        "<rect x=\"%.0f\" y=\"%.0f\" width=\"100%%\" height=\"100%%\" style=\"fill:white;stroke:none\"/>\n",
        width, height, -MARGIN, -MARGIN, width, height, -MARGIN, -MARGIN);
    for (size_t i = 0; i < l->edge_count; i++)
        draw_edge(d, &l->edges[i], d->carried[i]);
    for (size_t i = 0; i < l->node_count; i++)
        draw_box(d, i, i < d->g->input_count || i >= d->g->input_count + d->g->node_count);
    text_puts(d->out, "</svg>\n");
}

char *model_svg(const struct model *m, struct model_error *error)
{
    struct error *err = model_inner(error);
    struct graph *g = graph_clone(m->graph, err); /* whose scratch fields are ours */
    struct text t;
    struct drawing d = {.g = g, .layout = {.gap_x = 16, .gap_y = 34}, .out = &t, .err = err};
    text_init(&t);
    int status = g ? collect(&d) : -1;
    if (status == 0)
        status = layout_place(&d.layout, err);
    if (status == 0)
        draw(&d);
    free(d.layout.nodes);
    free(d.layout.edges);
    free(d.layout.points);
    free(d.boxes);
    free(d.carried);
    graph_free(g);
    if (status == 0 && !t.failed)
        return t.data;
    text_release(&t);
    if (status == 0)
        error_memory(err);
    return NULL;
}
