/* Inside lib/format: tables of operators as text, of which a reader has one. A group is a function and its rows: a
 * name, and what it means to the function, each with a NUL behind; an empty name ends them. Tables of pointers take
 * several times as much of the file. */
#ifndef FORMAT_ROWS_H
#define FORMAT_ROWS_H

#include <stddef.h>

#define ROW(name, arg) name "\0" arg "\0"

typedef void rows_fn(void); /* to be cast back */

struct rows {
    rows_fn *read;
    const char *text;
};

/* The group of a name, and what the name means to its function; NULL: there is none. */
const struct rows *rows_find(const struct rows *groups, size_t count, const char *name, const char **arg);
/* Row `index` of all: its name; NULL behind the last. */
const char *rows_name(const struct rows *groups, size_t count, size_t index);

#endif
