/* Checking nodes against their rows. */
#include "op/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "op/attr.h"

const char *check_label(const struct node *n, char *text, size_t size)
{
    if (n->name && n->name[0])
        snprintf(text, size, "node '%.100s' (%s)", n->name, n->op);
    else
        node_label(n, text, size);
    return text;
}

int check_error(const struct node *n, struct error *err, const char *format, va_list args)
{
    char text[800], label[200];
    vsnprintf(text, sizeof(text), format, args);
    return error_set(err, "%s: %s", check_label(n, label, sizeof(label)), text);
}

bool operand_spec_next(const char **text, struct operand_spec *spec)
{
    const char *at = *text + strspn(*text, " ");
    size_t size = strcspn(at, " ");
    const char *colon = memchr(at, ':', size);
    if (!colon || colon == at || colon + 1 == at + size)
        return false;
    spec->name = at;
    spec->name_size = (size_t)(colon - at);
    spec->mark = strchr("?*+", at[size - 1]) ? at[size - 1] : '\0';
    spec->type = colon + 1;
    spec->type_size = size - spec->name_size - 1 - (spec->mark != '\0');
    *text = at + size;
    return spec->type_size > 0;
}

int operand_count(const char *text)
{
    struct operand_spec spec;
    int count = 0;
    while (operand_spec_next(&text, &spec))
        count += spec.mark != '*' && spec.mark != '+';
    return count;
}

/* ---- types ---- */

#define BIT(d) (1u << DTYPE_##d)
#define FLOATS (BIT(F16) | BIT(F32) | BIT(F64) | BIT(BF16))
#define SINTS  (BIT(I8) | BIT(I16) | BIT(I32) | BIT(I64))
#define UINTS  (BIT(U8) | BIT(U16) | BIT(U32) | BIT(U64))

static const struct {
    const char *name;
    uint32_t dtypes;
} groups[] = {
    {"float", FLOATS},
    {"f8", BIT(F8E4M3FN) | BIT(F8E4M3FNUZ) | BIT(F8E5M2) | BIT(F8E5M2FNUZ)},
    {"sint", SINTS},
    {"uint", UINTS},
    {"int", SINTS | UINTS},
    {"num", FLOATS | SINTS | UINTS},
    {"cplx", BIT(C64) | BIT(C128)},
    {"any", (1u << DTYPE_COUNT) - 2},
};

/* The dtypes that a word means; 0: it is no dtype nor group. */
static uint32_t word_dtypes(const char *word, size_t size)
{
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        if (strlen(groups[i].name) == size && memcmp(groups[i].name, word, size) == 0)
            return groups[i].dtypes;
    enum dtype dtype = dtype_from_name(word, size);
    return dtype == DTYPE_NONE ? 0 : 1u << dtype;
}

static bool is_word(const char *text, size_t size, const char *word)
{
    return strlen(word) == size && memcmp(text, word, size) == 0;
}

/* The size of the first alternative of a comma-separated list, parentheses respected. */
static size_t alternative_size(const char *text, size_t size)
{
    size_t i = 0;
    for (int depth = 0; i < size && (depth > 0 || text[i] != ','); i++)
        depth += (text[i] == '(') - (text[i] == ')');
    return i;
}

/* The alternatives of a variable; NULL when `types` does not bind it. */
static const char *variable(const char *types, const char *name, size_t name_size, size_t *size)
{
    for (const char *at = types + strspn(types, " "); *at; at += strspn(at, " ")) {
        *size = strcspn(at, " ");
        if (*size > name_size + 1 && memcmp(at, name, name_size) == 0 && at[name_size] == '=') {
            *size -= name_size + 1;
            return at + name_size + 1;
        }
        at += *size;
    }
    return NULL;
}

bool op_dtype_in(const char *list, enum dtype dtype)
{
    size_t size;
    uint32_t dtypes = 0;
    for (; *list; list += size + (list[size] == ','))
        dtypes |= word_dtypes(list, size = strcspn(list, ","));
    return dtype == DTYPE_NONE || (dtypes >> dtype & 1);
}

#define MAX_BOUND 16
struct binding {
    const struct op *op;
    int count;
    struct {
        const char *name;
        size_t size;
        const struct type *type;
    } bound[MAX_BOUND];
};

/* Whether two types can be the same as far as both are known. */
static bool agree(const struct type *a, const struct type *b)
{
    for (; a && b; a = a->element, b = b->element) {
        if (a->kind == TYPE_UNKNOWN || b->kind == TYPE_UNKNOWN)
            return true;
        if (a->kind != b->kind)
            return false;
        if (a->kind == TYPE_TENSOR)
            return a->dtype == DTYPE_NONE || b->dtype == DTYPE_NONE || a->dtype == b->dtype;
    }
    return true;
}

