/* Tables of names: from a string to whatever it stands for. */
#ifndef BASE_LOOKUP_H
#define BASE_LOOKUP_H

#include <stddef.h>

#include "base/error.h"

struct lookup_slot {
    const char *name; /* NULL: empty */
    void *what;
};

/* Starts as {0}. */
struct lookup {
    struct lookup_slot *slots; /* open addressing */
    size_t count, cap;         /* cap: 0 or a power of two, at least twice count */
};

void *lookup_find(const struct lookup *names, const char *name); /* NULL: not there */
/* The name must outlive the table. Fails when the name is taken. */
int lookup_add(struct lookup *names, const char *name, void *what, struct error *err);
/* `base` (of which 200 characters count where it has 300 or more: what is then put behind them finds room when the
 * result is a base) where it is not there, else base_<from>, base_<from + 1>, …: the first that is not there, when all
 * before it are. Into text. */
#define LOOKUP_FRESH 340
void lookup_fresh(const struct lookup *names, const char *base, int from, char text[LOOKUP_FRESH]);
void lookup_release(struct lookup *names);

#endif
