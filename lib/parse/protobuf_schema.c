/* Schemas: messages and fields from their text. */
#include <stdlib.h>
#include <string.h>

#include "parse/protobuf.h"

static const struct protobuf_type *find(const struct protobuf_type *types, const char *name)
{
    while (types->name && strcmp(types->name, name) != 0)
        types++;
    return types->name ? types : NULL;
}

/* "name=5s", "shape=7:BlobShape" */
static struct protobuf_row parse_field(char *text, const struct protobuf_type *types)
{
    static const char kinds[] = "ifds:bFD"; /* as enum protobuf_kind has them */
    const char *name = strsep(&text, "=");
    char *kind;
    int number = (int)strtol(text, &kind, 10);
    enum protobuf_kind is = (enum protobuf_kind)(strchr(kinds, *kind) - kinds);
    return (struct protobuf_row){number, is, name, find(types, kind + 1)};
}

void protobuf_schema_fill(struct packed_table *table)
{
    struct protobuf_schema *schema = (struct protobuf_schema *)table;
    struct protobuf_type *type = schema->types;
    struct protobuf_row *row = schema->rows;
    char *text = table->group->text + table->at, *line, *field;
    while ((line = strsep(&text, "\n")) && *line) {
        *type = (struct protobuf_type){.name = strsep(&line, " "), .rows = row};
        while ((field = strsep(&line, " ")))
            *row++ = parse_field(field, schema->types);
        type->count = (size_t)(row - type->rows);
        type++;
    }
}

const struct protobuf_type *protobuf_type(struct protobuf_schema *schema, const char *name)
{
    packed_text(&schema->table);
    return find(schema->types, name);
}
