/* Running functions: expressions. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "format/torch/torch.h"

#define MOST_ARGS 4096 /* of a call */

bool torch_at(const struct torch_cursor *c, const char *sign)
{
    return c->at < c->end && c->at->kind == TOKEN_SIGN && strcmp(c->at->text, sign) == 0;
}

bool torch_take(struct torch_cursor *c, const char *sign)
{
    bool found = torch_at(c, sign);
    c->at += found;
    return found;
}

static bool want(struct torch_frame *f, struct torch_cursor *c, const char *sign)
{
    if (torch_take(c, sign))
        return true;
    build_fail(f->t->b, "'%s' was expected, not '%.60s'", sign, c->at < c->end ? c->at->text : "the end of the line");
    return false;
}

/* ---- words and numbers ---- */

static struct torch_value number(struct torch_frame *f, const char *text)
{
    int64_t i;
    double d;
    if (text_to_i64(text, strlen(text), &i))
        return torch_int(i);
    if (text_to_f64(text, strlen(text), &d))
        return torch_float(d);
    size_t n = strlen(text);
    if (n > 1 && text[n - 1] == '.' && text_to_f64(text, n - 1, &d)) /* "1." */
        return torch_float(d);
    build_fail(f->t->b, "'%.60s' is no number", text);
    return torch_none();
}

static bool constant_word(const char *text, struct torch_value *v)
{
    static const char *const words[] = {"None", "True", "False", "inf", "nan"};
    const struct torch_value values[] = {torch_none(), torch_bool(true), torch_bool(false), torch_float(INFINITY),
                                         torch_float(NAN)};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (strcmp(words[i], text) == 0) {
            *v = values[i];
            return true;
        }
    return false;
}

/* ---- lists ---- */

/* Expressions up to a closing sign. */
static struct torch_value items(struct torch_frame *f, struct torch_cursor *c, enum torch_kind kind, const char *close)
{
    struct torch_value list = torch_list(f->t, kind);
    while (c->at < c->end && !torch_at(c, close) && !f->t->b->failed) {
        torch_append(f->t, list, torch_expression(f, c));
        if (kind == TORCH_DICT && want(f, c, ":"))
            torch_append(f->t, list, torch_expression(f, c));
        if (!torch_take(c, ","))
            break;
    }
    want(f, c, close);
    return list;
}

/* "(x)", or "(x, y)", or "(x,)". */
static struct torch_value in_brackets(struct torch_frame *f, struct torch_cursor *c)
{
    if (torch_take(c, ")"))
        return torch_list(f->t, TORCH_TUPLE);
    struct torch_value first = torch_expression(f, c);
    if (!torch_take(c, ",")) {
        want(f, c, ")");
        return first;
    }
    struct torch_value rest = items(f, c, TORCH_TUPLE, ")"), all = torch_list(f->t, TORCH_TUPLE);
    torch_append(f->t, all, first);
    for (size_t i = 0; !f->t->b->failed && i < rest.list->count; i++)
        torch_append(f->t, all, rest.list->items[i]);
    return all;
}

/* ---- calls ---- */

static void read_args(struct torch_frame *f, struct torch_cursor *c, struct torch_args *args)
{
    struct torch_value list = torch_list(f->t, TORCH_LIST), names = torch_list(f->t, TORCH_LIST);
    while (c->at < c->end && !torch_at(c, ")") && !f->t->b->failed) {
        bool named = c->end - c->at > 2 && c->at->kind == TOKEN_NAME && c->at[1].kind == TOKEN_SIGN &&
                     strcmp(c->at[1].text, "=") == 0;
        torch_append(f->t, names, named ? torch_string(c->at->text) : torch_none());
        c->at += named ? 2 : 0;
        torch_append(f->t, list, torch_expression(f, c));
        if (!torch_take(c, ","))
            break;
    }
    want(f, c, ")");
    *args = (struct torch_args){0};
    if (f->t->b->failed || list.list->count == 0)
        return;
    args->count = (int)list.list->count;
    args->values = list.list->items;
    args->names = arena_alloc(&f->t->arena, (size_t)args->count * sizeof(*args->names), f->t->b->err);
    build_check(f->t->b, args->names != NULL);
    if (args->count > MOST_ARGS)
        build_fail(f->t->b, "a call of %d arguments, want at most %d", args->count, MOST_ARGS);
    for (int i = 0; !f->t->b->failed && i < args->count; i++)
        args->names[i] = names.list->items[i].kind == TORCH_STRING ? names.list->items[i].text : NULL;
}