static bool bind(struct binding *b, const char *name, size_t size, const struct type *type)
{
    for (int i = 0; i < b->count; i++)
        if (b->bound[i].size == size && memcmp(b->bound[i].name, name, size) == 0)
            return agree(b->bound[i].type, type);
    if (b->count < MAX_BOUND && type->kind != TYPE_UNKNOWN &&
        (type->kind != TYPE_TENSOR || type->dtype != DTYPE_NONE)) {
        b->bound[b->count].name = name;
        b->bound[b->count].size = size;
        b->bound[b->count++].type = type;
    }
    return true;
}

static bool matches_one(struct binding *b, const char *word, size_t size, const struct type *type, int depth);

static bool matches(struct binding *b, const char *list, size_t size, const struct type *type, int depth)
{
    while (size > 0) {
        size_t one = alternative_size(list, size);
        if (matches_one(b, list, one, type, depth))
            return true;
        one += one < size;
        list += one;
        size -= one;
    }
    return false;
}

static bool matches_one(struct binding *b, const char *word, size_t size, const struct type *type, int depth)
{
    if (!type || type->kind == TYPE_UNKNOWN)
        return true;
    if (depth > 4 || size == 0)
        return false;
    bool sequence = size > 5 && memcmp(word, "seq(", 4) == 0, optional = size > 5 && memcmp(word, "opt(", 4) == 0;
    if (sequence || optional)
        return type->kind == (sequence ? TYPE_SEQUENCE : TYPE_OPTIONAL) &&
               matches(b, word + 4, size - 5, type->element, depth + 1);
    if (is_word(word, size, "anyseq"))
        return type->kind == TYPE_SEQUENCE;
    if (is_word(word, size, "anyopt"))
        return type->kind == TYPE_OPTIONAL;
    if (*word >= 'A' && *word <= 'Z') {
        size_t list_size;
        const char *list = variable(b->op->types, word, size, &list_size);
        return list && matches(b, list, list_size, type, depth + 1) && bind(b, word, size, type);
    }
    return type->kind == TYPE_TENSOR && (type->dtype == DTYPE_NONE || (word_dtypes(word, size) >> type->dtype & 1));
}

static void type_words(const struct op *op, const struct operand_spec *spec, char *text, size_t size)
{
    size_t n = spec->type_size;
    const char *list = spec->type;
    size_t var_size;
    const char *var = variable(op->types, list, n, &var_size);
    if (var) {
        list = var;
        n = var_size;
    }
    snprintf(text, size, "%.*s", (int)n, list);
}

static int type_error(const struct binding *b, const struct node *n, const struct operand_spec *spec, const char *what,
                      const struct type *type, struct error *err)
{
    char label[200], have[200], want[200];
    check_label(n, label, sizeof(label));
    type_text(n->graph, type, have, sizeof(have));
    for (int i = 0; i < b->count; i++)
        if (b->bound[i].size == spec->type_size && memcmp(b->bound[i].name, spec->type, spec->type_size) == 0 &&
            !agree(b->bound[i].type, type)) {
            type_text(n->graph, b->bound[i].type, want, sizeof(want));
            return error_set(err, "%s: %s %.*s is %s, but another operand of the same type %.*s is %s", label, what,
                             (int)spec->name_size, spec->name, have, (int)spec->type_size, spec->type, want);
        }
    type_words(b->op, spec, want, sizeof(want));
    return error_set(err, "%s: %s %.*s is %s, want %s", label, what, (int)spec->name_size, spec->name, have, want);
}

static int check_column(struct binding *b, const struct node *n, const char *column, const char *what,
                        const struct type *const *types, int count, struct error *err)
{
    struct operand_spec spec = {NULL, NULL, 0, 0, '\0'};
    for (int i = 0; i < count; i++) {
        if (spec.mark != '*' && spec.mark != '+' && !operand_spec_next(&column, &spec))
            return 0;
        if (types[i] && !matches(b, spec.type, spec.type_size, types[i], 0))
            return type_error(b, n, &spec, what, types[i], err);
    }
    return 0;
}

int check_types(const struct node *n, const struct type *const *in, int in_count, const struct type *const *out,
                int out_count, struct error *err)
{
    struct binding b = {.op = n->def, .count = 0};
    if (check_column(&b, n, n->def->inputs, "input", in, in_count, err))
        return -1;
    return check_column(&b, n, n->def->outputs, "output", out, out_count, err);
}

/* ---- form ---- */

