#include "draw/layout.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"

#define SWEEPS     24
#define BEND_WIDTH 8.0

/* A node, or where an edge passes a layer: both have their turn in the order of the layer. */
struct vertex {
    double width, height, x;
    double wanted;          /* its place as its neighbours would have it */
    size_t layer, up, down; /* up, down: the first link to the layer above, below */
    size_t turn;            /* in its layer */
};

/* From a vertex of one layer to one of the next. */
struct link {
    size_t from, to, next_down, next_up; /* the next ones from `from`, to `to` */
};

/* Neighbours that stand as close as they may, moved as one. */
struct block {
    double sum, weight; /* of the places that its vertices want, as if it had no width */
    size_t count;
};

struct key {
    double key;
    size_t turn, vertex;
};

#define NONE SIZE_MAX

struct work {
    struct layout *l;
    struct vertex *v; /* nodes, then bends */
    size_t vertices, vertex_cap;
    struct link *links;
    size_t link_count, link_cap;
    size_t *order, *begin; /* vertices by layers and turns; where each layer begins, and the end */
    size_t *filled;        /* vertices put into each layer so far */
    size_t layers;
    double *top; /* of each layer, and the end */
    struct key *keys;
    struct block *blocks;
    double *offsets;
};

/* ---- layers ---- */

static void find_layers(struct work *w)
{
    const struct layout *l = w->l;
    for (size_t i = 0; i < l->edge_count; i++) {
        const struct layout_edge *e = &l->edges[i];
        if (w->v[e->to].layer < w->v[e->from].layer + 1)
            w->v[e->to].layer = w->v[e->from].layer + 1;
    }
    /* what takes nothing stands right above the first that takes from it */
    for (size_t i = l->edge_count; i-- > 0;) {
        const struct layout_edge *e = &l->edges[i];
        struct vertex *from = &w->v[e->from];
        bool first = i + 1 == l->edge_count || l->edges[i + 1].from != e->from;
        if (w->v[e->from].turn == 0 && (first || w->v[e->to].layer - 1 < from->layer))
            from->layer = w->v[e->to].layer - 1;
    }
}

/* ---- bends ---- */

static int add_link(struct work *w, size_t from, size_t to, struct error *err)
{
    if (mem_grow(&w->links, &w->link_cap, w->link_count + 1, sizeof *w->links, err) < 0)
        return -1;
    w->links[w->link_count] = (struct link){from, to, w->v[from].down, w->v[to].up};
    w->v[from].down = w->v[to].up = w->link_count++;
    return 0;
}

static int add_bend(struct work *w, size_t layer, struct error *err)
{
    if (mem_grow(&w->v, &w->vertex_cap, w->vertices + 1, sizeof *w->v, err) < 0)
        return -1;
    w->v[w->vertices++] = (struct vertex){.width = BEND_WIDTH, .layer = layer, .up = NONE, .down = NONE};
    return 0;
}

/* Layers that an edge runs through. */
static size_t between(const struct work *w, const struct layout_edge *e)
{
    return w->v[e->to].layer - w->v[e->from].layer - 1;
}

/* The most layers that edges may run through, for all of them not to have too many bends. */
static size_t longest(const struct work *w)
{
    for (size_t most = w->l->node_count;; most /= 2) {
        size_t sum = 0;
        for (size_t i = 0; i < w->l->edge_count; i++) {
            size_t n = between(w, &w->l->edges[i]);
            sum += n <= most ? n : 0;
        }
        if (sum <= LAYOUT_BENDS)
            return most;
    }
}

static int add_bends(struct work *w, struct layout_edge *e, size_t most, struct error *err)
{
    size_t last = e->from;
    e->bends = w->vertices;
    e->bend_count = 0;
    if (between(w, e) > most)
        return 0;
    for (size_t layer = w->v[e->from].layer + 1; layer < w->v[e->to].layer; layer++, e->bend_count++) {
        if (add_bend(w, layer, err) < 0 || add_link(w, last, w->vertices - 1, err) < 0)
            return -1;
        last = w->vertices - 1;
    }
    return add_link(w, last, e->to, err);
}

/* ---- the order in each layer ---- */

#define BEND_WEIGHT 8.0 /* long edges are to be straight, before nodes stand in the middle of others */

static bool is_bend(const struct work *w, size_t vertex)
{
    return vertex >= w->l->node_count;
}

