/* What is known of a value while a graph is filled, and operators that are a formula of others. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "op/attr.h"
#include "op/build.h"

int build_rank_of(struct build *b, struct value *v)
{
    const struct type *type = build_type(b, v);
    if (type && type->kind == TYPE_TENSOR && type->rank >= 0)
        return type->rank;
    build_fail(b, "the rank of its input must be known");
    return 0;
}

int64_t build_dim_of(struct build *b, struct value *v, int axis)
{
    const struct type *type = build_type(b, v);
    bool known = type && type->kind == TYPE_TENSOR && axis >= 0 && axis < type->rank && type->dims[axis] >= 0;
    return known ? type->dims[axis] : -1;
}

int build_axis(struct build *b, int64_t axis, int rank)
{
    if (axis >= -rank && axis < rank)
        return (int)(axis < 0 ? axis + rank : axis);
    build_fail(b, "axis %lld of %d", (long long)axis, rank);
    return 0;
}

enum dtype build_known_dtype(struct build *b, struct value *v)
{
    const struct type *type = v ? build_type(b, v) : NULL;
    return type && type->kind == TYPE_TENSOR ? type->dtype : DTYPE_NONE;
}

enum dtype build_dtype_of(struct build *b, struct value *v)
{
    enum dtype dtype = build_known_dtype(b, v);
    return dtype != DTYPE_NONE ? dtype : DTYPE_F32;
}

/* Bool, integers, floats; among these by size. */
static int width(enum dtype dtype)
{
    static const int kinds[] = {[DTYPE_CLASS_FLOAT] = 300, [DTYPE_CLASS_INT] = 200, [DTYPE_CLASS_UINT] = 199};
    const struct dtype_info *info = dtype_info(dtype);
    return info->class <= DTYPE_CLASS_UINT ? kinds[info->class] + (int)info->bits : 0;
}

void build_promote(struct build *b, struct value **x, struct value **y)
{
    enum dtype first = build_known_dtype(b, *x), second = build_known_dtype(b, *y);
    if (b->failed || first == second || first == DTYPE_NONE || second == DTYPE_NONE)
        return;
    if (width(first) < width(second))
        *x = build_cast(b, *x, second);
    else
        *y = build_cast(b, *y, first);
}

void build_promote_all(struct build *b, int count, struct value **in)
{
    for (int i = 1; i < 2 * count && !b->failed; i++) /* once for the first one's type, and again for the others' */
        build_promote(b, &in[0], &in[i % count]);
}

/* ---- formulas ---- */

#define MOST_TERMS   256           /* values that wait for an operator */
#define MOST_NUMBERS BUILD_NUMBERS /* of a list */

struct formula {
    struct build *b;
    const struct build_terms *t;
    struct value *terms[MOST_TERMS], *slots[26];
    int count;
    enum dtype dtype; /* of the first value; DTYPE_NONE: there is none yet */
};

static void push(struct formula *f, struct value *v)
{
    if (f->count == MOST_TERMS)
        build_fail(f->b, "more than %d operands", MOST_TERMS);
    if (f->b->failed)
        return;
    if (v && f->dtype == DTYPE_NONE)
        f->dtype = build_dtype_of(f->b, v);
    f->terms[f->count++] = v;
}

static struct value *pop(struct formula *f)
{
    if (f->count == 0)
        build_fail(f->b, "a formula that lacks operands");
    return f->b->failed ? NULL : f->terms[--f->count];
}

/* "NAME=DEFAULT", n bytes: the name apart from what stands behind, NULL where nothing does. */
static const char *split_default(const char *word, size_t n, char name[40], size_t *rest)
{
    const char *equal = memchr(word, '=', n);
    size_t size = equal ? (size_t)(equal - word) : n;
    snprintf(name, 40, "%.*s", (int)(size < 39 ? size : 39), word);
    *rest = equal ? n - size - 1 : 0;
    return equal ? equal + 1 : NULL;
}

/* "1,-2,max" */
static int literal(const char *at, size_t n, double *numbers)
{
    int count = 0;
    for (size_t size; n && count < MOST_NUMBERS; at += size, n -= size) {
        size = 0;
        while (size < n && at[size] != ',')
            size++;
        if (!text_to_f64(at, size, &numbers[count]))
            numbers[count] = 9.3e18; /* max */
        count += size > 0;
        size += size < n;
    }
    return count;
}

