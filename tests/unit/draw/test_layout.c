/* Random graphs: nodes do not overlap, edges run down, and the same graph gets the same places. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "../../test.h"
#include "base/hash.h"
#include "draw/layout.h"

#define NODES 60

static int by_from(const void *a, const void *b)
{
    const struct layout_edge *x = a, *y = b;
    return (x->from > y->from) - (x->from < y->from);
}

static void make(struct layout *l, struct layout_node *nodes, struct layout_edge *edges, size_t node_count,
                 size_t edge_count, uint64_t seed)
{
    *l = (struct layout){nodes, node_count, edges, edge_count, .gap_x = 10, .gap_y = 30};
    for (size_t i = 0; i < node_count; i++)
        nodes[i] =
            (struct layout_node){.width = 20 + (double)(hash_random(&seed) % 100), .height = 20 + (double)(i % 3) * 10};
    for (size_t i = 0; i < edge_count; i++) {
        size_t to = 1 + hash_random(&seed) % (node_count - 1);
        edges[i] = (struct layout_edge){.from = hash_random(&seed) % to, .to = to};
    }
    qsort(edges, edge_count, sizeof *edges, by_from);
}

static bool overlap(const struct layout_node *a, const struct layout_node *b)
{
    return fabs(a->x - b->x) < (a->width + b->width) / 2 + 9.9 && fabs(a->y - b->y) < (a->height + b->height) / 2;
}

static void check_places(const struct layout *l)
{
    for (size_t i = 0; i < l->node_count; i++) {
        const struct layout_node *n = &l->nodes[i];
        CHECK(n->x - n->width / 2 > -1e-6 && n->x + n->width / 2 < l->width + 1e-6);
        CHECK(n->y - n->height / 2 > -1e-6 && n->y + n->height / 2 < l->height + 1e-6);
        for (size_t k = 0; k < i; k++)
            CHECK_MSG(!overlap(n, &l->nodes[k]), "%zu over %zu", i, k);
    }
}

static void check_edges(const struct layout *l)
{
    for (size_t i = 0; i < l->edge_count; i++) {
        const struct layout_edge *e = &l->edges[i];
        double y = l->nodes[e->from].y + l->nodes[e->from].height / 2;
        CHECK(e->bends + 2 * e->bend_count <= l->point_count);
        for (size_t k = 0; k < 2 * e->bend_count; k++) {
            const struct layout_point *p = &l->points[e->bends + k];
            CHECK(p->y >= y && p->x >= 0 && p->x <= l->width);
            y = p->y;
            for (size_t n = 0; n < l->node_count; n++) /* no line runs over a node */
                CHECK(fabs(p->x - l->nodes[n].x) >= l->nodes[n].width / 2 ||
                      fabs(p->y - l->nodes[n].y) > l->nodes[n].height / 2 + 10);
        }
        CHECK(l->nodes[e->to].y - l->nodes[e->to].height / 2 > y);
    }
}

static void random_graphs(void)
{
    for (uint64_t seed = 1; seed < 40; seed++) {
        struct layout l, again;
        struct layout_node nodes[NODES], other[NODES];
        struct layout_edge edges[2 * NODES], same[2 * NODES];
        size_t n = 2 + seed * 3 % (NODES - 2), m = seed * 7 % (2 * n);
        make(&l, nodes, edges, n, m, seed);
        make(&again, other, same, n, m, seed);
        CHECK(layout_place(&l, NULL) == 0 && layout_place(&again, NULL) == 0);
        check_places(&l);
        check_edges(&l);
        CHECK(memcmp(nodes, other, n * sizeof *nodes) == 0);
        free(l.points);
        free(again.points);
    }
}

static void a_chain_is_straight(void)
{
    struct layout_node nodes[5];
    struct layout_edge edges[] = {
        {.from = 0, .to = 1}, {.from = 1, .to = 2}, {.from = 2, .to = 3}, {.from = 3, .to = 4}};
    struct layout l = {nodes, 5, edges, 4, .gap_x = 10, .gap_y = 30};
    for (int i = 0; i < 5; i++)
        nodes[i] = (struct layout_node){.width = 30 + 10 * i, .height = 20};
    CHECK(layout_place(&l, NULL) == 0);
    for (int i = 1; i < 5; i++)
        CHECK(fabs(nodes[i].x - nodes[0].x) < 1e-9 && nodes[i].y == nodes[i - 1].y + 50);
    CHECK(l.width == 70 && l.height == 220 && l.point_count == 0);
    free(l.points);
}

static void nothing_and_little(void)
{
    struct layout l = {.gap_y = 30};
    CHECK(layout_place(&l, NULL) == 0 && l.width == 0 && l.height == 0);
    free(l.points);
    struct layout_node one = {.width = 8, .height = 6};
    l = (struct layout){.nodes = &one, .node_count = 1, .gap_y = 30};
    CHECK(layout_place(&l, NULL) == 0 && one.x == 4 && one.y == 3 && l.width == 8 && l.height == 6);
    free(l.points);
}

/* Too many bends: the longest edges go without. */
static void a_long_chain_that_all_reads_the_first(void)
{
    enum { COUNT = 3000 };
    struct layout_node *nodes = calloc(COUNT, sizeof *nodes);
    struct layout_edge *edges = calloc(2 * COUNT, sizeof *edges);
    size_t m = 0;
    for (size_t i = 1; i < COUNT; i++)
        edges[m++] = (struct layout_edge){.from = 0, .to = i};
    for (size_t i = 1; i + 1 < COUNT; i++)
        edges[m++] = (struct layout_edge){.from = i, .to = i + 1};
    struct layout l = {nodes, COUNT, edges, m, .gap_x = 10, .gap_y = 30};
    CHECK(layout_place(&l, NULL) == 0);
    CHECK(l.point_count <= 2 * LAYOUT_BENDS && l.point_count > 1000);
    free(l.points);
    free(nodes);
    free(edges);
}

int main(void)
{
    RUN(random_graphs);
    RUN(a_chain_is_straight);
    RUN(nothing_and_little);
    RUN(a_long_chain_that_all_reads_the_first);
    return TEST_END();
}
