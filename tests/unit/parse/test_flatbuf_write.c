/* What is written is read back, by the bounded reader. */
#include "parse/flatbuf_write.h"

#include "../../test.h"
#include "parse/flatbuf.h"

/* A child { 0: i32 number, 2: i64 } */
static uint32_t put_child(struct flatbuf_out *o, int32_t number)
{
    flatbuf_begin(o);
    flatbuf_add_int(o, 0, 4, number, 0);
    flatbuf_add_int(o, 2, 8, -3, 0);
    return flatbuf_end(o);
}

static void test_round_trip(void)
{
    static const int32_t numbers[] = {1, -2, 300};
    static const float weights[] = {0.5f, -1};
    struct error err = {""};
    struct flatbuf_out o;
    struct flatbuf f;
    size_t size;
    flatbuf_out_init(&o, &err);
    uint32_t text = flatbuf_put_string(&o, "hello"), list = flatbuf_put_i32s(&o, numbers, 3);
    uint32_t floats = flatbuf_put_vector(&o, weights, 2, 4, 16);
    uint32_t children[3];
    for (int i = 0; i < 3; i++)
        children[i] = put_child(&o, i + 5);
    uint32_t all = flatbuf_put_refs(&o, children, 3);
    flatbuf_begin(&o);
    flatbuf_add_int(&o, 0, 1, -7, 0);
    flatbuf_add_int(&o, 1, 4, 9, 9);
    flatbuf_add_ref(&o, 2, text);
    flatbuf_add_ref(&o, 3, list);
    flatbuf_add_ref(&o, 4, floats);
    flatbuf_add_ref(&o, 5, all);
    flatbuf_add_ref(&o, 6, 0);
    flatbuf_add_float(&o, 7, 1.25f, 0);
    const uint8_t *data = flatbuf_finish(&o, flatbuf_end(&o), "ABCD", &size);
    CHECK_MSG(data && memcmp(data + 4, "ABCD", 4) == 0, "%s", err.text);
    flatbuf_init(&f, data, data ? size : 0, 100);
    struct flatbuf_table root = flatbuf_root(&f);
    CHECK(flatbuf_int(root, 0, 1, 0) == -7 && !flatbuf_has(root, 1) && !flatbuf_has(root, 6));
    CHECK(flatbuf_float(root, 7, 0) == 1.25f);
    struct flatbuf_vector s = flatbuf_string(root, 2), v = flatbuf_vector(root, 3, 4), w = flatbuf_vector(root, 4, 4);
    CHECK(s.count == 5 && memcmp(s.data, "hello", 6) == 0);
    CHECK(v.count == 3 && flatbuf_vector_int(v, 1) == -2 && flatbuf_vector_int(v, 2) == 300);
    CHECK(w.count == 2 && flatbuf_vector_float(w, 1) == -1 && (w.data - data) % 16 == 0);
    struct flatbuf_vector c = flatbuf_vector(root, 5, 4);
    CHECK(c.count == 3);
    for (size_t i = 0; i < 3; i++) {
        struct flatbuf_table child = flatbuf_vector_table(&f, c, i);
        CHECK(flatbuf_int(child, 0, 4, 0) == (int)i + 5 && flatbuf_int(child, 2, 8, 0) == -3);
        CHECK((child.at & 3) == 0);
    }
    CHECK(flatbuf_check(&f, &err) == 0);
    flatbuf_out_release(&o);
}

static void test_vtables_are_shared(void)
{
    struct flatbuf_out o;
    struct flatbuf f;
    struct error err = {""};
    size_t size;
    uint32_t children[1000];
    flatbuf_out_init(&o, &err);
    for (int i = 0; i < 1000; i++)
        children[i] = put_child(&o, i + 1);
    CHECK(o.vtable_count == 1);
    uint32_t all = flatbuf_put_refs(&o, children, 1000);
    flatbuf_begin(&o);
    flatbuf_add_ref(&o, 0, all);
    const uint8_t *data = flatbuf_finish(&o, flatbuf_end(&o), NULL, &size);
    flatbuf_init(&f, data, data ? size : 0, 2000);
    struct flatbuf_vector c = flatbuf_vector(flatbuf_root(&f), 0, 4);
    bool right = c.count == 1000;
    for (size_t i = 0; i < c.count; i++)
        right = right && flatbuf_int(flatbuf_vector_table(&f, c, i), 0, 4, 0) == (int)i + 1;
    CHECK(right && flatbuf_check(&f, &err) == 0);
    flatbuf_out_release(&o);
}

static void test_too_large(void)
{
    struct flatbuf_out o;
    struct error err = {""};
    size_t size;
    flatbuf_out_init(&o, &err);
    CHECK(flatbuf_put_vector(&o, "", SIZE_MAX / 2, 4, 16) == 0);
    CHECK(!flatbuf_finish(&o, 0, NULL, &size) && strstr(err.text, "2 GiB"));
    flatbuf_out_release(&o);
}

int main(void)
{
    RUN(test_round_trip);
    RUN(test_vtables_are_shared);
    RUN(test_too_large);
    return TEST_END();
}