/* The mean of what neighbours on one side give, or what it is when there are none. */
static double mean(const struct work *w, size_t vertex, bool above, bool places, double otherwise)
{
    double sum = 0, weight = 0;
    for (size_t i = above ? w->v[vertex].up : w->v[vertex].down; i != NONE;
         i = above ? w->links[i].next_up : w->links[i].next_down) {
        size_t other = above ? w->links[i].from : w->links[i].to;
        double mine = places && is_bend(w, other) && is_bend(w, vertex) ? BEND_WEIGHT : 1;
        sum += mine * (places ? w->v[other].x : (double)w->v[other].turn);
        weight += mine;
    }
    return weight > 0 ? sum / weight : otherwise;
}

static int by_key(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->turn > y->turn) - (x->turn < y->turn);
}

/* Sorts a layer by the mean turn of neighbours above, or below. */
static void sort_layer(struct work *w, size_t layer, bool above)
{
    size_t from = w->begin[layer], n = w->begin[layer + 1] - from;
    for (size_t i = 0; i < n; i++) {
        size_t v = w->order[from + i];
        w->keys[i] = (struct key){mean(w, v, above, false, (double)i), i, v};
    }
    qsort(w->keys, n, sizeof *w->keys, by_key);
    for (size_t i = 0; i < n; i++) {
        w->order[from + i] = w->keys[i].vertex;
        w->v[w->keys[i].vertex].turn = i;
    }
}

/* At first in the order of numbers, bends behind nodes. */
static void fill_layers(struct work *w)
{
    for (size_t i = 0; i < w->vertices; i++)
        w->begin[w->v[i].layer + 1]++;
    for (size_t i = 0; i < w->layers; i++)
        w->begin[i + 1] += w->begin[i];
    for (size_t i = 0; i < w->vertices; i++) {
        size_t layer = w->v[i].layer, turn = w->filled[layer]++;
        w->v[i].turn = turn;
        w->order[w->begin[layer] + turn] = i;
    }
}

static void order_layers(struct work *w)
{
    fill_layers(w);
    for (int sweep = 0; sweep < SWEEPS; sweep++)
        for (size_t i = 0; i < w->layers; i++)
            sort_layer(w, sweep % 2 ? w->layers - 1 - i : i, sweep % 2 == 0);
}

/* ---- places in each layer ---- */

/* How far the middle of a vertex stands from that of the one before, at least. */
static double apart(const struct work *w, size_t before, size_t after)
{
    return (w->v[before].width + w->v[after].width) / 2 + w->l->gap_x;
}

/* Puts each vertex of a layer as near as can be to where it wants to be, in the sense of least squares, without
 * changing their order: the pool-adjacent-violators algorithm (M. Ayer et al., 1955). */
static void place_layer(struct work *w, size_t layer)
{
    const size_t *order = w->order + w->begin[layer];
    size_t n = w->begin[layer + 1] - w->begin[layer], blocks = 0;
    double offset = 0;
    for (size_t i = 0; i < n; i++) {
        offset += i ? apart(w, order[i - 1], order[i]) : 0;
        w->offsets[i] = offset;
        double weight = is_bend(w, order[i]) ? BEND_WEIGHT : 1;
        struct block b = {(w->v[order[i]].wanted - offset) * weight, weight, 1};
        while (blocks && w->blocks[blocks - 1].sum * b.weight >= b.sum * w->blocks[blocks - 1].weight) {
            b.sum += w->blocks[--blocks].sum;
            b.weight += w->blocks[blocks].weight;
            b.count += w->blocks[blocks].count;
        }
        w->blocks[blocks++] = b;
    }
    for (size_t k = 0, i = 0; k < blocks; k++)
        for (size_t end = i + w->blocks[k].count; i < end; i++)
            w->v[order[i]].x = w->blocks[k].sum / w->blocks[k].weight + w->offsets[i];
}

static void place_vertices(struct work *w)
{
    for (size_t i = 0; i < w->layers; i++)
        place_layer(w, i);
    for (int sweep = 0; sweep <= SWEEPS; sweep++) /* up and down in turn, and down at last */
        for (size_t i = 0; i < w->layers; i++) {
            size_t layer = sweep % 2 ? w->layers - 1 - i : i;
            for (size_t k = w->begin[layer]; k < w->begin[layer + 1]; k++) {
                struct vertex *v = &w->v[w->order[k]];
                v->wanted = mean(w, w->order[k], sweep % 2 == 0, true, v->x);
            }
            place_layer(w, layer);
        }
}