/* Functions whose first argument is a type. */
static bool takes_type(const char *name)
{
    return text_has_word("annotate uninitialized unchecked_cast", name);
}

/* Behind "annotate(": the type, and the value, of which it may make a number. */
static struct torch_value typed(struct torch_frame *f, struct torch_cursor *c)
{
    const struct torch_token *type = c->at;
    int depth = 0;
    for (; c->at < c->end; c->at++) {
        bool sign = c->at->kind == TOKEN_SIGN;
        if (depth == 0 && (torch_at(c, ",") || torch_at(c, ")")))
            break;
        depth += sign && strchr("[(", *c->at->text) ? 1 : sign && strchr("])", *c->at->text) ? -1 : 0;
    }
    struct torch_value v = torch_take(c, ",") ? torch_expression(f, c) : torch_none();
    torch_take(c, ",");
    want(f, c, ")");
    bool number = type < c->end && (strcmp(type->text, "int") == 0 || strcmp(type->text, "float") == 0);
    if (number && v.kind == TORCH_TENSOR) { /* "annotate(int, x)" */
        char name[16];
        snprintf(name, sizeof(name), "torch.%.8s", type->text);
        return torch_call_plain(f->t, name, &v, 1);
    }
    return v;
}

/* An object of a class; of a named tuple, a tuple. */
static struct torch_value construct(struct torch_reader *t, const char *class, const struct torch_args *args)
{
    char name[1024];
    if (lookup_find(&t->tuples, class)) {
        struct torch_value tuple = torch_list(t, TORCH_TUPLE);
        for (int i = 0; i < args->count; i++)
            torch_append(t, tuple, args->values[i]);
        return tuple;
    }
    struct torch_value o = torch_object(t, class, t->path);
    snprintf(name, sizeof(name), "%.1000s.__init__", class);
    struct torch_args all = {.count = args->count + 1};
    all.values = arena_alloc(&t->arena, (size_t)all.count * sizeof(*all.values), t->b->err);
    all.names = arena_alloc(&t->arena, (size_t)all.count * sizeof(*all.names), t->b->err);
    build_check(t->b, all.values && all.names);
    if (t->b->failed || !lookup_find(&t->functions, name))
        return o;
    all.values[0] = o;
    for (int i = 0; i < args->count; i++) {
        all.values[i + 1] = args->values[i];
        all.names[i + 1] = args->names[i];
    }
    torch_run(t, name, &all);
    return o;
}

static struct torch_value call_name(struct torch_frame *f, const char *name, const struct torch_args *args)
{
    struct torch_reader *t = f->t;
    struct torch_value v = torch_none();
    if (t->b->failed)
        return v;
    if (strcmp(name, "getattr") == 0 && args->count == 2 && args->values[0].kind == TORCH_OBJECT &&
        args->values[1].kind == TORCH_STRING) {
        if (!torch_attr_find(t, args->values[0].object, args->values[1].text, &v))
            build_fail(t->b, "'%.200s' has no attribute '%.100s'", args->values[0].object->class, args->values[1].text);
        return v;
    }
    if (args->count == 1 && args->values[0].kind == TORCH_NAME && strstr(name, ".__new__"))
        return torch_object(t, args->values[0].text, t->path); /* __init__() is called by the script */
    if (strncmp(name, "__torch__", 9) != 0)
        return torch_call(t, name, args);
    return lookup_find(&t->functions, name) ? torch_run(t, name, args) : construct(t, name, args);
}

/* A method of an object, to which it is the first argument. */
static struct torch_value call_method(struct torch_frame *f, struct torch_value self, const char *method,
                                      const struct torch_args *args)
{
    struct torch_reader *t = f->t;
    char name[1024];
    struct torch_args all = {.count = args->count + 1};
    all.values = arena_alloc(&t->arena, (size_t)all.count * sizeof(*all.values), t->b->err);
    all.names = arena_alloc(&t->arena, (size_t)all.count * sizeof(*all.names), t->b->err);
    build_check(t->b, all.values && all.names);
    if (t->b->failed)
        return torch_none();
    all.values[0] = self;
    for (int i = 0; i < args->count; i++) {
        all.values[i + 1] = args->values[i];
        all.names[i + 1] = args->names[i];
    }
    if (self.kind != TORCH_OBJECT) {
        snprintf(name, sizeof(name), "torch.%.200s", method);
        return torch_call(t, name, &all);
    }
    snprintf(name, sizeof(name), "%.700s.%.200s", self.object->class, method);
    return torch_run(t, name, &all);
}