/* The numbers of a parameter, or those behind "="; -1: neither. */
static int numbers_of(struct build *b, const struct build_terms *t, const char *word, size_t n, double *numbers)
{
    char name[40];
    size_t rest;
    const char *otherwise = split_default(word, n, name, &rest);
    int count = t->numbers ? t->numbers(t->op, name, numbers, MOST_NUMBERS) : -1;
    if (count == NUMBERS_LATER)
        return count;
    if (count > MOST_NUMBERS) {
        build_fail(b, "%s has %d numbers, want at most %d", name, count, MOST_NUMBERS);
        return -1;
    }
    return count >= 0 || !otherwise ? count : literal(otherwise, rest, numbers);
}

static int64_t whole(double number)
{
    return number != number ? 0 : number >= 9.2e18 ? INT64_MAX : number <= -9.2e18 ? INT64_MIN : (int64_t)number;
}

static struct value *list(struct formula *f, int count, const double *numbers)
{
    int64_t ints[MOST_NUMBERS];
    for (int i = 0; i < count; i++)
        ints[i] = whole(numbers[i]);
    return build_list(f->b, count, ints);
}

static struct value *reals(struct formula *f, int count, const double *numbers)
{
    float list[MOST_NUMBERS];
    for (int i = 0; i < count; i++)
        list[i] = (float)numbers[i];
    return build_f32s(f->b, count, list);
}

/* "KEY=LITERAL" or "KEY@PARAMETER=DEFAULT" of the operator that makes v. */
static void set_attr(struct build *b, const struct build_terms *t, struct value *v, const char *word, size_t n)
{
    char key[40], name[40];
    double numbers[MOST_NUMBERS];
    int64_t ints[MOST_NUMBERS];
    struct attr_spec spec;
    size_t size = strcspn(word, "=@"), rest;
    snprintf(key, sizeof(key), "%.*s", (int)size, word);
    bool given = word[size] == '@';
    word += size + 1;
    n -= size + 1;
    if (b->failed || !v->producer->def || !attr_spec_find(v->producer->def, key, &spec)) {
        build_fail(b, "%s is no attribute", key);
        return;
    }
    if (spec.kind == ATTR_STRING) {
        const char *otherwise = given ? split_default(word, n, name, &rest) : word,
                   *text = given && t->text ? t->text(t->op, name) : NULL;
        if (!given)
            rest = n;
        if (!text && otherwise) {
            snprintf(name, sizeof(name), "%.*s", (int)rest, otherwise);
            text = name;
        }
        if (text)
            build_string(b, v, key, text);
        return;
    }
    int count = given ? numbers_of(b, t, word, n, numbers) : literal(word, n, numbers);
    if (count == NUMBERS_LATER)
        build_fail(b, "%s must be known", key);
    for (int i = 0; i < count; i++)
        ints[i] = whole(numbers[i]);
    if (count < 1 || b->failed)
        return;
    if (spec.kind == ATTR_FLOAT)
        build_float(b, v, key, (float)numbers[0]);
    else if (spec.kind == ATTR_INTS)
        build_ints(b, v, key, count, ints);
    else
        build_int(b, v, key, ints[0]);
}

void build_attributes(struct build *b, struct value *v, const struct build_terms *t, const char *text)
{
    while (!b->failed && *text == '/') {
        size_t n = strcspn(++text, "/ ");
        set_attr(b, t, v, text, n);
        text += n;
    }
}

/* Whether it rounds a whole number, which ONNX's operators do not take. */
static bool is_whole(struct formula *f, const char *op)
{
    bool rounds = strcmp(op, "Floor") == 0 || strcmp(op, "Ceil") == 0 || strcmp(op, "Round") == 0;
    return rounds && dtype_info(build_dtype_of(f->b, f->terms[f->count - 1]))->class != DTYPE_CLASS_FLOAT;
}

/* "Op", "Op:2", "Op:*", with attributes behind slashes. */
static void apply(struct formula *f, const char *word, size_t n)
{
    char op[40];
    size_t size = strcspn(word, "/ "), name = strcspn(word, ":/ ");
    int count = name == size ? 1 : word[name + 1] == '*' ? f->count : word[name + 1] - '0';
    snprintf(op, sizeof(op), "%.*s", (int)(name < n ? name : n), word);
    if (count > f->count || count < 0)
        build_fail(f->b, "a formula that lacks operands of %s", op);
    if (f->b->failed)
        return;
    if (count == 1 && is_whole(f, op)) /* as it is */
        return;
    f->count -= count;
    struct value *v = build_node(f->b, op, count, &f->terms[f->count]);
    build_attributes(f->b, v, f->t, word + size);
    push(f, v);
}

