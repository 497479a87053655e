/* MNN's tables by the names of their fields, as schema.def lists them. */
#ifndef FORMAT_MNN_SCHEMA_H
#define FORMAT_MNN_SCHEMA_H

#include "parse/flatbuf.h"

/* A row of schema.def. */
struct mnn_schema {
    const char *name;
    const char *fields;
    int64_t number; /* in the union OpParameter; 0: no member */
};

struct mnn_field {
    const char *name; /* [name_size], not NUL-terminated */
    int name_size;
    char kind;            /* as in schema.def */
    const char *table;    /* of t and T: the table's name, up to a space or the end */
    const char *fallback; /* the default's text, up to a space or the end; NULL: 0 */
};

/* NULL when there is none. */
const struct mnn_schema *mnn_schema_find(const char *name);
const struct mnn_schema *mnn_schema_at(int number);

/* The field in slot `slot`; false behind the last. */
bool mnn_schema_field(const struct mnn_schema *schema, int slot, struct mnn_field *field);

/* A table of a file, with what is known of its kind. Absent tables give defaults, as those without schema do. */
struct mnn_table {
    struct flatbuf_table raw;
    const struct mnn_schema *schema; /* NULL: not known */
};

/* Fields by name; one that the schema lacks is a mistake of the caller, and absent. */
bool mnn_has(const struct mnn_table *t, const char *field);
int64_t mnn_int(const struct mnn_table *t, const char *field);
float mnn_float(const struct mnn_table *t, const char *field);
struct flatbuf_vector mnn_vector(const struct mnn_table *t, const char *field); /* a string's bytes, too */
struct mnn_table mnn_sub(const struct mnn_table *t, const char *field);
/* Element i of a vector of tables. */
struct mnn_table mnn_item(const struct mnn_table *t, const char *field, size_t i);

/* Whether two strings are the same; an absent one is empty. */
bool mnn_same_bytes(struct flatbuf_vector a, struct flatbuf_vector b);

#endif
