/* Inside lib/format: tables of operators as packed text, of which a reader has one. A group is a function and its rows:
 * a name, and what it means to the function, each with a NUL behind; an empty name ends them. */
#ifndef FORMAT_ROWS_H
#define FORMAT_ROWS_H

#include "base/packed.h"

typedef void rows_fn(void); /* to be cast back */

/* The function of a name in a table whose rows are rows_fn * alone, and what the name means to it; NULL: there is
 * none. */
rows_fn *rows_find(struct packed_table *groups, const char *name, const char **arg);
/* Row `index` of all: its name; NULL behind the last. */
const char *rows_name(struct packed_table *groups, size_t index);

#endif
