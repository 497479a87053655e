/* Looking through nodes that only move or rename axes, to what made the elements. */
#ifndef PASS_VIEWS_H
#define PASS_VIEWS_H

#include "pass/util.h"

#define VIEWS_MAX 4

struct views {
    struct node *base;          /* behind them all; its result is used for nothing else */
    struct node *at[VIEWS_MAX]; /* the nearest to the value first */
    int count;
};

/* False when v, or a value between, is used otherwise or by more, or is made by nothing. */
bool views_find(struct value *v, struct views *views);

/* Undoes the views on another value of the same dims, by nodes put before one; *result is r itself when there are none.
 * 1, 0 when that cannot be, -1. */
int views_undo(const struct views *views, struct value *r, struct node *before, struct value **result,
               struct error *err);

/* Moves base and views, in their order, to before a node that comes later. */
void views_move(const struct views *views, struct node *before);

#endif
