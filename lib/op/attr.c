/* Attributes, with the table's defaults. */
#include "op/attr.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const struct {
    char letter;
    enum attr_kind kind;
    const char *name;
} kinds[] = {
    {'i', ATTR_INT, "an integer"},  {'f', ATTR_FLOAT, "a float"}, {'s', ATTR_STRING, "a string"},
    {'t', ATTR_TENSOR, "a tensor"}, {'g', ATTR_GRAPH, "a graph"}, {'y', ATTR_TYPE, "a type"},
    {'I', ATTR_INTS, "integers"},   {'F', ATTR_FLOATS, "floats"}, {'S', ATTR_STRINGS, "strings"},
};
#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

const char *attr_kind_name(enum attr_kind kind)
{
    for (size_t i = 0; i < KIND_COUNT; i++)
        if (kinds[i].kind == kind)
            return kinds[i].name;
    return "unknown";
}

static bool kind_of(char letter, enum attr_kind *kind)
{
    for (size_t i = 0; i < KIND_COUNT; i++)
        if (kinds[i].letter == letter) {
            *kind = kinds[i].kind;
            return true;
        }
    return false;
}

bool attr_spec_next(const char **text, struct attr_spec *spec)
{
    const char *at = *text + strspn(*text, " ");
    size_t size = strcspn(at, " ");
    const char *colon = memchr(at, ':', size);
    if (!colon || colon == at || colon + 1 == at + size || !kind_of(colon[1], &spec->kind))
        return false;
    const char *rest = colon + 2, *end = at + size;
    spec->name = at;
    spec->name_size = (size_t)(colon - at);
    spec->required = rest < end && *rest == '!';
    spec->fallback = rest < end && *rest == '=' ? rest + 1 : NULL;
    spec->fallback_size = spec->fallback ? (size_t)(end - spec->fallback) : 0;
    *text = end;
    return rest == end || spec->fallback || (spec->required && rest + 1 == end);
}

bool attr_spec_find(const struct op *op, const char *name, struct attr_spec *spec)
{
    size_t size = strlen(name);
    for (const char *at = op->attrs; attr_spec_next(&at, spec);)
        if (spec->name_size == size && memcmp(spec->name, name, size) == 0)
            return true;
    return false;
}

const char *attr_word(const char *word, size_t size)
{
    static const char *const words[] = {
        "",
        "CORNER",
        "DCR",
        "NONE",
        "NOTSET",
        "RGB",
        "_Unused",
        "average",
        "avg",
        "caffe",
        "constant",
        "darknet",
        "exclude",
        "floor",
        "forward",
        "gated_delta",
        "half_pixel",
        "inside",
        "linear",
        "mean",
        "nearest",
        "none",
        "round_prefer_floor",
        "stretch",
        "sum",
        "up",
        "zeros",
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strlen(words[i]) == size && memcmp(words[i], word, size) == 0)
            return words[i];
    return NULL;
}

/* The node's own attribute when it is of that kind. */
static const struct attr *own(const struct node *n, const char *name, enum attr_kind kind)
{
    const struct attr *a = node_attr(n, name);
    return a && a->kind == kind ? a : NULL;
}

static bool fallback(const struct node *n, const char *name, struct attr_spec *spec)
{
    return n->def && attr_spec_find(n->def, name, spec) && spec->fallback;
}

bool op_has(const struct node *n, const char *name)
{
    return node_attr(n, name) != NULL;
}

int64_t op_int(const struct node *n, const char *name)
{
    const struct attr *a = own(n, name, ATTR_INT);
    struct attr_spec spec;
    int64_t value = 0;
    if (a)
        return a->i;
    if (fallback(n, name, &spec))
        text_to_i64(spec.fallback, spec.fallback_size, &value);
    return value;
}

float op_float(const struct node *n, const char *name)
{
    const struct attr *a = own(n, name, ATTR_FLOAT);
    struct attr_spec spec;
    float value = 0;
    if (a)
        return a->f;
    if (fallback(n, name, &spec))
        text_to_f32(spec.fallback, spec.fallback_size, &value);
    return value;
}

const char *op_string(const struct node *n, const char *name)
{
    const struct attr *a = own(n, name, ATTR_STRING);
    struct attr_spec spec;
    if (a)
        return a->s.data ? a->s.data : "";
    const char *word = fallback(n, name, &spec) ? attr_word(spec.fallback, spec.fallback_size) : NULL;
    return word ? word : "";
}

const int64_t *op_ints(const struct node *n, const char *name, int *count)
{
    const struct attr *a = own(n, name, ATTR_INTS);
    *count = a && a->n <= INT32_MAX ? (int)a->n : 0;
    return a ? a->ints : NULL;
}

const float *op_floats(const struct node *n, const char *name, int *count)
{
    const struct attr *a = own(n, name, ATTR_FLOATS);
    *count = a && a->n <= INT32_MAX ? (int)a->n : 0;
    return a ? a->floats : NULL;
}

const struct tensor *op_tensor(const struct node *n, const char *name)
{
    const struct attr *a = own(n, name, ATTR_TENSOR);
    return a ? a->tensor : NULL;
}

struct graph *op_graph(const struct node *n, const char *name)
{
    const struct attr *a = own(n, name, ATTR_GRAPH);
    return a ? a->graph : NULL;
}

int attr_choice(const struct node *n, const char *name, const char *const *words, int count, int *at, struct error *err)
{
    const char *word = op_string(n, name);
    char text[200] = "";
    for (*at = 0; *at < count; ++*at) {
        if (strcmp(words[*at], word) == 0)
            return 0;
        size_t used = strlen(text);
        snprintf(text + used, sizeof(text) - used, "%s%s", used ? ", " : "", words[*at]);
    }
    return error_set(err, "attribute %s: '%.40s', want one of %s", name, word, text);
}
