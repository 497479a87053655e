#include "pass/flow.h"

#include <stdlib.h>

int flow_init(struct flow *f, int places, struct error *err)
{
    *f = (struct flow){.places = places};
    f->first = mem_calloc((size_t)places, 3 * sizeof(*f->first), err);
    if (!f->first)
        return -1;
    f->from = f->first + places;
    f->queue = f->from + places;
    for (int i = 0; i < places; i++)
        f->first[i] = -1;
    return 0;
}

void flow_release(struct flow *f)
{
    free(f->edges);
    free(f->first);
}

int flow_connect(struct flow *f, int from, int to, int64_t cost, struct error *err)
{
    if (from == to || cost == 0)
        return 0;
    if (f->edge_count > INT32_MAX - 2 ||
        mem_grow(&f->edges, &f->edge_cap, (size_t)f->edge_count + 2, sizeof(*f->edges), err))
        return -1;
    f->edges[f->edge_count] = (struct flow_edge){to, f->first[from], cost};
    f->first[from] = f->edge_count++;
    f->edges[f->edge_count] = (struct flow_edge){from, f->first[to], 0};
    f->first[to] = f->edge_count++;
    return 0;
}

/* Searches from the sink, against the direction of edges that are not full, for the source; from[] is -1 for what is
 * not reached. */
static bool search(struct flow *f, int64_t *work)
{
    int head = 0, tail = 0;
    for (int i = 0; i < f->places; i++)
        f->from[i] = -1;
    *work -= f->places;
    f->from[FLOW_SINK] = f->edge_count;
    f->queue[tail++] = FLOW_SINK;
    while (head < tail && *work > 0)
        for (int e = f->first[f->queue[head++]]; e >= 0; e = f->edges[e].next, --*work) {
            int to = f->edges[e].to;
            if (f->edges[e ^ 1].left <= 0 || f->from[to] >= 0)
                continue;
            f->from[to] = e;
            if (to == FLOW_SOURCE)
                return true;
            f->queue[tail++] = to;
        }
    return false;
}

/* Fills the path that was found; the amount. */
static int64_t augment(struct flow *f)
{
    int64_t amount = FLOW_NEVER;
    for (int at = FLOW_SOURCE; at != FLOW_SINK; at = f->edges[f->from[at] ^ 1].to)
        amount = amount < f->edges[f->from[at] ^ 1].left ? amount : f->edges[f->from[at] ^ 1].left;
    for (int at = FLOW_SOURCE; at != FLOW_SINK; at = f->edges[f->from[at] ^ 1].to) {
        f->edges[f->from[at] ^ 1].left -= amount;
        f->edges[f->from[at]].left += amount;
    }
    return amount;
}

int64_t flow_cut(struct flow *f, int64_t *work)
{
    int64_t sum = 0;
    while (search(f, work)) {
        sum += augment(f);
        if (sum >= FLOW_NEVER)
            return -1;
    }
    return *work > 0 ? sum : -1;
}

bool flow_on_sink_side(const struct flow *f, int place)
{
    return f->from[place] >= 0;
}
