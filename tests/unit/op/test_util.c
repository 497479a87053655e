/* Walking, broadcasting, moving elements: what all families stand on. */
#include "one.h"

#include "op/util.h"

static void test_broadcast(void)
{
    int64_t a[TENSOR_MAX_RANK] = {3, 1}, steps[TENSOR_MAX_RANK];
    int rank = 2;
    CHECK(op_broadcast(a, &rank, (int64_t[]){2, 1, 4}, 3) == 0 && rank == 3 && a[0] == 2 && a[1] == 3 && a[2] == 4);
    op_broadcast_steps(2, (int64_t[]){3, 1}, 3, a, steps);
    CHECK(steps[0] == 0 && steps[1] == 1 && steps[2] == 0);
    op_broadcast_steps(3, a, 3, a, steps);
    CHECK(steps[0] == 12 && steps[1] == 4 && steps[2] == 1);
    CHECK(op_broadcast(a, &rank, (int64_t[]){2}, 1) != 0);
    rank = 0;
    CHECK(op_broadcast(a, &rank, (int64_t[]){0, 1}, 2) == 0 && rank == 2 && a[0] == 0 && a[1] == 1);
    CHECK(op_broadcast(a, &rank, (int64_t[]){1, 5}, 2) == 0 && a[0] == 0 && a[1] == 5);
    CHECK(op_broadcast(a, &rank, (int64_t[]){2, 5}, 2) != 0);
}

/* Every element of the space comes once, in order, at its place for every operand. */
static void walk(int rank, const int64_t *dims, const int64_t *a, const int64_t *b)
{
    struct op_walk w;
    int64_t index[TENSOR_MAX_RANK] = {0}, count = tensor_count(rank, dims), seen = 0;
    op_walk_init(&w, rank, dims, 2, (const int64_t *const[]){a, b});
    while (op_walk(&w)) {
        CHECK(w.done == seen);
        for (int64_t i = 0; i < w.run; i++, seen++) {
            int64_t at = 0, bt = 0;
            for (int d = 0; d < rank; d++) {
                at += index[d] * a[d];
                bt += index[d] * b[d];
            }
            CHECK(w.at[0] + i * w.run_step[0] == at && w.at[1] + i * w.run_step[1] == bt);
            for (int d = rank - 1; d >= 0 && ++index[d] == dims[d]; d--)
                index[d] = 0;
        }
    }
    CHECK_MSG(seen == count, "%lld of %lld", (long long)seen, (long long)count);
}

static void test_walk(void)
{
    walk(3, (int64_t[]){2, 3, 4}, (int64_t[]){12, 4, 1}, (int64_t[]){12, 4, 1}); /* merges to one run */
    walk(3, (int64_t[]){2, 3, 4}, (int64_t[]){12, 4, 1}, (int64_t[]){0, 4, 1});  /* the inner two merge */
    walk(3, (int64_t[]){2, 3, 4}, (int64_t[]){1, 2, 6}, (int64_t[]){-12, 0, 5}); /* nothing does */
    walk(4, (int64_t[]){1, 3, 1, 2}, (int64_t[]){9, 2, 7, 1}, (int64_t[]){0, 0, 0, 0});
    walk(2, (int64_t[]){3, 0}, (int64_t[]){1, 1}, (int64_t[]){1, 1});
    walk(2, (int64_t[]){0, 3}, (int64_t[]){3, 1}, (int64_t[]){3, 1});
    walk(1, (int64_t[]){1}, (int64_t[]){5}, (int64_t[]){5});
    walk(0, NULL, NULL, NULL);
    int64_t twos[TENSOR_MAX_RANK], steps[TENSOR_MAX_RANK];
    for (int i = 0; i < TENSOR_MAX_RANK; i++) {
        twos[i] = 2;
        steps[i] = (int64_t)1 << i;
    }
    walk(TENSOR_MAX_RANK, twos, steps, steps);
}

static void test_move(void)
{
    static const enum dtype dtypes[] = {DTYPE_U2, DTYPE_I4, DTYPE_I8, DTYPE_F16, DTYPE_F32, DTYPE_F64, DTYPE_C64};
    for (size_t k = 0; k < sizeof(dtypes) / sizeof(dtypes[0]); k++) {
        struct tensor *a = one_tensor(dtypes[k], DIMS(9), VALUES(0, 1, 2, 3, 2, 1, 0, 3, 1));
        struct tensor *b = one_tensor(dtypes[k], DIMS(9), NULL);
        op_move(b, 1, 1, a, 2, 1, 3);  /* 2 3 2 to places 1 to 3 */
        op_move(b, 8, -2, a, 7, 1, 2); /* 3 1 to places 8, 6 */
        op_move(b, 0, 1, a, 0, 0, 0);
        static const double want[] = {0, 2, 3, 2, 0, 0, 1, 0, 3};
        for (int i = 0; i < 9; i++)
            CHECK_MSG(tensor_get_f64(b, i) == want[i], "%s [%d]", dtype_info(dtypes[k])->name, i);
        tensor_unref(a);
        tensor_unref(b);
    }
}

static void test_ints(void)
{
    static const enum dtype dtypes[] = {DTYPE_U8,  DTYPE_I8,  DTYPE_U16, DTYPE_I16, DTYPE_U32,
                                        DTYPE_I32, DTYPE_U64, DTYPE_I64, DTYPE_U4,  DTYPE_I2};
    for (size_t k = 0; k < sizeof(dtypes) / sizeof(dtypes[0]); k++) {
        struct tensor *t = one_tensor(dtypes[k], DIMS(3), NULL);
        unsigned bits = dtype_info(dtypes[k])->bits;
        int64_t values[] = {-1, INT64_MIN, 1}, got[2];
        op_store_ints(t, 0, 3, values);
        op_load_ints(t, 0, 2, got);
        bool is_unsigned = op_is_uint(dtypes[k]);
        int64_t all_ones = is_unsigned && bits < 64 ? ((int64_t)1 << bits) - 1 : -1;
        CHECK_MSG(got[0] == all_ones && got[1] == (bits == 64 ? INT64_MIN : 0), "%s", dtype_info(dtypes[k])->name);
        op_load_ints(t, 2, 1, got);
        CHECK(got[0] == 1);
        tensor_unref(t);
    }
    struct tensor *t = one_tensor(DTYPE_BOOL, DIMS(2), NULL);
    op_store_ints(t, 0, 2, (int64_t[]){256, 0});
    CHECK(((uint8_t *)t->data)[0] == 1 && ((uint8_t *)t->data)[1] == 0);
    tensor_unref(t);
}

static void test_dims_text(void)
{
    char text[20], tiny[4];
    CHECK_STR(op_dims_text(DIMS(2, 3, 40), text, sizeof(text)), "2x3x40");
    CHECK_STR(op_dims_text(SCALAR, text, sizeof(text)), "scalar");
    CHECK(strlen(op_dims_text(DIMS(1000, 1000), tiny, sizeof(tiny))) == 3);
}

int main(void)
{
    RUN(test_broadcast);
    RUN(test_walk);
    RUN(test_move);
    RUN(test_ints);
    RUN(test_dims_text);
    return TEST_END();
}
