/* Calls of operators: arguments bound to the names of a row, and handed to the functions that read PyTorch's operators
 * for pnnx. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/packed.h"
#include "base/text.h"
#include "format/torch/make.h"
#include "format/torch/torch.h"

static torch_make_fn *const makes[] = {
#define AT(name, type, args, make) torch_make_##make,
#include "format/torch/schema.def"
#undef AT
};

#include "format/torch/schema.inc"
PACKED_TABLE(rows, struct torch_row, 3, makes);

const char *torch_operator_at(size_t index)
{
    const struct torch_row *row;
    for (size_t i = 0; (row = packed_row(&rows, i)); i++)
        if (strncmp(row->name, "nn_", 3) != 0 && index-- == 0)
            return row->name;
    return torch_prelude_at(index);
}

/* ---- element types ---- */

static const struct {
    int64_t number; /* in scripts */
    enum dtype dtype;
    const char *name; /* as pnnx has it */
} dtypes[] = {
    {0, DTYPE_U8, "u8"},      {1, DTYPE_I8, "i8"},      {2, DTYPE_I16, "i16"}, {3, DTYPE_I32, "i32"},
    {4, DTYPE_I64, "i64"},    {5, DTYPE_F16, "f16"},    {6, DTYPE_F32, "f32"}, {7, DTYPE_F64, "f64"},
    {11, DTYPE_BOOL, "bool"}, {15, DTYPE_BF16, "bf16"},
};

#define DTYPES (sizeof(dtypes) / sizeof(*dtypes))

enum dtype torch_dtype(int64_t scalar_type)
{
    for (size_t i = 0; i < DTYPES; i++)
        if (dtypes[i].number == scalar_type)
            return dtypes[i].dtype;
    return DTYPE_NONE;
}

int64_t torch_scalar_type(enum dtype dtype)
{
    for (size_t i = 0; i < DTYPES; i++)
        if (dtypes[i].dtype == dtype)
            return dtypes[i].number;
    return 6;
}

static const char *dtype_name(int64_t scalar_type)
{
    for (size_t i = 0; i < DTYPES; i++)
        if (dtypes[i].number == scalar_type)
            return dtypes[i].name;
    return NULL;
}

/* ---- handing over ---- */

#define MOST_OPERANDS 256
#define MOST_PARAMS   48

struct work {
    struct torch_reader *t;
    struct pnnx_operator op;
    struct pnnx_operand *operands;
    int count;
    const char **in;
    struct pnnx_param params[MOST_PARAMS];
};

static char *keep(struct work *w, const char *text)
{
    char *kept = arena_strdup(&w->t->arena, text, w->t->b->err);
    build_check(w->t->b, kept != NULL);
    return kept;
}

static void add_param(struct work *w, const char *key, const char *text)
{
    if (w->op.param_count == MOST_PARAMS)
        build_fail(w->t->b, "a call with too many arguments");
    else
        w->params[w->op.param_count++] = (struct pnnx_param){keep(w, key), text};
}

/* An operand, and what it is called; NULL: no memory. */
static struct pnnx_operand *add_operand(struct work *w)
{
    char name[16];
    if (w->count == MOST_OPERANDS) {
        build_fail(w->t->b, "a call with more than %d operands", MOST_OPERANDS);
        return NULL;
    }
    struct pnnx_operand *o = &w->operands[w->count];
    snprintf(name, sizeof(name), "%%%d", w->count++);
    o->name = keep(w, name);
    return w->t->b->failed ? NULL : o;
}

static const char *number_text(struct work *w, struct torch_value v)
{
    struct text text;
    if (v.kind == TORCH_BOOL)
        return v.i ? "True" : "False";
    text_init(&text);
    if (v.kind == TORCH_INT)
        text_printf(&text, "%lld", (long long)v.i);
    else
        text_f64(&text, v.f);
    if (v.kind == TORCH_FLOAT && text.data && isfinite(v.f) && !strpbrk(text.data, ".e"))
        text_puts(&text, ".0"); /* a float shows that it is one */
    const char *kept = text.failed ? "" : keep(w, text.data);
    text_release(&text);
    return kept;
}