/* ---- the result ---- */

static void find_tops(struct work *w)
{
    double y = 0;
    for (size_t layer = 0; layer < w->layers; layer++) {
        double height = 0;
        for (size_t k = w->begin[layer]; k < w->begin[layer + 1]; k++)
            height = fmax(height, w->v[w->order[k]].height);
        w->top[layer] = y;
        y += height + w->l->gap_y;
    }
    w->top[w->layers] = y;
    w->l->height = fmax(y - w->l->gap_y, 0);
}

static void shift_to_zero(struct work *w)
{
    double least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < w->vertices; i++) {
        least = fmin(least, w->v[i].x - w->v[i].width / 2);
        most = fmax(most, w->v[i].x + w->v[i].width / 2);
    }
    for (size_t i = 0; i < w->vertices; i++)
        w->v[i].x -= least;
    w->l->width = w->vertices ? most - least : 0;
}

static int give_places(struct work *w, struct error *err)
{
    struct layout *l = w->l;
    find_tops(w);
    shift_to_zero(w);
    for (size_t i = 0; i < l->node_count; i++) {
        size_t layer = w->v[i].layer;
        l->nodes[i].x = w->v[i].x;
        l->nodes[i].y = (w->top[layer] + w->top[layer + 1] - l->gap_y) / 2;
    }
    l->point_count = 2 * (w->vertices - l->node_count);
    l->points = mem_calloc(l->point_count, sizeof *l->points, err);
    for (size_t i = l->node_count; l->points && i < w->vertices; i++) {
        struct layout_point *p = &l->points[2 * (i - l->node_count)];
        p[0] = (struct layout_point){w->v[i].x, w->top[w->v[i].layer]};
        p[1] = (struct layout_point){w->v[i].x, w->top[w->v[i].layer + 1] - l->gap_y};
    }
    for (size_t i = 0; i < l->edge_count; i++)
        l->edges[i].bends = 2 * (l->edges[i].bends - l->node_count);
    return l->points ? 0 : -1;
}

/* ---- all of it ---- */

static int begin(struct work *w, struct error *err)
{
    const struct layout *l = w->l;
    if (mem_grow(&w->v, &w->vertex_cap, l->node_count + 1, sizeof *w->v, err) < 0)
        return -1;
    for (size_t i = 0; i < l->node_count; i++)
        w->v[i] = (struct vertex){.width = l->nodes[i].width, .height = l->nodes[i].height, .up = NONE, .down = NONE};
    w->vertices = l->node_count;
    for (size_t i = 0; i < l->edge_count; i++)
        w->v[l->edges[i].to].turn++; /* how many it takes from, until it has a turn */
    find_layers(w);
    size_t most = longest(w);
    for (size_t i = 0; i < l->edge_count; i++)
        if (add_bends(w, &w->l->edges[i], most, err) < 0)
            return -1;
    for (size_t i = 0; i < w->vertices; i++)
        w->layers = w->v[i].layer + 1 > w->layers ? w->v[i].layer + 1 : w->layers;
    return 0;
}

static int allocate(struct work *w, struct error *err)
{
    w->order = mem_calloc(w->vertices, sizeof *w->order, err);
    w->begin = mem_calloc(w->layers + 1, sizeof *w->begin, err);
    w->filled = mem_calloc(w->layers, sizeof *w->filled, err);
    w->top = mem_calloc(w->layers + 1, sizeof *w->top, err);
    w->keys = mem_calloc(w->vertices, sizeof *w->keys, err);
    w->blocks = mem_calloc(w->vertices, sizeof *w->blocks, err);
    w->offsets = mem_calloc(w->vertices, sizeof *w->offsets, err);
    return w->order && w->begin && w->filled && w->top && w->keys && w->blocks && w->offsets ? 0 : -1;
}

int layout_place(struct layout *l, struct error *err)
{
    struct work w = {.l = l};
    int status = begin(&w, err);
    if (status == 0)
        status = allocate(&w, err);
    if (status == 0) {
        order_layers(&w);
        place_vertices(&w);
        status = give_places(&w, err);
    }
    free(w.v);
    free(w.links);
    free(w.order);
    free(w.begin);
    free(w.filled);
    free(w.top);
    free(w.keys);
    free(w.blocks);
    free(w.offsets);
    return status;
}
