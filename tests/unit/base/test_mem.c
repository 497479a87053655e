#include "base/mem.h"

#include <stdlib.h>

#include "../../test.h"

static bool is_zero(const void *data, size_t n)
{
    const unsigned char *p = data;

    for (size_t i = 0; i < n; i++) {
        if (p[i])
            return false;
    }
    return true;
}

static void test_checked(void)
{
    size_t r = 7;

    CHECK(!mem_mul(SIZE_MAX, 2, &r) && !mem_mul(SIZE_MAX / 2 + 1, 2, &r) && !mem_add(SIZE_MAX, 1, &r));
    CHECK(mem_mul(SIZE_MAX / 2, 2, &r) && r == SIZE_MAX - 1);
    CHECK(mem_add(SIZE_MAX - 1, 1, &r) && r == SIZE_MAX);
    CHECK(mem_mul(0, SIZE_MAX, &r) && r == 0);
}

static void test_calloc(void)
{
    struct error err = {""};
    char *p = mem_calloc(0, 8, &err), *q = mem_calloc(100, 3, &err);

    CHECK(p != NULL && q != NULL && is_zero(q, 300));
    free(p);
    free(q);
    CHECK(mem_calloc(SIZE_MAX / 2, 3, &err) == NULL && err.text[0]);
    CHECK(mem_calloc(SIZE_MAX / 2, 3, NULL) == NULL);
    CHECK(mem_calloc(MEM_MOST + 1, 1, &err) == NULL && mem_calloc(2, MEM_MOST / 2 + 1, &err) == NULL);
}

static void test_grow(void)
{
    struct error err = {""};
    int *array = NULL;
    size_t cap = 0, moves = 0;

    for (size_t n = 0; n < 10000; n++) {
        size_t before = cap;

        CHECK(mem_grow(&array, &cap, n + 1, sizeof *array, &err) == 0 && cap > n);
        moves += cap != before;
        array[n] = (int)n;
    }
    CHECK(moves < 40);
    CHECK(array[0] == 0 && array[9999] == 9999);
    for (size_t i = 0; i < 3; i++) {
        size_t before = cap, want = (size_t[]){SIZE_MAX, SIZE_MAX / sizeof *array + 1, SIZE_MAX / 2}[i];
        int *same = array;

        CHECK(mem_grow(&array, &cap, want, sizeof *array, &err) == -1 && cap == before && array == same && err.text[0]);
    }
    CHECK(array[9999] == 9999);
    free(array);
}

static void test_grow_exact(void)
{
    struct error err = {""};
    char *array = NULL;
    size_t cap = 0;

    CHECK(mem_grow(&array, &cap, 0, 1, &err) == 0 && cap == 0);
    CHECK(mem_grow(&array, &cap, 1000, 1, &err) == 0 && cap >= 1000);
    array[999] = 1;
    free(array);
}

static void test_arena(void)
{
    static const size_t sizes[] = {1, 15, 16, 17, 0, 3000, 4096, 5000, 1, 70000, 100, 300000, 7};
    struct arena arena;
    struct error err = {""};
    unsigned char *got[13 * 40];
    size_t count = 0;

    arena_init(&arena);
    for (size_t round = 0; round < 40; round++) {
        for (size_t i = 0; i < 13; i++) {
            unsigned char *p = arena_alloc(&arena, sizes[i], &err);

            CHECK(p && (uintptr_t)p % 16 == 0 && is_zero(p, sizes[i]));
            memset(p, (int)(count % 251 + 1), sizes[i]);
            got[count++] = p;
        }
    }
    for (size_t k = 0; k < count; k++) { /* nothing overlaps */
        for (size_t j = 0; j < sizes[k % 13]; j++) {
            if (got[k][j] != k % 251 + 1) {
                CHECK_MSG(false, "allocation %zu, byte %zu", k, j);
                break;
            }
        }
    }
    CHECK(arena_alloc(&arena, SIZE_MAX, &err) == NULL && err.text[0]);
    CHECK(arena_alloc(&arena, SIZE_MAX - 20, &err) == NULL);
    CHECK(arena_strndup(&arena, "", SIZE_MAX, &err) == NULL);
    arena_release(&arena);
    arena_release(&arena);
    CHECK(arena_alloc(&arena, 3, &err) != NULL);
    arena_release(&arena);
}

static void test_arena_strings(void)
{
    struct arena arena;
    struct error err = {""};

    arena_init(&arena);
    CHECK_STR(arena_strndup(&arena, "abcdef", 3, &err), "abc");
    CHECK_STR(arena_strndup(&arena, NULL, 0, &err), "");
    CHECK_STR(arena_strdup(&arena, "sixteen bytes...", &err), "sixteen bytes...");
    CHECK_STR(arena_strdup(&arena, "", &err), "");
    arena_release(&arena);
}

static void test_blob(void)
{
    struct error err = {""};
    struct blob *blob = blob_new(1000, &err), *empty = blob_new(0, &err);

    CHECK(blob && blob->size == 1000 && (uintptr_t)blob->data % 64 == 0 && is_zero(blob->data, 1000));
    memset(blob->data, 1, 1000);
    CHECK(blob_ref(blob) == blob && blob->refs == 2);
    blob_unref(blob);
    blob_unref(blob);
    CHECK(empty && empty->size == 0 && empty->data);
    blob_unref(empty);
    blob_unref(NULL);
    CHECK(blob_new(SIZE_MAX, &err) == NULL && err.text[0]);
    CHECK(blob_new(SIZE_MAX - 70, &err) == NULL);
}

static void test_blob_part(void)
{
    struct error err = {""};
    struct blob *whole = blob_new(100, &err), *part = blob_part(whole, 20, 50, &err), *deep;

    CHECK(part && (char *)part->data == (char *)whole->data + 20 && part->size == 50);
    CHECK(blob_part(whole, 101, 0, &err) == NULL && err.text[0]);
    CHECK(blob_part(whole, 1, 100, &err) == NULL);
    CHECK(blob_part(whole, 50, SIZE_MAX - 10, &err) == NULL);
    CHECK(blob_part(part, 10, 41, &err) == NULL);
    ((char *)whole->data)[30] = 9;
    blob_unref(whole);
    deep = blob_part(part, 10, 40, &err);
    blob_unref(part);
    CHECK(deep && ((char *)deep->data)[0] == 9);
    part = blob_part(deep, 40, 0, &err);
    CHECK(part && part->size == 0);
    blob_unref(deep);
    blob_unref(part);
}

/* A long chain of parts must not release by recursion. */
static void test_blob_chain(void)
{
    struct error err = {""};
    struct blob *blob = blob_new(1, &err);

    for (int i = 0; blob && i < 200000; i++) {
        struct blob *part = blob_part(blob, 0, 1, &err);

        blob_unref(blob);
        blob = part;
    }
    CHECK(blob != NULL);
    blob_unref(blob);
}

int main(void)
{
    RUN(test_checked);
    RUN(test_calloc);
    RUN(test_grow);
    RUN(test_grow_exact);
    RUN(test_arena);
    RUN(test_arena_strings);
    RUN(test_blob);
    RUN(test_blob_part);
    RUN(test_blob_chain);
    return TEST_END();
}