/* "(1,2)" */
static const char *list_text(struct work *w, const struct torch_list *l)
{
    struct text text;
    text_init(&text);
    text_puts(&text, "(");
    for (size_t i = 0; i < l->count; i++)
        text_printf(&text, "%s%s", i ? "," : "", number_text(w, l->items[i]));
    text_puts(&text, ")");
    const char *kept = text.failed ? "" : keep(w, text.data);
    text_release(&text);
    return kept;
}

static void add_role(struct work *w, const char *name, const struct pnnx_operand *o)
{
    char key[64];
    snprintf(key, sizeof(key), "$%.60s", name);
    if (o)
        add_param(w, key, o->name);
}

static void add_input(struct work *w, struct torch_value v, const char *role)
{
    struct pnnx_operand *o = add_operand(w);
    if (!o)
        return;
    o->value = torch_graph_value(w->t, v);
    w->in[w->op.in_count++] = o->name;
    if (role)
        add_role(w, role, o);
}

/* Arguments for which an operator's function takes what only a run tells; the others it would not see. */
static void check_open(struct work *w, const char *name)
{
    if (text_has_word("input other start end step length index shape size sizes condition", name))
        return;
    char text[160];
    snprintf(text, sizeof(text), "argument '%.60s' depends on the size of an input, which only a run tells", name);
    torch_fail_open(w->t, text);
}

static void add_list(struct work *w, const char *name, struct torch_value v)
{
    const struct torch_list *l = v.list;
    bool numbers = true, tensors = false;
    for (size_t i = 0; i < l->count; i++) {
        numbers = numbers && torch_is_number(l->items[i]);
        tensors = tensors || l->items[i].kind == TORCH_TENSOR;
    }
    bool is_size = strcmp(name, "size") == 0 || strcmp(name, "shape") == 0 || strcmp(name, "sizes") == 0;
    tensors = tensors && !is_size; /* those are numbers that a run tells */
    if (numbers && l->count)
        add_param(w, name, list_text(w, l));
    if (l->count == 0 && is_size) { /* of a tensor without axes */
        struct pnnx_operand *o = add_operand(w);
        if (o)
            o->value = build_list(w->t->b, 0, NULL);
        add_role(w, name, o);
    }
    for (size_t i = 0; tensors && i < l->count && !w->t->b->failed; i++)
        add_input(w, l->items[i], NULL);
    if (numbers || tensors)
        return;
    check_open(w, name);
    struct pnnx_operand *o = add_operand(w);
    if (o)
        o->value = torch_graph_list(w->t, v);
    add_role(w, name, o);
}

static void add_argument(struct work *w, const char *name, bool is_type, struct torch_value v)
{
    if (v.kind == TORCH_NONE)
        return;
    if (is_type && v.kind == TORCH_INT && dtype_name(v.i))
        add_param(w, name, dtype_name(v.i));
    else if (v.kind == TORCH_STRING)
        add_param(w, name, v.text);
    else if (torch_is_list(v))
        add_list(w, name, v);
    else if (v.kind == TORCH_TENSOR)
        add_input(w, v, name);
    else if (v.kind == TORCH_SIZE) {
        check_open(w, name);
        add_input(w, v, name);
    } else if (torch_is_number(v)) {
        struct pnnx_operand *o = add_operand(w);
        if (o)
            o->literal = number_text(w, v);
        add_role(w, name, o);
    } else {
        build_fail(w->t->b, "argument '%.60s' is nothing that an operator takes", name);
    }
}

/* The next name of a row: false at the end. */
static bool next_name(const char **names, char *name, size_t size, bool *is_type)
{
    *names += strspn(*names, " ");
    size_t n = strcspn(*names, " ");
    const char *mark = memchr(*names, ':', n);
    *is_type = mark != NULL;
    snprintf(name, size, "%.*s", (int)(mark ? mark - *names : (ptrdiff_t)n), *names);
    *names += n;
    return n > 0;
}