/* ---- what stands behind a value ---- */

static struct torch_value index_of(struct torch_frame *f, struct torch_value v, struct torch_value index)
{
    return torch_call_plain(f->t, "torch.__getitem__", (struct torch_value[]){v, index}, 2);
}

/* CONSTANTS.c12 is item 12 of the tuple. */
static struct torch_value constant(struct torch_frame *f, const char *name)
{
    struct torch_reader *t = f->t;
    int64_t i = -1;
    char path[64];
    if (*name == 'c')
        text_to_i64(name + 1, strlen(name + 1), &i);
    if (!t->pickled || t->pickled->kind != PICKLE_TUPLE || i < 0 || (uint64_t)i >= t->pickled->size) {
        build_fail(t->b, "there is no constant '%.60s'", name);
        return torch_none();
    }
    snprintf(path, sizeof(path), "CONSTANTS.%.40s", name);
    const char *kept = arena_strdup(&t->arena, path, t->b->err);
    build_check(t->b, kept != NULL);
    t->data = "constants/";
    struct torch_value v = t->b->failed ? torch_none() : torch_unpickle(t, t->pickled->items[i], kept);
    t->data = "data/";
    return v;
}

static struct torch_value dotted(struct torch_frame *f, struct torch_value v, const char *name)
{
    struct torch_reader *t = f->t;
    char text[1024];
    struct torch_value attr = torch_none();
    if (v.kind == TORCH_NAME && strcmp(v.text, "CONSTANTS") == 0)
        return constant(f, name);
    if (v.kind == TORCH_NAME && torch_class_constant(t, v.text, name, &attr)) /* of an Enum */
        return attr;
    if (v.kind == TORCH_NAME) {
        snprintf(text, sizeof(text), "%.700s.%.200s", v.text, name);
        const char *kept = arena_strdup(&t->arena, text, t->b->err);
        build_check(t->b, kept != NULL);
        return (struct torch_value){.kind = TORCH_NAME, .text = kept ? kept : ""};
    }
    if (v.kind == TORCH_OBJECT && torch_attr_find(t, v.object, name, &attr))
        return attr;
    build_fail(t->b, "there is no attribute '%.100s'%s%.200s", name, v.kind == TORCH_OBJECT ? " of " : "",
               v.kind == TORCH_OBJECT ? v.object->class : "");
    return torch_none();
}

/* ".name", ".name(…)", "(…)", "[…]". */
static struct torch_value trailers(struct torch_frame *f, struct torch_cursor *c, struct torch_value v)
{
    struct torch_args args;
    while (c->at < c->end && c->at->kind == TOKEN_SIGN && !f->t->b->failed) {
        if (v.kind == TORCH_NAME && takes_type(v.text) && torch_take(c, "(")) {
            v = typed(f, c);
        } else if (torch_take(c, "(")) {
            read_args(f, c, &args);
            if (v.kind != TORCH_NAME && !f->t->b->failed)
                build_fail(f->t->b, "what is no function is called");
            v = f->t->b->failed ? torch_none() : call_name(f, v.text, &args);
        } else if (torch_take(c, "[")) {
            struct torch_value index = torch_expression(f, c);
            want(f, c, "]");
            v = index_of(f, v, index);
        } else if (torch_at(c, ".") && c->end - c->at > 1) {
            const char *name = c->at[1].text;
            c->at += 2;
            if (v.kind != TORCH_NAME && torch_take(c, "(")) {
                read_args(f, c, &args);
                v = f->t->b->failed ? torch_none() : call_method(f, v, name, &args);
            } else {
                v = dotted(f, v, name);
            }
        } else {
            break;
        }
    }
    return v;
}

