/* Inside lib/graph: what its files share. */
#ifndef GRAPH_IMPL_H
#define GRAPH_IMPL_H

#include "graph/graph.h"

/* ---- memory (graph.c) ---- */

void *graph_alloc(struct graph *g, size_t n, size_t size, struct error *err);

/* mem_grow() in the arena: what was there before is copied. */
int graph_grow(struct graph *g, void *array, size_t *cap, size_t want, size_t size, struct error *err);
struct str *graph_copy_strings(struct graph *g, const struct str *strings, size_t n, struct error *err);

/* ---- names (names.c): the values of one graph by name ---- */

int names_add(struct value *v, struct error *err); /* fails when the name is taken */
void names_remove(struct value *v);
struct value *names_find(const struct graph *g, const char *name);

/* ---- values (value.c) ---- */

/* Whether a node of `from` may use a value of `of`: the same graph or one that encloses it. */
bool graph_sees(const struct graph *from, const struct graph *of);
void value_set_constant_type(struct value *v);
int value_reserve_uses(struct value *v, size_t more, struct error *err);
void value_push_use(struct value *v, struct node *n, int index); /* after value_reserve_uses() */
void value_drop_use(struct node *n, int index);                  /* of its input `index`, which becomes NULL */
void value_release(struct value *v);                             /* its tensors */

/* ---- attributes (attr.c) ---- */

void attr_release(struct attr *a); /* its tensor, or what its subgraph holds */
int attr_copy(struct node *to, const struct attr *a, struct error *err); /* not of subgraphs */

#endif
