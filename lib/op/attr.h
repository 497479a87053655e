/* Reading the attribute column of a row. */
#ifndef OP_ATTR_H
#define OP_ATTR_H

#include "op/op.h"

/* One attribute of a row. */
struct attr_spec {
    const char *name; /* name_size bytes */
    size_t name_size;
    enum attr_kind kind;
    bool required;
    const char *fallback; /* its default, fallback_size bytes; NULL when there is none */
    size_t fallback_size;
};

/* Reads the attribute at *text and moves past it; false at the end of the column, or where it is malformed. */
bool attr_spec_next(const char **text, struct attr_spec *spec);
bool attr_spec_find(const struct op *op, const char *name, struct attr_spec *spec);

/* The words that string attributes of the table may have as default: op_string() returns these, with a NUL behind them,
 * which within a row they have not. NULL for another word; the test of the table makes sure that there is none. */
const char *attr_word(const char *word, size_t size);

/* "int", "floats", …: for messages. */
const char *attr_kind_name(enum attr_kind kind);
/* The place in words[count] of a string attribute; a plain message when it is none of them. */
int attr_choice(const struct node *n, const char *name, const char *const *words, int count, int *at,
                struct error *err);

#endif
