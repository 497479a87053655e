/* Sequences and optionals. */
#include "one.h"

static struct item *item(enum dtype dtype, int rank, const int64_t *dims, const double *values)
{
    struct error err;
    return item_of_tensor(one_tensor(dtype, rank, dims, values), &err);
}

/* A sequence of n vectors: of i + 1 elements each, all i. */
static struct item *sequence(size_t n)
{
    struct item *at[8] = {NULL};
    struct error err;
    for (size_t i = 0; i < n; i++) {
        at[i] = item(DTYPE_F32, 1, &(int64_t){(int64_t)i + 1}, NULL);
        for (size_t k = 0; k <= i; k++)
            tensor_set_f64(at[i]->tensor, (int64_t)k, (double)i);
    }
    struct item *s = item_sequence(DTYPE_F32, at, n, &err);
    for (size_t i = 0; i < n; i++)
        item_unref(at[i]);
    return s;
}

static void test_at(void)
{
    static const struct {
        double at;
        int64_t n;
    } rows[] = {{0, 1}, {2, 3}, {-1, 3}, {-3, 1}};
    struct one o;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        one_start(&o, "", "SequenceAt", 1);
        one_item(&o, sequence(3));
        one_in(&o, one_tensor(DTYPE_I64, SCALAR, &rows[i].at));
        CHECK(one_run(&o) == 0 && o.out[0]->tensor->count == rows[i].n);
        one_end(&o);
    }
    static const double bad[] = {3, -4};
    for (int i = 0; i < 2; i++) {
        one_start(&o, "", "SequenceAt", 1);
        one_item(&o, sequence(3));
        one_in(&o, one_tensor(DTYPE_I32, SCALAR, &bad[i]));
        CHECK(one_fails(&o, "the sequence has 3 elements"));
        one_end(&o);
    }
}

static void check_lengths(const struct item *s, size_t n, const int64_t *lengths)
{
    CHECK_MSG(s->kind == ITEM_SEQUENCE && s->n == n, "%zu elements", s->n);
    for (size_t i = 0; i < s->n && i < n; i++)
        CHECK(s->at[i]->tensor->count == lengths[i]);
}

static void test_edit(void)
{
    struct one o;
    one_start(&o, "", "SequenceInsert", 1);
    one_item(&o, sequence(3));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(7), NULL));
    one_in(&o, one_tensor(DTYPE_I64, SCALAR, VALUES(-1)));
    CHECK(one_run(&o) == 0);
    check_lengths(o.out[0], 4, (int64_t[]){1, 2, 7, 3});
    one_end(&o);
    one_start(&o, "", "SequenceInsert", 1);
    one_item(&o, sequence(0));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(7), NULL));
    CHECK(one_run(&o) == 0);
    check_lengths(o.out[0], 1, (int64_t[]){7});
    one_end(&o);
    one_start(&o, "", "SequenceInsert", 1);
    one_item(&o, sequence(0));
    one_in(&o, one_tensor(DTYPE_I8, DIMS(7), NULL));
    CHECK(one_fails(&o, "input tensor is i8, the sequence's are f32"));
    one_end(&o);
    one_start(&o, "", "SequenceErase", 1);
    one_item(&o, sequence(3));
    CHECK(one_run(&o) == 0);
    check_lengths(o.out[0], 2, (int64_t[]){1, 2});
    one_end(&o);
    one_start(&o, "", "SequenceErase", 1);
    one_item(&o, sequence(3));
    one_in(&o, one_tensor(DTYPE_I64, SCALAR, VALUES(0)));
    CHECK(one_run(&o) == 0);
    check_lengths(o.out[0], 2, (int64_t[]){2, 3});
    one_end(&o);
    one_start(&o, "", "SequenceErase", 1);
    one_item(&o, sequence(0));
    CHECK(one_fails(&o, "is empty"));
    one_end(&o);
}

static void test_construct(void)
{
    struct one o;
    one_start(&o, "", "SequenceConstruct", 1);
    one_in(&o, one_tensor(DTYPE_I8, DIMS(2, 3), NULL));
    one_in(&o, one_tensor(DTYPE_I8, DIMS(2, 4), NULL));
    CHECK(one_run(&o) == 0);
    check_lengths(o.out[0], 2, (int64_t[]){6, 8});
    const struct type *type = &node_out(o.n, 0)->type;
    CHECK(type->kind == TYPE_SEQUENCE && type->element->rank == 2 && type->element->dims[0] == 2 &&
          type->element->dims[1] == DIM_UNKNOWN);
    one_end(&o);
    one_start(&o, "", "SequenceEmpty", 1);
    node_set_int(o.n, "dtype", 99, &o.err);
    CHECK(one_fails(&o, "attribute dtype is 99"));
    one_end(&o);
    one_start(&o, "", "SequenceLength", 1);
    one_item(&o, sequence(5));
    CHECK(one_gives(&o, 0, DTYPE_I64, SCALAR, VALUES(5)));
    one_end(&o);
}

