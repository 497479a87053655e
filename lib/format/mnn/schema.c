/* Looking tables and fields up. */
#include "format/mnn/schema.h"

#include <stdlib.h>
#include <string.h>

#include "base/packed.h"
#include "base/text.h"

static const int64_t numbers[] = {
#define TABLE(number, name, fields) number,
#include "format/mnn/schema.def"
#undef TABLE
};

#include "format/mnn/schema.inc"
PACKED_TABLE(schemas, struct mnn_schema, 2, numbers);

/* ---- the schema ---- */

static const struct mnn_schema *find(const char *name, size_t size)
{
    const struct mnn_schema *schema;
    for (size_t i = 0; (schema = packed_row(&schemas, i)); i++)
        if (strlen(schema->name) == size && memcmp(schema->name, name, size) == 0)
            break;
    return schema;
}

const struct mnn_schema *mnn_schema_find(const char *name)
{
    return find(name, strlen(name));
}

const struct mnn_schema *mnn_schema_at(int number)
{
    const struct mnn_schema *schema = NULL;
    for (size_t i = 0; number > 0 && (schema = packed_row(&schemas, i)) && schema->number != number;)
        i++;
    return schema;
}

/* The field whose text begins at `text`: "kernelX:i=1 …". */
static void parse_field(const char *text, struct mnn_field *field)
{
    const char *colon = strchr(text, ':'), *end = text + strcspn(text, " ");
    const char *equals = memchr(text, '=', (size_t)(end - text));
    *field = (struct mnn_field){.name = text, .name_size = (int)(colon - text), .kind = colon[1]};
    field->table = colon[2] == '.' ? colon + 3 : NULL;
    field->fallback = equals ? equals + 1 : NULL;
}

static const char *next_field(const char *text)
{
    text += strcspn(text, " ");
    return text + strspn(text, " ");
}

bool mnn_schema_field(const struct mnn_schema *schema, int slot, struct mnn_field *field)
{
    const char *text = schema ? schema->fields : "";
    while (*text && slot-- > 0)
        text = next_field(text);
    if (*text)
        parse_field(text, field);
    return *text != '\0';
}

/* ---- fields of a file's table ---- */

/* The slot of a field; -1 when there is none. */
static int find_slot(const struct mnn_table *t, const char *name, struct mnn_field *field)
{
    size_t size = strlen(name);
    const char *text = t->schema ? t->schema->fields : "";
    for (int slot = 0; *text; slot++, text = next_field(text)) {
        if (strncmp(text, name, size) == 0 && text[size] == ':') {
            parse_field(text, field);
            return slot;
        }
    }
    return -1;
}

/* Bytes of a field, or of an element of it. */
static int kind_width(char kind)
{
    switch (kind) {
    case 'b':
    case 'y':
    case 'B':
    case 'Y':
        return 1;
    case 'h':
    case 'H':
        return 2;
    case 'l':
    case 'L':
        return 8;
    default:
        return 4;
    }
}

bool mnn_has(const struct mnn_table *t, const char *field)
{
    struct mnn_field f;
    int slot = find_slot(t, field, &f);
    return slot >= 0 && flatbuf_has(t->raw, slot);
}

int64_t mnn_int(const struct mnn_table *t, const char *field)
{
    struct mnn_field f;
    int slot = find_slot(t, field, &f);
    if (slot < 0)
        return 0;
    int64_t fallback = f.fallback ? strtol(f.fallback, NULL, 10) : 0;
    if (strchr("ubh", f.kind))
        return (int64_t)flatbuf_uint(t->raw, slot, kind_width(f.kind), (uint64_t)fallback);
    return flatbuf_int(t->raw, slot, kind_width(f.kind), fallback);
}

/* Numbers such as 0.001, without regard to the locale. */
static float read_fallback(const char *text)
{
    double value = 0;
    return text && text_to_f64(text, strcspn(text, " "), &value) ? (float)value : 0;
}

float mnn_float(const struct mnn_table *t, const char *field)
{
    struct mnn_field f;
    int slot = find_slot(t, field, &f);
    return slot < 0 ? 0 : flatbuf_float(t->raw, slot, read_fallback(f.fallback));
}

struct flatbuf_vector mnn_vector(const struct mnn_table *t, const char *field)
{
    struct mnn_field f;
    int slot = find_slot(t, field, &f);
    if (slot < 0)
        return (struct flatbuf_vector){0};
    return f.kind == 's' ? flatbuf_string(t->raw, slot) : flatbuf_vector(t->raw, slot, (size_t)kind_width(f.kind));
}

static const struct mnn_schema *table_schema(const struct mnn_field *f)
{
    return f->table ? find(f->table, strcspn(f->table, " ")) : NULL;
}

struct mnn_table mnn_sub(const struct mnn_table *t, const char *field)
{
    struct mnn_field f;
    int slot = find_slot(t, field, &f);
    if (slot < 0)
        return (struct mnn_table){0};
    if (f.table[0] != '?')
        return (struct mnn_table){flatbuf_table(t->raw, slot), table_schema(&f)};
    return (struct mnn_table){flatbuf_table(t->raw, slot), mnn_schema_at((int)flatbuf_uint(t->raw, slot - 1, 1, 0))};
}

struct mnn_table mnn_item(const struct mnn_table *t, const char *field, size_t i)
{
    struct mnn_field f;
    int slot = find_slot(t, field, &f);
    if (slot < 0)
        return (struct mnn_table){0};
    return (struct mnn_table){flatbuf_vector_table(t->raw.file, flatbuf_vector(t->raw, slot, 4), i), table_schema(&f)};
}

bool mnn_same_bytes(struct flatbuf_vector a, struct flatbuf_vector b)
{
    return a.count == b.count && (a.count == 0 || memcmp(a.data, b.data, a.count) == 0);
}