void torch_emit(struct torch_reader *t, const char *type, const char *names, const struct torch_value *args, int count,
                struct torch_value *out, int outs)
{
    struct work w = {.t = t, .op = {.type = type}};
    char name[1024];
    bool is_type;
    snprintf(name, sizeof(name), "%.800s%s%.100s", t->path, *t->path ? "/" : "",
             strchr(type, '.') ? strrchr(type, '.') + 1 : type);
    w.op.name = keep(&w, name);
    w.operands = arena_alloc(&t->arena, MOST_OPERANDS * sizeof(*w.operands), t->b->err);
    w.in = arena_alloc(&t->arena, MOST_OPERANDS * sizeof(*w.in), t->b->err);
    w.op.out = arena_alloc(&t->arena, (size_t)(outs + 1) * sizeof(*w.op.out), t->b->err);
    build_check(t->b, w.operands && w.in && w.op.out);
    w.op.in = w.in;
    w.op.params = w.params;
    for (int i = 0; i < count && !t->b->failed && next_name(&names, name, sizeof(name), &is_type); i++)
        add_argument(&w, name, is_type, args[i]);
    int first = w.count;
    for (int o = 0; o < outs && !t->b->failed; o++) {
        struct pnnx_operand *operand = add_operand(&w);
        w.op.out[o] = operand ? operand->name : NULL;
    }
    w.op.out_count = outs;
    if (!t->b->failed)
        pnnx_read_one(&t->ops, &w.op, w.operands);
    for (int o = 0; o < outs; o++)
        out[o] = t->b->failed ? torch_none() : torch_tensor(t, w.operands[first + o].value);
}

struct torch_value torch_emit_one(struct torch_reader *t, const char *type, const char *names,
                                  const struct torch_value *args, int count)
{
    struct torch_value out;
    torch_emit(t, type, names, args, count, &out, 1);
    return out;
}

/* ---- calls ---- */

