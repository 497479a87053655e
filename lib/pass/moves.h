/* Looking through nodes that only move or rename axes, to what made the elements. */
#ifndef PASS_MOVES_H
#define PASS_MOVES_H

#include "pass/util.h"

#define MOVES_MAX 4

struct moves {
    struct node *base;          /* behind them all; its result is used for nothing else */
    struct node *at[MOVES_MAX]; /* the nearest to the value first */
    int count;
};

/* False when v, or a value between, is used otherwise or by more, or is made by nothing. */
bool moves_find(struct value *v, struct moves *moves);

/* Undoes the moves on another value of the same dims, by nodes put before one; *result is r itself when there are none.
 * 1, 0 when that cannot be, -1. */
int moves_undo(const struct moves *moves, struct value *r, struct node *before, struct value **result,
               struct error *err);

/* Moves base and moves, in their order, to before a node that comes later. */
void moves_put_before(const struct moves *moves, struct node *before);

#endif
