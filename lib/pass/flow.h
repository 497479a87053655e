/* The least cut of a network: which places of it go to the side of the sink, so that what is cut costs least. */
#ifndef PASS_FLOW_H
#define PASS_FLOW_H

#include "pass/util.h"

#define FLOW_SOURCE 0
#define FLOW_SINK   1
#define FLOW_NEVER  (INT64_MAX / 4) /* the cost of what must not be cut */

struct flow_edge {
    int to, next;
    int64_t left;
};

struct flow {
    struct flow_edge *edges; /* each followed by the one back */
    size_t edge_cap;
    int edge_count;
    int *first; /* [places] edge of each, -1 for none */
    int *from;  /* [places] the edge by which a search came */
    int *queue;
    int places;
};

int flow_init(struct flow *f, int places, struct error *err);
void flow_release(struct flow *f);
/* What it costs when `from` is on the source's side and `to` on the sink's. */
int flow_connect(struct flow *f, int from, int to, int64_t cost, struct error *err);
/* The cost of the least cut, by augmenting shortest paths (Edmonds and Karp 1972). *work counts the edges that were
 * looked at down from what may be spent: -1 when it is used up. flow_is_cut() tells the side afterwards, the smallest
 * possible of the sink. */
int64_t flow_cut(struct flow *f, int64_t *work);
bool flow_on_sink_side(const struct flow *f, int place);

#endif