/* Other names of the same. */
static const char *plain_name(const char *name)
{
    static const char *const names[][2] = {{"transformers.grouped_mm_fallback", "_grouped_mm"},
                                           {"mod", "remainder"},
                                           {"sym_max", "max"},
                                           {"sym_min", "min"},
                                           {"multiply", "mul"},
                                           {"subtract", "sub"},
                                           {"divide", "div"},
                                           {"true_divide", "div"},
                                           {"absolute", "abs"},
                                           {"negative", "neg"},
                                           {"greater", "gt"},
                                           {"greater_equal", "ge"},
                                           {"less", "lt"},
                                           {"less_equal", "le"},
                                           {"not_equal", "ne"},
                                           {"arctan", "atan"},
                                           {"arcsin", "asin"},
                                           {"arccos", "acos"},
                                           {"arctan2", "atan2"},
                                           {"arcsinh", "asinh"},
                                           {"arccosh", "acosh"},
                                           {"arctanh", "atanh"},
                                           {"swapdims", "transpose"},
                                           {"concatenate", "cat"},
                                           {"moveaxis", "movedim"},
                                           {"linalg_matmul", "matmul"},
                                           {"special_expit", "sigmoid"},
                                           {"special_erf", "erf"},
                                           {"special_expm1", "expm1"},
                                           {"special_log1p", "log1p"},
                                           {"special_gammaln", "lgamma"},
                                           {"special_psi", "digamma"},
                                           {"unsafe_split_with_sizes", "split_with_sizes"},
                                           {"quantized.relu6", "relu6"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(name, names[i][0]) == 0)
            return names[i][1];
    return name;
}

/* "permute_copy" is permute, whose result nobody changes, "special_round" round; "index_copy" is neither. */
static const char *without(struct torch_reader *t, const char *name, size_t before, size_t after)
{
    char composed[256];
    char *plain = arena_strndup(&t->arena, name + before, strlen(name) - before - after, t->b->err);
    build_check(t->b, plain != NULL);
    bool own = packed_find(&rows, name) || lookup_find(&t->functions, torch_prelude_name(name, composed, 256));
    bool known = plain && (packed_find(&rows, plain) ||
                           lookup_find(&t->functions, torch_prelude_name(plain, composed, sizeof(composed))));
    return known && !own ? plain : name;
}

/* "torch.relu_" is relu in place; "ops.quantized.linear" is quantized.linear. */
static const char *short_name(struct torch_reader *t, const char *name, bool *in_place)
{
    static const char *const spaces[] = {"torch._C._nn.", "torch.", "ops.aten.", "ops.prim.", "ops."};
    static const char *const by_sign[][2] = {{"__iand__", "__and__"}, {"__ior__", "__or__"}, {"__ixor__", "__xor__"}};
    size_t n;
    for (size_t i = 0; i < sizeof(spaces) / sizeof(*spaces); i++)
        if (strncmp(name, spaces[i], strlen(spaces[i])) == 0) {
            name += strlen(spaces[i]);
            break;
        }
    n = strlen(name);
    if (n > 5 && strcmp(name + n - 5, "_copy") == 0)
        name = without(t, name, 0, strlen("_copy"));
    if (strncmp(name, "special_", strlen("special_")) == 0)
        name = without(t, name, strlen("special_"), 0);
    n = strlen(name);
    *in_place = n > 2 && name[n - 1] == '_' && name[n - 2] != '_';
    for (size_t i = 0; i < sizeof(by_sign) / sizeof(*by_sign); i++)
        if (strcmp(by_sign[i][0], name) == 0) {
            *in_place = true;
            return by_sign[i][1];
        }
    if (!*in_place)
        return plain_name(name);
    char *kept = arena_strndup(&t->arena, name, n - 1, t->b->err);
    build_check(t->b, kept != NULL);
    return kept ? plain_name(kept) : "";
}

bool torch_names_argument(const struct torch_reader *t, const char *name, const char *argument)
{
    const char *plain = strncmp(name, "ops.aten.", 9) == 0 ? name + 9 : name;
    const struct torch_row *row = packed_find(&rows, plain);
    const char *names = row ? row->args : "";
    char one[256];
    bool is_type;
    const struct torch_function *fn = lookup_find(&t->functions, torch_prelude_name(plain, one, sizeof(one)));
    const struct torch_line *line = fn && !row ? &fn->source->lines[fn->line] : NULL;
    for (const struct torch_token *at = line ? line->at : NULL; line && at < line->end; at++)
        if (at->kind == TOKEN_NAME && strcmp(at->text, argument) == 0)
            return true;
    while (next_name(&names, one, sizeof(one), &is_type))
        if (strcmp(one, argument) == 0)
            return true;
    return false;
}

static void bind(struct torch_bound *c, const struct torch_args *args)
{
    const char *names = c->row->args;
    char name[64];
    bool is_type;
    int next = 0; /* of those by place */
    while (c->count < 24 && next_name(&names, name, sizeof(name), &is_type)) {
        int place = c->count++;
        c->arg[place] = torch_none();
        bool named = false;
        for (int i = 0; i < args->count && !named; i++)
            if (args->names[i] && strcmp(args->names[i], name) == 0) {
                c->arg[place] = args->values[i];
                named = true;
            }
        while (next < args->count && args->names[next] && !named)
            next++;
        if (!named && next < args->count)
            c->arg[place] = args->values[next++];
    }
}

struct torch_value torch_make_NULL(struct torch_reader *t, struct torch_bound *c)
{
    return torch_emit_one(t, c->row->type, c->row->args, c->arg, c->count);
}

/* A function of element by element that has no row. */
static struct torch_value by_function(struct torch_reader *t, const char *name, const struct torch_args *args)
{
    struct value *in[2] = {NULL, NULL};
    int count = 0;
    for (int i = 0; i < args->count && i < 2 && !args->names[i] && !t->b->failed; i++)
        if (args->values[i].kind == TORCH_TENSOR || args->values[i].kind == TORCH_SIZE ||
            torch_is_number(args->values[i]))
            in[count++] = torch_graph_value(t, args->values[i]);
    if (strncmp(name, "__", 2) == 0) { /* __and__, __or__ */
        char plain[32];
        snprintf(plain, sizeof(plain), "%.*s", (int)strcspn(name + 2, "_"), name + 2);
        return torch_tensor(t, count ? torch_function(t, plain, count, in) : NULL);
    }
    struct value *v = count ? torch_function(t, name, count, in) : NULL;
    return torch_tensor(t, v);
}

/* Lists whose length only a run tells are for few functions. */
static void check_args(struct torch_reader *t, const char *name, const struct torch_args *args)
{
    for (int i = 0; i < args->count; i++) {
        if (args->values[i].kind == TORCH_SPLIT)
            torch_fail_open(t, TORCH_OF_KINDS);
        const struct torch_list *list = torch_is_list(args->values[i]) ? args->values[i].list : NULL;
        bool fine = !list || strcmp(name, "append") == 0 ||
                    (!list->growing && (!list->tail || strstr("len __getitem__ cat concat stack __isnot__", name)));
        if (!fine)
            torch_fail_open(t, "a list that a loop appends to, whose rounds only a run counts, is used otherwise than "
                               "whole");
    }
}

/* What is made with an element type of complex numbers, 8 to 10: it is the last argument. */
static struct torch_value as_complex(struct torch_reader *t, const struct torch_bound *c, struct torch_value v)
{
    const char *type = strstr(c->row->args, "dtype:t");
    struct torch_value last = type && c->count ? c->arg[c->count - 1] : torch_none();
    bool asked = last.kind == TORCH_INT && last.i >= 8 && last.i <= 10 && v.kind == TORCH_TENSOR && !t->b->failed;
    return asked ? torch_call_plain(t, "torch.nn_to_complex", &v, 1) : v;
}

static struct torch_value evaluate(struct torch_reader *t, const char *name, const struct torch_args *args)
{
    struct torch_value v = torch_none();
    check_args(t, name, args);
    if (t->b->failed)
        return v;
    if (torch_has_complex(args) && torch_complex(t, name, args, &v))
        return v;
    if (torch_scalar(t, name, args, &v) || t->b->failed)
        return v;
    const struct torch_row *row = packed_find(&rows, name);
    if (row) {
        struct torch_bound c = {.row = row};
        bind(&c, args);
        struct torch_bound given = c;
        return as_complex(t, &given, torch_view_made(t, &given, row->make(t, &c)));
    }
    char composed[256];
    if (lookup_find(&t->functions, torch_prelude_name(name, composed, sizeof(composed))))
        return torch_run(t, composed, args);
    if (strncmp(name, "onnx.", 5) == 0)
        return torch_onnx(t, name + 5, args);
    v = by_function(t, name, args);
    if (v.kind == TORCH_NONE && !t->b->failed)
        build_fail(t->b, "the operator %.100s is not known", name);
    return v;
}

/* What is written in place keeps its type. */
static struct value *in_type_of(struct torch_reader *t, struct value *old, struct value *v)
{
    const struct type *was = build_type(t->b, old), *is = was ? build_type(t->b, v) : NULL;
    bool known = is && was->dtype != DTYPE_NONE && is->dtype != DTYPE_NONE;
    return known && was->dtype != is->dtype ? build_cast(t->b, v, was->dtype) : v;
}

struct torch_value torch_call(struct torch_reader *t, const char *name, const struct torch_args *args)
{
    bool in_place;
    const char *plain = short_name(t, name, &in_place);
    if (t->b->failed)
        return torch_none();
    struct torch_value self = args->count ? args->values[0] : torch_none();
    if (args->count)
        args->values[0] = torch_quantised_operand(t, plain, self);
    struct torch_value v = torch_keep_quantised(t, plain, self, evaluate(t, plain, args));
    if (args->count)
        args->values[0] = self;
    if (!in_place || self.kind != TORCH_TENSOR || v.kind != TORCH_TENSOR || t->b->failed || v.tensor == self.tensor)
        return v;
    torch_touch_tensor(t, self.tensor);
    self.tensor->value = in_type_of(t, self.tensor->value, v.tensor->value);
    self.tensor->scale = v.tensor->scale;
    self.tensor->zero = v.tensor->zero;
    torch_write_back(t, self.tensor);
    return self;
}

struct torch_value torch_call_plain(struct torch_reader *t, const char *name, struct torch_value *values, int count)
{
    const char *names[24] = {NULL};
    struct torch_args args = {.values = values, .names = names, .count = count};
    if (count > (int)(sizeof(names) / sizeof(*names)))
        build_fail(t->b, "%.60s() of %d arguments", name, count);
    return t->b->failed ? torch_none() : torch_call(t, name, &args);
}