/* "NAME@PARAMETER=DEFAULT" or "NAME=LITERAL", n bytes; left out where it is not set. "NAME[]": a list. */
static void add_keyword(struct formula *f, struct build_call *c, const char *word, size_t n)
{
    struct build_keyword *k = &c->keywords[c->keyword_count];
    size_t size = strcspn(word, "=@"), name = strcspn(word, "[=@");
    if (c->keyword_count == BUILD_KEYWORDS)
        build_fail(f->b, "more than %d arguments of %s", BUILD_KEYWORDS, c->name);
    if (f->b->failed)
        return;
    snprintf(k->name, sizeof(k->name), "%.*s", (int)name, word);
    k->is_list = name < size;
    const char *at = word + size + 1;
    n -= size + 1;
    k->count = word[size] == '@' ? numbers_of(f->b, f->t, at, n, k->numbers) : literal(at, n, k->numbers);
    if (k->count == NUMBERS_LATER)
        build_fail(f->b, "%s must be known", k->name);
    c->keyword_count += k->count >= 0;
}

/* "&name:2", with arguments behind slashes. */
static void call(struct formula *f, const char *word)
{
    struct build_call c = {.count = 1};
    struct value *out[4];
    size_t size = strcspn(word, "/ "), name = strcspn(word, ":/ ");
    if (name < size)
        c.count = word[name + 1] - '0';
    snprintf(c.name, sizeof(c.name), "%.*s", (int)name, word);
    if (!f->t->call || c.count > f->count || c.count < 0 || c.count > BUILD_OPERANDS)
        build_fail(f->b, "a formula that lacks operands of %s", c.name);
    for (const char *at = word + size; !f->b->failed && *at == '/'; at += strcspn(at, "/ ")) {
        at++;
        add_keyword(f, &c, at, strcspn(at, "/ "));
    }
    if (f->b->failed)
        return;
    f->count -= c.count;
    c.in = &f->terms[f->count];
    int count = f->t->call(f->b, f->t->kept, &c, out, 4);
    for (int i = 0; i < count; i++)
        push(f, out[i]);
}

/* "@NAME=DEFAULT", i64 [n], or "#NAME", a scalar. */
static struct value *parameter(struct formula *f, const char *word, size_t n)
{
    char name[40];
    double numbers[MOST_NUMBERS];
    size_t rest;
    int count = numbers_of(f->b, f->t, word + 1, n - 1, numbers);
    struct value *v = count < 0 ? NULL : list(f, count, numbers);
    if (count == NUMBERS_LATER) {
        split_default(word + 1, n - 1, name, &rest);
        v = f->t->later(f->t->op, name);
    }
    return *word == '#' && v ? build_reshape(f->b, v, 0, NULL) : v;
}

/* "NAME=VALUE", or "NAME", which may not be set. */
static void expect(struct formula *f, const char *word, size_t n)
{
    char name[40];
    double numbers[MOST_NUMBERS], wanted[MOST_NUMBERS];
    size_t rest;
    const char *value = split_default(word, n, name, &rest), *text = f->t->text ? f->t->text(f->t->op, name) : NULL;
    int count = !text && f->t->numbers ? f->t->numbers(f->t->op, name, numbers, MOST_NUMBERS) : -1;
    bool same = count < 0;
    if (text)
        same = value && strlen(text) == rest && memcmp(text, value, rest) == 0;
    else if (count >= 0 && count <= MOST_NUMBERS && value)
        same = literal(value, rest, wanted) == count && memcmp(numbers, wanted, (size_t)count * sizeof(*numbers)) == 0;
    if (!same)
        build_fail(f->b, "%s is not read, want %.*s", name, value ? (int)rest : 4, value ? value : "none");
}

