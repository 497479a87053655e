/* Reading the operand columns of a row, and checking operands against them. */
#ifndef OP_CHECK_H
#define OP_CHECK_H

#include <stdarg.h>

#include "op/op.h"

struct operand_spec {
    const char *name, *type; /* name_size, type_size bytes */
    size_t name_size, type_size;
    char mark; /* '?', '*', '+', or 0: required */
};

/* Reads the operand at *text and moves past it; false at the end of the column, or where it is malformed. */
bool operand_spec_next(const char **text, struct operand_spec *spec);
/* How many outputs a row names, its variadic one not counted. */
int operand_count(const char *text);

/* Whether a dtype is among the comma-separated ones and groups of a list, as the types column has them; DTYPE_NONE
 * is. */
bool op_dtype_in(const char *list, enum dtype dtype);
/* Whether the row's types column and operands hold only known words: for the test of the table. */
bool check_row_types(const struct op *op, char *bad_word, size_t size);

/* op_check() without the types: operands' number and presence, attributes. */
int check_form(const struct node *n, struct error *err);
/* The operands' types against the row; in[in_count], out[out_count], NULL entries are absent. */
int check_types(const struct node *n, const struct type *const *in, int in_count, const struct type *const *out,
                int out_count, struct error *err);

/* "node 'conv1' (Conv)", or "node 12 (Conv)": the beginning of messages. */
const char *check_label(const struct node *n, char *text, size_t size);
/* That, a colon and the message; -1. */
int check_error(const struct node *n, struct error *err, const char *format, va_list args);

#endif