static struct torch_value primary(struct torch_frame *f, struct torch_cursor *c)
{
    struct torch_value v = torch_none(), *local;
    const struct torch_token *at = c->at;
    if (c->at >= c->end) {
        build_fail(f->t->b, "an expression ends early");
        return v;
    }
    if (torch_take(c, "("))
        return trailers(f, c, in_brackets(f, c));
    if (torch_take(c, "["))
        return trailers(f, c, items(f, c, TORCH_LIST, "]"));
    if (torch_take(c, "{"))
        return trailers(f, c, items(f, c, TORCH_DICT, "}"));
    c->at++;
    if (at->kind == TOKEN_NUMBER)
        return number(f, at->text);
    if (at->kind == TOKEN_STRING)
        return trailers(f, c, torch_string(at->text));
    if (at->kind == TOKEN_SIGN) {
        build_fail(f->t->b, "'%.10s' is not understood", at->text);
        return v;
    }
    local = torch_local(f, at->text);
    if (local && local->kind == TORCH_SPLIT)
        torch_fail_open(f->t, TORCH_OF_KINDS);
    if (local)
        v = *local;
    else if (!constant_word(at->text, &v))
        v = (struct torch_value){.kind = TORCH_NAME, .text = at->text};
    return trailers(f, c, v);
}

/* ---- signs between expressions, by how strongly they bind ---- */

static const struct infix {
    const char *sign, *function;
    int strength;
} infixes[] = {
    {"or", "__or__", 1}, {"and", "__and__", 2}, {"is", "__is__", 3},   {"in", "__contains__", 3},
    {"==", "eq", 3},     {"!=", "ne", 3},       {"<", "lt", 3},        {"<=", "le", 3},
    {">", "gt", 3},      {">=", "ge", 3},       {"|", "__or__", 4},    {"^", "__xor__", 4},
    {"&", "__and__", 5}, {"+", "add", 6},       {"-", "sub", 6},       {"*", "mul", 7},
    {"/", "div", 7},     {"//", "floordiv", 7}, {"%", "remainder", 7}, {"**", "pow", 9},
};

static const struct infix *find_infix(const struct torch_cursor *c)
{
    for (size_t i = 0; c->at < c->end && i < sizeof(infixes) / sizeof(*infixes); i++)
        if (c->at->kind != TOKEN_STRING && strcmp(infixes[i].sign, c->at->text) == 0)
            return &infixes[i];
    return NULL;
}

static struct torch_value apply(struct torch_frame *f, const char *function, int count, struct torch_value *values)
{
    char name[64];
    snprintf(name, sizeof(name), "torch.%s", function);
    return torch_call_plain(f->t, name, values, count);
}

static struct torch_value operand(struct torch_frame *f, struct torch_cursor *c, int strength);

static struct torch_value unary(struct torch_frame *f, struct torch_cursor *c)
{
    if (torch_take(c, "-")) {
        struct torch_value v = operand(f, c, 8);
        if (v.kind == TORCH_INT)
            return torch_int((int64_t)(0 - (uint64_t)v.i));
        return v.kind == TORCH_FLOAT ? torch_float(-v.f) : apply(f, "neg", 1, &v);
    }
    if (c->at < c->end && c->at->kind == TOKEN_NAME && strcmp(c->at->text, "not") == 0) {
        c->at++;
        struct torch_value v = operand(f, c, 3);
        return apply(f, "__not__", 1, &v);
    }
    return primary(f, c);
}

static struct torch_value binary(struct torch_frame *f, struct torch_cursor *c, int strength)
{
    struct torch_value v = unary(f, c);
    const struct infix *op;
    while (!f->t->b->failed && (op = find_infix(c)) && op->strength >= strength) {
        c->at++;
        const char *function = op->function;
        if (strcmp(op->sign, "is") == 0 && c->at < c->end && strcmp(c->at->text, "not") == 0) {
            function = "__isnot__";
            c->at++;
        }
        struct torch_value both[2] = {v, binary(f, c, op->strength + 1)};
        if (strcmp(op->sign, "in") == 0) {
            both[0] = both[1];
            both[1] = v;
        }
        v = apply(f, function, 2, both);
    }
    return v;
}

/* What is in parentheses, or behind a sign: signs may follow each other as deep as parentheses may. */
static struct torch_value operand(struct torch_frame *f, struct torch_cursor *c, int strength)
{
    if (f->t->b->failed)
        return torch_none();
    if (++f->t->depth > TORCH_DEPTH)
        build_fail(f->t->b, "it goes deeper than %d", TORCH_DEPTH);
    struct torch_value v = f->t->b->failed ? torch_none() : binary(f, c, strength);
    f->t->depth--;
    return v;
}

struct torch_value torch_expression(struct torch_frame *f, struct torch_cursor *c)
{
    return operand(f, c, 1);
}
