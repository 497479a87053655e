/* Trees: adding to them, looking things up. */
#include <math.h>
#include <string.h>

#include "parse/protobuf.h"

const struct protobuf_row *protobuf_row(const struct protobuf_type *type, const char *name)
{
    for (size_t i = 0; type && i < type->count; i++)
        if (strcmp(type->rows[i].name, name) == 0)
            return &type->rows[i];
    return NULL;
}

struct protobuf *protobuf_add(struct protobuf *message, const char *name, enum protobuf_kind kind, struct arena *arena,
                              size_t *nodes, struct error *err)
{
    struct protobuf *p = NULL;
    if (++*nodes > PROTOBUF_MAX_NODES)
        error_set(err, "more than %d fields and messages", PROTOBUF_MAX_NODES);
    else
        p = arena_alloc(arena, sizeof *p, err);
    if (!p)
        return NULL;
    p->name = name;
    p->kind = kind;
    if (message->last)
        message->last->next = p;
    else
        message->first = p;
    message->last = p;
    return p;
}

static const struct protobuf *seek(const struct protobuf *p, const char *name)
{
    while (p && p->name != name && strcmp(p->name, name) != 0)
        p = p->next;
    return p;
}

const struct protobuf *protobuf_first(const struct protobuf *message, const char *name)
{
    return message && message->kind == PROTOBUF_MESSAGE ? seek(message->first, name) : NULL;
}

const struct protobuf *protobuf_more(const struct protobuf *field)
{
    return seek(field->next, field->name);
}

size_t protobuf_count(const struct protobuf *message, const char *name)
{
    size_t n = 0;
    for (const struct protobuf *p = protobuf_first(message, name); p; p = protobuf_more(p))
        n++;
    return n;
}

const struct protobuf *protobuf_find(const struct protobuf *message, const char *name)
{
    const struct protobuf *found = NULL;
    for (const struct protobuf *p = protobuf_first(message, name); p; p = protobuf_more(p))
        found = p;
    return found;
}

const struct protobuf *protobuf_message(const struct protobuf *message, const char *name)
{
    const struct protobuf *p = protobuf_find(message, name);
    return p && p->kind == PROTOBUF_MESSAGE ? p : NULL;
}

/* The words that text has for a bool: 1, 0, or -1 for another word. */
static int bool_of(const char *word)
{
    static const char *const words[] = {"false", "f", "False", "true", "t", "True"};
    for (int i = 0; i < 6; i++)
        if (strcmp(word, words[i]) == 0)
            return i / 3;
    return -1;
}

int64_t protobuf_as_int(const struct protobuf *field, int64_t otherwise)
{
    int b;
    if (field && field->kind == PROTOBUF_INT)
        return field->i;
    if (field && field->kind == PROTOBUF_FLOAT && field->f == rint(field->f) && fabs(field->f) < 0x1p53)
        return (int64_t)field->f;
    if (field && field->kind == PROTOBUF_WORD && (b = bool_of(field->text)) >= 0)
        return b;
    return otherwise;
}

double protobuf_as_float(const struct protobuf *field, double otherwise)
{
    if (field && field->kind == PROTOBUF_FLOAT)
        return field->f;
    return field && field->kind == PROTOBUF_INT ? (double)field->i : otherwise;
}

const char *protobuf_as_text(const struct protobuf *field, const char *otherwise)
{
    return field && (field->kind == PROTOBUF_STRING || field->kind == PROTOBUF_WORD) ? field->text : otherwise;
}

int64_t protobuf_int(const struct protobuf *message, const char *name, int64_t otherwise)
{
    return protobuf_as_int(protobuf_find(message, name), otherwise);
}

double protobuf_float(const struct protobuf *message, const char *name, double otherwise)
{
    return protobuf_as_float(protobuf_find(message, name), otherwise);
}

const char *protobuf_text(const struct protobuf *message, const char *name, const char *otherwise)
{
    return protobuf_as_text(protobuf_find(message, name), otherwise);
}

int protobuf_enum(const struct protobuf *message, const char *name, const char *const *words, int count, int otherwise)
{
    const struct protobuf *p = protobuf_find(message, name);
    const char *text = protobuf_as_text(p, NULL);
    for (int i = 0; text && i < count; i++)
        if (words[i] && strcmp(words[i], text) == 0)
            return i;
    if (text)
        return -1;
    int64_t number = protobuf_as_int(p, otherwise);
    return number >= 0 && number < count ? (int)number : -1;
}