static void term(struct formula *f, const char *word, size_t n)
{
    char name[40];
    double numbers[MOST_NUMBERS];
    bool optional = word[n - 1] == '?';
    enum dtype dtype = f->dtype == DTYPE_NONE ? DTYPE_F32 : f->dtype;
    int count;
    snprintf(name, sizeof(name), "%.*s", (int)n - 1 - optional, word + 1);
    if (*word == '$' && word[1] == '*')
        for (int k = 0; k < f->t->count && !f->b->failed; k++)
            push(f, f->t->at(f->t->op, k));
    else if (*word == '$')
        push(f, f->t->in(f->t->op, name, !optional));
    else if (*word == '|') {
        struct value *v = pop(f);
        literal(word + 1, n - 1, numbers);
        push(f, v ? v : build_number(f->b, dtype, *numbers));
    } else if (*word == '&')
        call(f, word + 1);
    else if (*word == '!')
        expect(f, word + 1, n - 1);
    else if (*word == '@' || *word == '#')
        push(f, parameter(f, word, n));
    else if (*word == '[')
        push(f, list(f, literal(word + 1, n - 2, numbers), numbers));
    else if (*word == '=' || *word == '%') {
        count = *word == '=' ? literal(word + 1, n - 1, numbers) : numbers_of(f->b, f->t, word + 1, n - 1, numbers);
        if (count == NUMBERS_LATER)
            build_fail(f->b, "%s must be known", name);
        push(f, count < 1 ? NULL : count == 1 ? build_number(f->b, dtype, numbers[0]) : reals(f, count, numbers));
    } else if (*word == '~')
        push(f, build_cast(f->b, pop(f), dtype));
    else if (*word == '.')
        push(f, build_output(f->b, pop(f), word[1] - '0'));
    else if (*word == '>')
        f->slots[(word[1] - 'a') % 26] = pop(f);
    else if (n == 1)
        push(f, f->slots[(*word - 'a') % 26]);
    else
        apply(f, word, n);
}

int build_formulas(struct build *b, const char *formula, const struct build_terms *t, struct value **out, int max)
{
    struct formula f = {.b = b, .t = t};
    for (size_t n; *formula && !b->failed; formula += n + strspn(formula + n, " ")) {
        n = strcspn(formula, " ");
        term(&f, formula, n);
    }
    for (int i = 0; i < f.count && i < max && !b->failed; i++)
        out[i] = f.terms[i];
    return b->failed ? 0 : f.count < max ? f.count : max;
}

struct operands {
    struct build *b;
    struct value *const *in;
    int count;
};

static struct value *operand(void *op, const char *name, bool want)
{
    struct operands *o = op;
    int k = *name - '0';
    bool there = k >= 0 && k < o->count && o->in[k];
    if (!there && want)
        build_fail(o->b, "input %s is missing", name);
    return there ? o->in[k] : NULL;
}

struct value *build_formula(struct build *b, const char *formula, int count, struct value *const *in)
{
    struct operands o = {b, in, count};
    const struct build_terms t = {.op = &o, .in = operand};
    struct value *v = NULL;
    build_formulas(b, formula, &t, &v, 1);
    return v;
}

/* ---- nodes ---- */

#define MOST_OUTPUTS 8

static struct value *node_operand(void *op, const char *name, bool want)
{
    (void)want; /* what the operators of the formula need is checked with them */
    return node_in(op, *name - '0');
}

static int node_numbers(void *op, const char *name, double *numbers, int max)
{
    const struct attr *a = node_attr(op, name);
    bool list = a && (a->kind == ATTR_INTS || a->kind == ATTR_FLOATS);
    if (!a || (!list && a->kind != ATTR_INT && a->kind != ATTR_FLOAT) || (list && a->n > INT32_MAX))
        return -1;
    for (int i = 0; list && i < (int)a->n && i < max; i++)
        numbers[i] = a->kind == ATTR_INTS ? (double)a->ints[i] : (double)a->floats[i];
    if (!list)
        *numbers = a->kind == ATTR_INT ? (double)a->i : (double)a->f;
    return list ? (int)a->n : 1;
}

static const char *node_text(void *op, const char *name)
{
    const struct attr *a = node_attr(op, name);
    return a && a->kind == ATTR_STRING ? a->s.data : NULL;
}

int build_replace(struct node *n, const char *formula, struct error *err)
{
    struct build b = {.node = n, .err = err};
    const struct build_terms t = {.op = n, .in = node_operand, .numbers = node_numbers, .text = node_text};
    struct value *out[MOST_OUTPUTS] = {NULL};
    int count = build_formulas(&b, formula, &t, out, MOST_OUTPUTS);
    for (int o = 0; o < n->out_count; o++)
        if (n->out[o] && o >= count)
            build_fail(&b, "its output %d is not made", o);
    for (int o = 0; o < n->out_count && !b.failed; o++)
        if (n->out[o])
            build_give(&b, o, out[o]);
    if (build_end(&b) != 0)
        return -1;
    graph_remove_node(n);
    return 0;
}