static void test_split(void)
{
    struct one o;
    one_start(&o, "", "SplitToSequence", 1);
    node_set_int(o.n, "axis", -1, &o.err);
    one_in(&o, one_tensor(DTYPE_I4, DIMS(2, 5), VALUES(0, 1, 2, 3, 4, 5, 6, 7, -1, -2)));
    one_in(&o, one_tensor(DTYPE_I64, SCALAR, VALUES(2)));
    CHECK(one_run(&o) == 0);
    check_lengths(o.out[0], 3, (int64_t[]){4, 4, 2});
    CHECK(tensor_get_i64(o.out[0]->at[2]->tensor, 1) == -2 && tensor_get_i64(o.out[0]->at[1]->tensor, 2) == 7);
    one_end(&o);
    one_start(&o, "", "SplitToSequence", 1);
    node_set_int(o.n, "keepdims", 0, &o.err);
    const char *const words[] = {"ab", "c"};
    one_in(&o, one_strings(DIMS(2), words));
    CHECK(one_run(&o) == 0 && o.out[0]->n == 2 && o.out[0]->at[1]->tensor->rank == 0);
    CHECK(((const struct str *)o.out[0]->at[0]->tensor->data)->size == 2);
    one_end(&o);
    static const struct {
        int rank;
        double split[2];
        const char *words;
    } rows[] = {{0, {0}, "input split is 0"}, {1, {3, 3}, "sums to 6, the axis has 5"}, {1, {6, -1}, "entry 1 is -1"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        one_start(&o, "", "SplitToSequence", 1);
        one_in(&o, one_tensor(DTYPE_F32, DIMS(5), NULL));
        one_in(&o, one_tensor(DTYPE_I32, rows[i].rank, (int64_t[]){2}, rows[i].split));
        CHECK(one_fails(&o, rows[i].words));
        one_end(&o);
    }
    one_start(&o, "", "SplitToSequence", 1);
    one_in(&o, one_tensor(DTYPE_U8, DIMS(8000), NULL));
    CHECK(one_fails(&o, "8000 parts are too many"));
    one_end(&o);
}

static void test_concat(void)
{
    struct one o;
    one_start(&o, "", "ConcatFromSequence", 1);
    node_set_int(o.n, "axis", 0, &o.err);
    one_item(&o, sequence(3));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(6), VALUES(0, 1, 1, 2, 2, 2)));
    one_end(&o);
    one_start(&o, "", "ConcatFromSequence", 1);
    node_set_int(o.n, "axis", 1, &o.err);
    node_set_int(o.n, "new_axis", 1, &o.err);
    one_item(&o, sequence(1));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1), VALUES(0)));
    one_end(&o);
    one_start(&o, "", "ConcatFromSequence", 1);
    node_set_int(o.n, "axis", 0, &o.err);
    node_set_int(o.n, "new_axis", 1, &o.err);
    one_item(&o, sequence(2));
    CHECK(one_fails(&o, "element 1 of the sequence does not fit the first"));
    one_end(&o);
    one_start(&o, "", "ConcatFromSequence", 1);
    node_set_int(o.n, "axis", 0, &o.err);
    one_item(&o, sequence(0));
    CHECK(one_fails(&o, "is empty"));
    one_end(&o);
}

static void test_optional(void)
{
    struct error err;
    struct one o;
    one_start(&o, "", "Optional", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2), NULL));
    CHECK(one_run(&o) == 0 && o.out[0]->kind == ITEM_OPTIONAL && o.out[0]->n == 1);
    CHECK(node_out(o.n, 0)->type.kind == TYPE_OPTIONAL && node_out(o.n, 0)->type.element->dims[0] == 2);
    one_end(&o);
    one_start(&o, "", "Optional", 1);
    struct type type = {.kind = TYPE_TENSOR, .dtype = DTYPE_I8, .rank = -1};
    node_set_type(o.n, "type", &type, &err);
    CHECK(one_run(&o) == 0 && o.out[0]->n == 0 && o.out[0]->dtype == DTYPE_I8);
    one_end(&o);
    one_start(&o, "", "Optional", 1);
    CHECK(one_fails(&o, "neither the input nor attribute type"));
    one_end(&o);
    one_start(&o, "", "OptionalGetElement", 1);
    one_item(&o, item_optional(NULL, DTYPE_F32, &err));
    CHECK(one_fails(&o, "the optional is empty"));
    one_end(&o);
    one_start(&o, "", "OptionalHasElement", 1);
    one_item(&o, item_optional(NULL, DTYPE_F32, &err));
    CHECK(one_gives(&o, 0, DTYPE_BOOL, SCALAR, VALUES(0)));
    one_end(&o);
    one_start(&o, "", "OptionalHasElement", 1);
    one_item(&o, sequence(1));
    CHECK(one_gives(&o, 0, DTYPE_BOOL, SCALAR, VALUES(1)));
    one_end(&o);
    one_start(&o, "", "OptionalHasElement", 1);
    CHECK(one_gives(&o, 0, DTYPE_BOOL, SCALAR, VALUES(0)));
    one_end(&o);
}

int main(void)
{
    RUN(test_at);
    RUN(test_edit);
    RUN(test_construct);
    RUN(test_split);
    RUN(test_concat);
    RUN(test_optional);
    return TEST_END();
}
