/* Functions of Python's numbers. Those that only a run tells are computed by nodes. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "format/torch/scalar.h"

/* ---- arithmetic ---- */

/* A number that is known or that a run tells. */
static bool is_size(struct torch_value v)
{
    return torch_is_number(v) || v.kind == TORCH_SIZE;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static bool ints(struct scalars *s, struct torch_value *v)
{
    int64_t a = s->a.i, b = s->b.i, r = 0;
    bool divides = strstr("floordiv remainder", s->name) != NULL;
    if (divides && (b == 0 || (a == INT64_MIN && b == -1))) {
        build_fail(s->t->b, "a division by zero");
        return true;
    }
    bool over = strcmp(s->name, "add") == 0   ? __builtin_add_overflow(a, b, &r)
                : strcmp(s->name, "sub") == 0 ? __builtin_sub_overflow(a, b, &r)
                : strcmp(s->name, "mul") == 0 ? __builtin_mul_overflow(a, b, &r)
                                              : false;
    if (strcmp(s->name, "floordiv") == 0)
        r = floor_div(a, b);
    if (strcmp(s->name, "remainder") == 0)
        r = a - floor_div(a, b) * b;
    if (over)
        build_fail(s->t->b, "a whole number beyond 64 bits");
    return torch_scalar_give(v, torch_int(r));
}

static bool floats(struct scalars *s, struct torch_value *v)
{
    double a = torch_number(s->a), b = torch_number(s->b), r = 0;
    if (strcmp(s->name, "add") == 0)
        r = a + b;
    else if (strcmp(s->name, "sub") == 0)
        r = a - b;
    else if (strcmp(s->name, "mul") == 0)
        r = a * b;
    else if (strcmp(s->name, "floordiv") == 0)
        r = floor(a / b);
    else
        r = a - floor(a / b) * b;
    return torch_scalar_give(v, torch_float(r));
}

/* By nodes, of whole numbers. */
static bool sizes(struct scalars *s, struct torch_value *v)
{
    const char *function = strcmp(s->name, "floordiv") == 0 ? "floor_divide" : s->name;
    struct value *in[2] = {torch_graph_value(s->t, s->a), torch_graph_value(s->t, s->b)};
    return torch_scalar_give(v, torch_size(s->t, torch_function(s->t, function, 2, in)));
}

static bool join_lists(struct scalars *s, struct torch_value *v)
{
    *v = torch_list(s->t, s->a.kind);
    for (size_t i = 0; i < s->a.list->count; i++)
        torch_append(s->t, *v, s->a.list->items[i]);
    for (size_t i = 0; i < s->b.list->count; i++)
        torch_append(s->t, *v, s->b.list->items[i]);
    return true;
}

static bool repeat_list(struct scalars *s, struct torch_value *v)
{
    struct torch_value list = torch_is_list(s->a) ? s->a : s->b, times = torch_is_list(s->a) ? s->b : s->a;
    if (times.kind != TORCH_INT || (list.list->count && times.i > (int64_t)(TORCH_MOST_RANGE / list.list->count)))
        build_fail(s->t->b, "a list is repeated too often");
    *v = torch_list(s->t, list.kind);
    for (int64_t n = 0; list.list->count && n < times.i && !s->t->b->failed; n++)
        for (size_t i = 0; i < list.list->count; i++)
            torch_append(s->t, *v, list.list->items[i]);
    return true;
}

static bool arithmetic(struct scalars *s, struct torch_value *v)
{
    if (torch_scalar_known(s, 2))
        return s->a.kind == TORCH_FLOAT || s->b.kind == TORCH_FLOAT ? floats(s, v) : ints(s, v);
    if (strcmp(s->name, "add") == 0 && torch_is_list(s->a) && torch_is_list(s->b))
        return join_lists(s, v);
    if (strcmp(s->name, "mul") == 0 && (torch_is_list(s->a) || torch_is_list(s->b)))
        return repeat_list(s, v);
    return is_size(s->a) && is_size(s->b) && sizes(s, v);
}

/* With a rounding mode, of sizes: these are not negative. */
static bool divide(struct scalars *s, struct torch_value *v)
{
    bool rounds = false;
    for (int i = 2; i < s->args->count; i++)
        rounds = rounds || s->args->values[i].kind == TORCH_STRING;
    if (!is_size(s->a) || !is_size(s->b))
        return false;
    if (rounds) {
        s->name = "floordiv";
        return arithmetic(s, v);
    }
    if (torch_scalar_known(s, 2))
        return torch_scalar_give(v, torch_float(torch_number(s->a) / torch_number(s->b)));
    struct value *in[2] = {build_cast(s->t->b, torch_graph_value(s->t, s->a), DTYPE_F32),
                           build_cast(s->t->b, torch_graph_value(s->t, s->b), DTYPE_F32)};
    return torch_scalar_give(v, torch_size(s->t, BUILD(s->t->b, "Div", in[0], in[1])));
}

static bool power(struct scalars *s, struct torch_value *v)
{
    if (!torch_scalar_known(s, 2))
        return false;
    double r = pow(torch_number(s->a), torch_number(s->b));
    bool whole = s->a.kind != TORCH_FLOAT && s->b.kind != TORCH_FLOAT && s->b.i >= 0 && fabs(r) < 0x1p53;
    return torch_scalar_give(v, whole ? torch_int((int64_t)r) : torch_float(r));
}

/* neg, floor or ceil of a number that a run tells. */
static bool of_size(struct scalars *s, struct torch_value *v)
{
    static const struct {
        const char *name, *op;
    } rows[] = {{"neg", "Neg"}, {"floor", "Floor"}, {"ceil", "Ceil"}};
    struct value *x = torch_graph_value(s->t, s->a);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (strcmp(rows[i].name, s->name) == 0) {
            struct value *y = BUILD(s->t->b, rows[i].op, i == 0 ? x : build_cast(s->t->b, x, DTYPE_F32));
            return torch_scalar_give(v, torch_size(s->t, i == 0 ? y : build_cast(s->t->b, y, DTYPE_I64)));
        }
    return false;
}

/* neg, abs, floor, ceil, sqrt, …: of one number. */
static bool of_one(struct scalars *s, struct torch_value *v)
{
    static const struct {
        const char *name;
        double (*function)(double);
    } rows[] = {{"sqrt", sqrt}, {"exp", exp},  {"log", log},   {"floor", floor},
                {"ceil", ceil}, {"abs", fabs}, {"round", rint}};
    bool turns = strcmp(s->name, "neg") == 0;
    if (s->a.kind == TORCH_SIZE && s->args->count == 1)
        return of_size(s, v);
    if (!torch_scalar_known(s, 1) || s->args->count > 1)
        return false;
    double r = torch_number(s->a);
    bool whole = strcmp(s->name, "floor") == 0 || strcmp(s->name, "ceil") == 0;
    if (turns)
        return torch_scalar_give(v, s->a.kind == TORCH_FLOAT ? torch_float(-r)
                                                             : torch_int((int64_t)(0 - (uint64_t)s->a.i)));
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (strcmp(rows[i].name, s->name) == 0)
            r = rows[i].function(r);
    if ((whole || (strcmp(s->name, "abs") == 0 && s->a.kind != TORCH_FLOAT)) && fabs(r) < 0x1p62)
        return torch_scalar_give(v, torch_int((int64_t)r));
    return torch_scalar_give(v, torch_float(r));
}

/* Of a list of numbers, some of which a run tells. */
static bool open_extreme(struct scalars *s, struct torch_value *v)
{
    char name[16];
    snprintf(name, sizeof(name), "torch.%.8s", s->name);
    *v = s->a.list->items[0];
    for (size_t i = 1; i < s->a.list->count && !s->t->b->failed; i++) {
        struct torch_value both[2] = {*v, s->a.list->items[i]};
        *v = torch_call_plain(s->t, name, both, 2);
    }
    return true;
}

/* Of two numbers, or of a list of them. */
static bool extreme(struct scalars *s, struct torch_value *v)
{
    bool is_max = strstr(s->name, "max") != NULL;
    struct torch_value list = s->a;
    if (torch_scalar_known(s, 2)) {
        bool first = is_max ? torch_number(s->a) >= torch_number(s->b) : torch_number(s->a) <= torch_number(s->b);
        return torch_scalar_give(v, first ? s->a : s->b);
    }
    if (s->args->count == 2 && is_size(s->a) && is_size(s->b)) {
        struct value *in[2] = {torch_graph_value(s->t, s->a), torch_graph_value(s->t, s->b)};
        return torch_scalar_give(v, torch_size(s->t, torch_function(s->t, is_max ? "max" : "min", 2, in)));
    }
    if (!torch_is_list(list) || list.list->count == 0 || s->args->count > 1)
        return false;
    torch_count_bytes(s->t, list.list->count * sizeof(*list.list->items));
    *v = list.list->items[0];
    for (size_t i = 0; i < list.list->count; i++) {
        struct torch_value item = list.list->items[i];
        if (!torch_is_number(item))
            return is_size(item) && open_extreme(s, v);
        if (is_max ? torch_number(item) > torch_number(*v) : torch_number(item) < torch_number(*v))
            *v = item;
    }
    return true;
}

/* ---- comparisons and logic ---- */

/* Lists of numbers of which a run tells some: 0 not equal, -1 not known. */
static int equal_lists(struct torch_reader *t, struct torch_value a, struct torch_value b)
{
    int equal = a.list->count == b.list->count;
    for (size_t i = 0; equal && i < a.list->count && !t->b->failed; i++) {
        struct torch_value x = a.list->items[i], y = b.list->items[i];
        bool open = x.kind == TORCH_SIZE || y.kind == TORCH_SIZE;
        equal = !open && !torch_equal(t, x, y) ? 0 : open ? -1 : equal;
    }
    return equal;
}

static bool compare(struct scalars *s, struct torch_value *v)
{
    bool equality = strcmp(s->name, "eq") == 0 || strcmp(s->name, "ne") == 0;
    if (s->args->count < 2 || s->a.kind == TORCH_TENSOR || s->b.kind == TORCH_TENSOR)
        return false;
    if (s->a.kind == TORCH_SIZE || s->b.kind == TORCH_SIZE) {
        struct value *in[2] = {torch_graph_value(s->t, s->a), torch_graph_value(s->t, s->b)};
        return torch_scalar_give(v, torch_size(s->t, torch_function(s->t, s->name, 2, in)));
    }
    if (equality && torch_is_list(s->a) && torch_is_list(s->b) && equal_lists(s->t, s->a, s->b) < 0) {
        struct value *same = BUILD(s->t->b, "Equal", torch_graph_list(s->t, s->a), torch_graph_list(s->t, s->b));
        return torch_scalar_give(v, torch_size(s->t, same));
    }
    if (equality)
        return torch_scalar_give(v, torch_bool(torch_equal(s->t, s->a, s->b) == (strcmp(s->name, "eq") == 0)));
    if (!torch_scalar_known(s, 2))
        return false;
    double a = torch_number(s->a), b = torch_number(s->b);
    bool ordered = s->name[0] == 'l' ? a < b : a > b, or_equal = s->name[1] == 'e';
    return torch_scalar_give(v, torch_bool(ordered || (or_equal && a == b)));
}

static bool identity(struct scalars *s, struct torch_value *v)
{
    bool none = s->a.kind == TORCH_NONE, other = s->b.kind == TORCH_NONE;
    bool same = none || other ? none == other : torch_equal(s->t, s->a, s->b);
    return torch_scalar_give(v, torch_bool(same == (strcmp(s->name, "__is__") == 0)));
}

static bool logic(struct scalars *s, struct torch_value *v)
{
    if (s->a.kind == TORCH_TENSOR || (s->args->count > 1 && s->b.kind == TORCH_TENSOR))
        return false;
    int a = torch_truth(s->t, s->a), b = s->args->count > 1 ? torch_truth(s->t, s->b) : 0;
    bool is_not = strcmp(s->name, "__not__") == 0, is_and = strcmp(s->name, "__and__") == 0;
    if (is_not && a >= 0)
        return torch_scalar_give(v, torch_bool(!a));
    if (!is_not && (a == !is_and || b == !is_and))
        return torch_scalar_give(v, torch_bool(!is_and));
    if (!is_not && a >= 0 && b >= 0)
        return torch_scalar_give(v, torch_bool(is_and));
    struct value *x = build_cast(s->t->b, torch_graph_value(s->t, s->a), DTYPE_BOOL);
    struct value *y = is_not ? NULL : build_cast(s->t->b, torch_graph_value(s->t, s->b), DTYPE_BOOL);
    return torch_scalar_give(
        v, torch_size(s->t, is_not ? BUILD(s->t->b, "Not", x) : BUILD(s->t->b, is_and ? "And" : "Or", x, y)));
}

/* ---- conversions ---- */

/* Of the kind that the function's name says, else of the tensor's own. */
static struct torch_value number_of(const struct tensor *t, const char *name)
{
    bool floats = dtype_info(t->dtype)->class == DTYPE_CLASS_FLOAT && strstr(name, "nt") == NULL;
    return floats || strstr(name, "loat") ? torch_float(tensor_get_f64(t, 0)) : torch_int(tensor_get_i64(t, 0));
}

static bool to_number(struct scalars *s, struct torch_value *v)
{
    bool is_float = strstr(s->name, "loat") != NULL, is_bool = strstr(s->name, "ool") != NULL;
    if (s->a.kind == TORCH_STRING && is_float) {
        double f = NAN;
        text_to_f64(s->a.text, strlen(s->a.text), &f);
        return torch_scalar_give(v, torch_float(f));
    }
    int64_t whole;
    if (s->a.kind == TORCH_STRING && !is_bool && text_to_i64(s->a.text, strlen(s->a.text), &whole))
        return torch_scalar_give(v, torch_int(whole));
    if (torch_scalar_known(s, 1)) {
        double f = torch_number(s->a);
        if (is_float)
            return torch_scalar_give(v, torch_float(f));
        if (is_bool)
            return torch_scalar_give(v, torch_bool(f != 0));
        if (!strstr(s->name, "nt")) /* item, Scalar: of its own kind */
            return torch_scalar_give(v, s->a);
        return torch_scalar_give(v, s->a.kind == TORCH_FLOAT ? torch_int(fabs(f) < 0x1p62 ? (int64_t)f : 0)
                                                             : torch_int(s->a.i));
    }
    if (s->a.kind != TORCH_SIZE && s->a.kind != TORCH_TENSOR)
        return false;
    int truth = is_bool ? torch_truth(s->t, s->a) : -1;
    if (truth >= 0)
        return torch_scalar_give(v, torch_bool(truth));
    struct value *x = torch_graph_value(s->t, s->a);
    const struct type *type = x ? build_type(s->t->b, x) : NULL;
    if (x && x->constant && x->constant->count == 1 && !x->is_input)
        return torch_scalar_give(v, number_of(x->constant, s->name));
    if (type && type->rank != 0)
        x = build_reshape(s->t->b, x, 0, NULL);
    enum dtype wanted = is_float ? DTYPE_F32 : is_bool ? DTYPE_BOOL : DTYPE_I64;
    bool cast = type && type->dtype != wanted && strstr(s->name, "Scalar") == NULL;
    return torch_scalar_give(v, torch_size(s->t, cast ? build_cast(s->t->b, x, wanted) : x));
}

/* A number as a tensor: it stays one, since operators take both. */
static bool same(struct scalars *s, struct torch_value *v)
{
    return s->args->count >= 1 && torch_scalar_give(v, s->a);
}

static bool nothing(struct scalars *s, struct torch_value *v)
{
    (void)s;
    return torch_scalar_give(v, torch_none());
}

static bool no(struct scalars *s, struct torch_value *v)
{
    (void)s;
    return torch_scalar_give(v, torch_bool(false));
}

static bool raise(struct scalars *s, struct torch_value *v)
{
    (void)v;
    build_fail(s->t->b, "the module raises an exception: %.200s", s->a.kind == TORCH_STRING ? s->a.text : "");
    return true;
}

/* Empty, or of a list of pairs. */
static bool new_dict(struct scalars *s, struct torch_value *v)
{
    *v = torch_list(s->t, TORCH_DICT);
    for (size_t i = 0; torch_is_list(s->a) && i < s->a.list->count && !s->t->b->failed; i++) {
        struct torch_value pair = s->a.list->items[i];
        if (!torch_is_list(pair) || pair.list->count != 2)
            return false;
        torch_append(s->t, *v, pair.list->items[0]);
        torch_append(s->t, *v, pair.list->items[1]);
    }
    return true;
}

static bool is_instance(struct scalars *s, struct torch_value *v)
{
    static const struct {
        const char *name;
        enum torch_kind kind;
    } types[] = {{"list", TORCH_LIST},   {"tuple", TORCH_TUPLE}, {"dict", TORCH_DICT},    {"int", TORCH_INT},
                 {"float", TORCH_FLOAT}, {"bool", TORCH_BOOL},   {"str", TORCH_STRING},   {"Tensor", TORCH_TENSOR},
                 {"List", TORCH_LIST},   {"Tuple", TORCH_TUPLE}, {"NoneType", TORCH_NONE}};
    if (torch_is_list(s->b)) { /* of one of several types */
        bool any = false;
        for (size_t i = 0; i < s->b.list->count && !any; i++) {
            struct scalars one = {.t = s->t, .a = s->a, .b = s->b.list->items[i]};
            struct torch_value is = torch_none();
            any = one.b.kind == TORCH_NAME && is_instance(&one, &is) && is.i;
        }
        return torch_scalar_give(v, torch_bool(any));
    }
    for (size_t i = 0; s->b.kind == TORCH_NAME && i < sizeof(types) / sizeof(*types); i++)
        if (strcmp(types[i].name, s->b.text) == 0)
            return torch_scalar_give(v, torch_bool(s->a.kind == types[i].kind));
    if (s->b.kind != TORCH_NAME || strncmp(s->b.text, "__torch__.", 10) != 0)
        return false;
    return torch_scalar_give(v, torch_bool(s->a.kind == TORCH_OBJECT && strcmp(s->a.object->class, s->b.text) == 0));
}

/* Of the prelude: an input of open rank has this one. */
static bool expect_rank(struct scalars *s, struct torch_value *v)
{
    *v = torch_none();
    if (s->a.kind != TORCH_TENSOR || s->b.kind != TORCH_INT || s->b.i < 0 || s->b.i > TENSOR_MAX_RANK)
        return false;
    build_expect(s->t->b, s->a.tensor->value, (int)s->b.i, 1, 0, DTYPE_NONE);
    return true;
}

/* The same of whole numbers, one a sequence. */
static bool expect_lengths(struct scalars *s, struct torch_value *v)
{
    *v = torch_none();
    if (s->a.kind == TORCH_TENSOR)
        build_expect(s->t->b, s->a.tensor->value, 1, 1, 0, DTYPE_I64);
    return s->a.kind == TORCH_TENSOR;
}

static bool packed_state(struct scalars *s, struct torch_value *v)
{
    return torch_scalar_give(v, torch_packed_state(s->t, s->a));
}

/* A nested tensor of a padded one, [N, L, C], and of what is kept of it, [N, L]; of it alone: what is kept, or None. */
static bool nested(struct scalars *s, struct torch_value *v)
{
    if (s->a.kind != TORCH_TENSOR)
        return false;
    struct torch_tensor *whole = s->a.tensor, *kept = s->b.kind == TORCH_TENSOR ? s->b.tensor : NULL;
    bool made = s->args->count > 1;
    struct torch_tensor *of = made ? whole : whole->kept;
    *v = of ? torch_tensor(s->t, torch_current(s->t, of)) : torch_none();
    if (made && v->kind == TORCH_TENSOR)
        v->tensor->kept = kept;
    return true;
}

static bool is_tensor(struct scalars *s, struct torch_value *v)
{
    return torch_scalar_give(v, torch_bool(s->a.kind == TORCH_TENSOR));
}

static bool is_list(struct scalars *s, struct torch_value *v)
{
    return torch_scalar_give(v, torch_bool(torch_is_list(s->a)));
}

/* What optimize_for_inference() packs for one processor, which PyTorch does not save. */
static bool lost_weight(struct scalars *s, struct torch_value *v)
{
    build_fail(s->t->b,
               "the file does not hold weights that optimize_for_inference() packed: want the module as it was "
               "before, frozen or not");
    return torch_scalar_give(v, torch_none());
}

/* ---- the table ---- */

static const struct {
    const char *names; /* with blanks between */
    torch_scalar_fn *function;
} rows[] = {
    {"add sub mul floordiv remainder", arithmetic},
    {"div truediv", divide},
    {"pow", power},
    {"neg abs floor ceil sqrt exp log round", of_one},
    {"max min", extreme},
    {"eq ne lt le gt ge", compare},
    {"__is__ __isnot__", identity},
    {"__not__ __and__ __or__", logic},
    {"int float bool Int Float Bool IntImplicit FloatImplicit ScalarImplicit item Scalar", to_number},
    {"NumToTensor unchecked_unwrap_optional unchecked_cast _unwrap_optional type data TupleUnpack", same},
    {"str format", torch_scalar_format},
    {"len", torch_scalar_length},
    {"__getitem__ TupleIndex", torch_scalar_get_item},
    {"_set_item", torch_scalar_set_item},
    {"sum all any", torch_scalar_of_list},
    {"update", torch_scalar_update},
    {"append", torch_scalar_append},
    {"insert", torch_scalar_insert},
    {"extend", torch_scalar_extend},
    {"list copy ListConstruct", torch_scalar_copy_list},
    {"slice", torch_scalar_slice_list},
    {"__contains__", torch_scalar_contains},
    {"dict", new_dict},
    {"keys values items", torch_scalar_parts_of_dict},
    {"pop popitem remove __delitem__ Delete", torch_scalar_take_out},
    {"clear", torch_scalar_clear},
    {"reverse", torch_scalar_reverse},
    {"sort sorted", torch_scalar_sort},
    {"index count find", torch_scalar_look},
    {"get setdefault", torch_scalar_get},
    {"startswith endswith", torch_scalar_ends},
    {"isdigit isnumeric", torch_scalar_digits},
    {"split", torch_scalar_split},
    {"join", torch_scalar_join},
    {"range __range_length", torch_scalar_range},
    {"__derive_index", torch_scalar_derive_index},
    {"warn print Print _log_api_usage_once set_grad_enabled", nothing},
    {"ConstantMKLDNNTensor", lost_weight},
    {"RaiseException", raise},
    {"isinstance", is_instance},
    {"nn_expect_rank", expect_rank},
    {"nn_expect_lengths", expect_lengths},
    {"nn_state", packed_state},
    {"nn_nested", nested},
    {"is_tensor", is_tensor},
    {"is_list", is_list},
    {"is_scripting is_autocast_enabled is_grad_enabled has_torch_function is_autocast_cpu_enabled", no},
};

/* As f32 holds it. */
static void narrow(struct torch_value *v)
{
    if (v->kind == TORCH_FLOAT)
        *v = torch_float((float)torch_number(*v));
}

/* A constant tensor without axes is the number that it holds, among numbers; what is computed with it is f32. */
static struct torch_value as_number(struct torch_reader *t, struct torch_value v, bool *narrows)
{
    const struct value *x = v.kind == TORCH_TENSOR ? torch_current(t, v.tensor) : NULL;
    const struct tensor *c = x && !x->is_input ? x->constant : NULL;
    enum dtype_class class = c && c->rank == 0 && c->count == 1 ? dtype_info(c->dtype)->class : DTYPE_CLASS_NONE;
    *narrows |= class != DTYPE_CLASS_NONE && c->dtype != DTYPE_F64;
    if (class == DTYPE_CLASS_INT || class == DTYPE_CLASS_UINT)
        return torch_int(tensor_get_i64(c, 0));
    return class == DTYPE_CLASS_FLOAT ? torch_float(tensor_get_f64(c, 0)) : v;
}

bool torch_scalar(struct torch_reader *t, const char *name, const struct torch_args *args, struct torch_value *result)
{
    struct scalars s = {.t = t, .name = name, .args = args};
    bool narrows = false;
    s.a = args->count > 0 ? args->values[0] : torch_none();
    s.b = args->count > 1 ? args->values[1] : torch_none();
    if (args->count > 1 && (is_size(s.a) || is_size(s.b))) {
        s.a = as_number(t, s.a, &narrows);
        s.b = as_number(t, s.b, &narrows);
    }
    if (narrows) {
        narrow(&s.a);
        narrow(&s.b);
    }
    bool open = s.a.kind == TORCH_TENSOR && s.a.tensor->sizes;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if (!text_has_word(rows[i].names, name))
            continue;
        if (open && rows[i].function != torch_scalar_length && rows[i].function != torch_scalar_get_item)
            torch_fail_open(t, "the number of axes of an input is not known; no operator before tells it");
        bool known = rows[i].function(&s, result);
        if (known && narrows)
            narrow(result);
        return known;
    }
    return false;
}