/* Number of operands; that required ones are there is asked of inputs only, since outputs may be unwanted. */
static int check_operands(const struct node *n, const char *column, bool inputs, struct error *err)
{
    const char *what = inputs ? "input" : "output";
    int count = inputs ? n->in_count : n->out_count, i = 0;
    struct value *const *operand = inputs ? n->in : n->out;
    char label[200];
    struct operand_spec spec;
    while (operand_spec_next(&column, &spec)) {
        bool variadic = spec.mark == '*' || spec.mark == '+';
        int last = variadic ? count : i + 1;
        bool needed = inputs && spec.mark != '?';
        if (spec.mark == '+' && inputs && i >= count)
            last = i + 1;
        for (; i < last; i++)
            if (needed && (i >= count || !operand[i]))
                return error_set(err, "%s: %s %d (%.*s) is absent", check_label(n, label, sizeof(label)), what, i,
                                 (int)spec.name_size, spec.name);
        if (variadic)
            return 0;
    }
    if (count > i)
        return error_set(err, "%s: %d %ss, want at most %d", check_label(n, label, sizeof(label)), count, what, i);
    return 0;
}

static bool is_list(enum attr_kind kind)
{
    return kind == ATTR_INTS || kind == ATTR_FLOATS || kind == ATTR_STRINGS;
}

static int check_attr(const struct node *n, const struct attr *a, struct error *err)
{
    struct attr_spec spec;
    char label[200];
    if (!attr_spec_find(n->def, a->name, &spec))
        return error_set(err, "%s: attribute %s is unknown", check_label(n, label, sizeof(label)), a->name);
    /* An empty list has no kind of its own in some files. */
    if (spec.kind == a->kind || (is_list(a->kind) && a->n == 0 && is_list(spec.kind)))
        return 0;
    return error_set(err, "%s: attribute %s is %s, want %s", check_label(n, label, sizeof(label)), a->name,
                     attr_kind_name(a->kind), attr_kind_name(spec.kind));
}

int check_form(const struct node *n, struct error *err)
{
    struct attr_spec spec;
    char label[200], name[64];
    if (check_operands(n, n->def->inputs, true, err) || check_operands(n, n->def->outputs, false, err))
        return -1;
    for (const struct attr *a = n->attrs; a; a = a->next)
        if (check_attr(n, a, err))
            return -1;
    for (const char *at = n->def->attrs; attr_spec_next(&at, &spec);) {
        snprintf(name, sizeof(name), "%.*s", (int)spec.name_size, spec.name);
        if (spec.required && !node_attr(n, name))
            return error_set(err, "%s: attribute %s is missing", check_label(n, label, sizeof(label)), name);
    }
    return 0;
}

int op_check(const struct node *n, struct error *err)
{
    if (!n->def)
        return 0;
    if (check_form(n, err))
        return -1;
    size_t count = (size_t)n->in_count + (size_t)n->out_count;
    const struct type **types = mem_calloc(count, sizeof(*types), err);
    if (!types)
        return -1;
    for (int i = 0; i < n->in_count; i++)
        types[i] = n->in[i] ? &n->in[i]->type : NULL;
    for (int i = 0; i < n->out_count; i++)
        types[n->in_count + i] = n->out[i] ? &n->out[i]->type : NULL;
    int result = check_types(n, types, n->in_count, types + n->in_count, n->out_count, err);
    free(types);
    return result;
}

/* ---- the row itself ---- */

static bool words_known(const struct op *op, const char *list, size_t size, int depth, char *bad, size_t bad_size)
{
    while (size > 0) {
        size_t one = alternative_size(list, size), var_size;
        bool nested = one > 5 && (memcmp(list, "seq(", 4) == 0 || memcmp(list, "opt(", 4) == 0);
        bool known = nested ? depth < 3 && words_known(op, list + 4, one - 5, depth + 1, bad, bad_size)
                            : word_dtypes(list, one) || is_word(list, one, "anyseq") || is_word(list, one, "anyopt") ||
                                  (*list >= 'A' && *list <= 'Z' && variable(op->types, list, one, &var_size));
        if (!known) {
            if (!nested)
                snprintf(bad, bad_size, "%.*s", (int)one, list);
            return false;
        }
        one += one < size;
        list += one;
        size -= one;
    }
    return true;
}

bool check_row_types(const struct op *op, char *bad_word, size_t size)
{
    const char *columns[] = {op->inputs, op->outputs};
    for (int i = 0; i < 2; i++) {
        struct operand_spec spec;
        const char *at = columns[i];
        while (operand_spec_next(&at, &spec))
            if (!words_known(op, spec.type, spec.type_size, 0, bad_word, size))
                return false;
        if (at[strspn(at, " ")]) {
            snprintf(bad_word, size, "%s", at);
            return false;
        }
    }
    for (const char *at = op->types + strspn(op->types, " "); *at; at += strspn(at, " ")) {
        size_t n = strcspn(at, " ");
        const char *equals = memchr(at, '=', n);
        if (!equals || !words_known(op, equals + 1, n - (size_t)(equals + 1 - at), 0, bad_word, size))
            return false;
        at += n;
    }
    return true;
}
