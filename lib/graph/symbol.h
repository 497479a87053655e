/* Inside lib/graph: the table of symbolic dims. A symbol is a name from outside, or an expression over other
 * symbols. */
#ifndef GRAPH_SYMBOL_H
#define GRAPH_SYMBOL_H

#include "graph/graph.h"

#define SYMBOL_TEXT_MAX 64   /* characters of an expression */
#define SYMBOL_PARTS_MAX 16  /* terms of a sum, factors of a product */

struct symbol_term {
    int64_t coefficient;
    int64_t atom; /* a symbol that is no sum */
};

/* constant + the terms, which are sorted by the atoms' names; no coefficient is 0, no atom occurs twice. */
struct symbol_sum {
    int64_t constant;
    int n;
    struct symbol_term term[SYMBOL_PARTS_MAX];
};

enum symbol_kind { SYMBOL_NAME, SYMBOL_SUM, SYMBOL_PRODUCT, SYMBOL_QUOTIENT };

/* Operands have shorter names than the expression, so that its depth is bounded. */
struct symbol {
    const char *name;
    enum symbol_kind kind;
    const struct symbol_sum *sum; /* of a sum */
    int n;                        /* of a product: factors, sorted by name */
    const int64_t *factors;
    int64_t a, b; /* of a quotient */
};

/* The symbol of a dim; NULL when it is a number, DIM_UNKNOWN, or no symbol of this graph. */
const struct symbol *symbol_of(const struct graph *g, int64_t dim);

/* The dim of the expression, whose name is the key; what it points to is copied when it is new. DIM_UNKNOWN when memory
 * is short. */
int64_t symbol_intern(struct graph *g, const struct symbol *s);
size_t symbol_count(const struct graph *g);
int symbol_copy_all(struct graph *to, const struct graph *from, struct error *err);

/* ---- arithmetic (symbol_math.c): false, or DIM_UNKNOWN, when a result cannot be told ---- */

/* *into += factor * (dim, or another sum) */
bool symbol_sum_add(struct graph *g, struct symbol_sum *into, int64_t factor, int64_t dim);
bool symbol_sum_add_sum(const struct graph *g, struct symbol_sum *into, int64_t factor, const struct symbol_sum *other);

/* *result = a * b, or a / b */
bool symbol_sum_mul(struct graph *g, const struct symbol_sum *a, const struct symbol_sum *b, struct symbol_sum *result);
bool symbol_sum_div(struct graph *g, const struct symbol_sum *a, const struct symbol_sum *b, struct symbol_sum *result);
int64_t symbol_of_sum(struct graph *g, const struct symbol_sum *sum);

/* The name of an expression into text; false when it is too long (symbol_text.c). */
bool symbol_text(const struct graph *g, const struct symbol *s, char text[SYMBOL_TEXT_MAX + 1]);

#endif
