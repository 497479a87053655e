/* The public interface, on networks made by hand. */
#include <stdlib.h>

#include "../../test.h"
#include "model_private.h"
#include "op/op.h"

static struct value *input(struct graph *g, const char *name, enum dtype dtype, int rank, const char *const *dims)
{
    struct value *v = graph_add_value(g, name, NULL);
    v->type = (struct type){.kind = TYPE_TENSOR, .dtype = dtype, .rank = rank};
    for (int i = 0; i < rank; i++) {
        char *end;
        v->type.dims[i] = strtol(dims[i], &end, 10);
        if (*end)
            v->type.dims[i] = graph_symbol(g, dims[i], NULL);
    }
    graph_add_input(g, v, NULL);
    return v;
}

static struct value *add(struct graph *g, const char *op, struct value *a, struct value *b, const char *name)
{
    struct node *n = graph_add_node(g, "", op, NULL, NULL);
    node_set_name(n, name, NULL);
    node_add_input(n, a, NULL);
    if (b)
        node_add_input(n, b, NULL);
    return node_new_output(n, name, NULL);
}

static struct model *finish(struct graph *g, struct value *out)
{
    struct error err = {""};
    graph_add_output(g, out, NULL);
    op_resolve(g);
    CHECK_MSG(graph_check(g, &err) == 0 && op_infer_graph(g, &err) == 0, "%s", err.text);
    return model_of_graph(g, NULL);
}

static struct value *constant(struct graph *g, const char *name, int rank, const int64_t *dims, float first)
{
    struct tensor *t = tensor_new(DTYPE_F32, rank, dims, NULL);
    for (int64_t i = 0; i < t->count; i++)
        ((float *)t->data)[i] = first + (float)(i % 7) * 0.25f;
    return graph_add_constant(g, name, t, NULL);
}

/* relu(conv(x, w)): x of N x 3 x H x W, w of 4 x 3 x 3 x 3 */
static struct model *convolution(float first)
{
    static const char *const dims[] = {"N", "3", "H", "W"};
    static const int64_t kernel[] = {4, 3, 3, 3};
    struct graph *g = graph_new(NULL);
    struct value *x = input(g, "x", DTYPE_F32, 4, dims);
    return finish(g, add(g, "Relu", add(g, "Conv", x, constant(g, "w", 4, kernel, first), "conv"), NULL, "relu"));
}

/* Sums of products rounded to steps that are hardly larger than what the order of adding them changes. */
static struct model *rounding(void)
{
    static const char *const dims[] = {"1", "3", "64", "64"};
    static const int64_t kernel[] = {4, 3, 3, 3};
    struct graph *g = graph_new(NULL);
    struct value *x = input(g, "x", DTYPE_F32, 4, dims);
    struct value *sums = add(g, "Conv", x, constant(g, "w", 4, kernel, 0.1f), "sums");
    struct value *scale = graph_add_constant(g, "scale", tensor_scalar_f32(1e-4f, NULL), NULL);
    struct value *steps = add(g, "QuantizeLinear", sums, scale, "steps");
    node_add_input(steps->producer, graph_add_constant(g, "zero", tensor_new(DTYPE_U16, 0, NULL, NULL), NULL), NULL);
    return finish(g, steps);
}

/* A lookup in a table of 5 rows. */
static struct model *lookup(void)
{
    static const char *const dims[] = {"N"};
    static const int64_t table[] = {5, 2};
    struct graph *g = graph_new(NULL);
    struct value *ids = input(g, "ids", DTYPE_I64, 1, dims);
    return finish(g, add(g, "Gather", constant(g, "table", 2, table, 0), ids, "row"));
}

static void shapes_are_bound(void)
{
    static const int64_t good[] = {1, 3, 8, 6}, channels[] = {1, 4, 8, 6}, one[] = {2};
    struct model_error err = {""};
    struct model_port port;
    struct model *m = convolution(0);
    CHECK(model_input(m, 0, &port) && !model_input(m, 1, &port) && port.dims[0] == -1 && port.dims[1] == 3);
    CHECK_STR(port.text, "f32 Nx3xHxW");
    CHECK(model_bind(m, "x", 4, channels, &err) < 0);
    CHECK_STR(err.text, "input 'x': given 1x4x8x6, wants f32 Nx3xHxW");
    CHECK(model_bind(m, "x", 3, good, &err) < 0);
    CHECK(model_bind(m, "y", 4, good, &err) < 0);
    CHECK_STR(err.text, "no input 'y', nor an open size of that name: want one of 'x'");
    model_free(m);

    m = convolution(0);
    CHECK(model_bind(m, "N", 1, one, &err) == 0 && model_bind(m, "x", 4, good, &err) < 0); /* N is 2 now */
    model_free(m);

    m = convolution(0);
    CHECK_MSG(model_bind(m, "x", 4, good, &err) == 0, "%s", err.text);
    CHECK(model_output(m, 0, &port));
    CHECK_STR(port.text, "f32 1x4x6x4");
    CHECK(model_bind_rest(m, &err) == 0);
    model_free(m);

    m = convolution(0);
    CHECK(model_bind_rest(m, &err) == 3 && model_input(m, 0, &port));
    CHECK_STR(port.text, "f32 1x3x64x64");
    model_free(m);
}

/* Lists of any length, and a copy of the model that stays as it was. */
static void parts_are_cut_out(void)
{
    struct model_error err = {""};
    struct model_port port;
    struct model *whole = convolution(0), *m = model_copy(whole, &err);
    CHECK(model_set_property(m, "recipe", "rgb", &err) == 0 && model_set_property(m, "task", "mask", &err) == 0);
    CHECK_MSG(model_cut(m, "conv=x", NULL, &err) == 1 && model_infer(m, &err) == 0, "%s", err.text);
    CHECK(!model_property(m, "recipe") && model_property(m, "task"));
    CHECK(model_input_count(m) == 1 && model_input(m, 0, &port) && model_output_count(m) == 1);
    CHECK_STR(port.name, "x");
    CHECK_STR(port.text, "f32 Nx4xH-2xW-2");
    model_free(m);

    m = model_copy(whole, &err);
    CHECK(model_cut(m, NULL, "relu,conv=x", &err) < 0); /* what the input is called */
    CHECK_STR(err.text, "there is another value 'x'");
    model_free(m);

    m = model_copy(whole, &err);
    CHECK_MSG(model_cut(m, NULL, "relu=y,conv=relu", &err) == 0, "%s", err.text);
    CHECK(model_output_count(m) == 2 && model_output(m, 1, &port));
    CHECK_STR(port.name, "relu");
    model_free(m);

    m = model_copy(whole, &err);
    CHECK(model_cut(m, ",", "", &err) < 0);
    model_free(m);
    CHECK(model_output_count(whole) == 1);
    model_free(whole);
}

static void properties_are_checked(void)
{
    struct model_error err = {""};
    struct model *m = convolution(0);
    CHECK(!model_property(m, "recipe"));
    CHECK(model_set_property(m, "recipe", "rgb,std=128,resize=256,crop=224,mean=127", &err) == 0);
    CHECK_STR(model_property(m, "recipe"), "resize=256,crop=224,rgb,mean=127,std=128");
    CHECK(model_set_property(m, "recipe", "colour=red", &err) < 0);
    CHECK(model_set_property(m, "recipe", "gray", &err) < 0); /* one channel, where there are three */
    CHECK(model_set_property(m, "recipe", "input=z", &err) < 0);
    CHECK_STR(err.text, "recipe: no input 'z'");
    CHECK_STR(model_property(m, "recipe"), "resize=256,crop=224,rgb,mean=127,std=128");
    CHECK(model_set_property(m, "task", "detect=yolov8,score=0.25", &err) == 0);
    CHECK_STR(model_property(m, "task"), "detect=yolov8,score=0.25");
    CHECK(model_set_property(m, "task", "dream", &err) < 0);
    CHECK(model_check_property("task", "dream", &err) < 0 && model_check_property("task", "classify", &err) == 0);
    CHECK(model_check_property("recipe", "colour=red", &err) < 0 && model_check_property("recipe", "gray", &err) == 0);
    CHECK(model_check_property("note", "any text", &err) == 0);
    CHECK(model_set_property(m, "labels", "cat\r\ndog\n\n", &err) == 0);
    CHECK_STR(model_property(m, "labels"), "cat\ndog");
    CHECK(model_set_property(m, "note", "any text", &err) == 0);
    CHECK_STR(model_property(m, "note"), "any text");
    model_free(m);
}

static struct model_tensor *tensor(const char *dtype, int64_t n, const void *data)
{
    return model_tensor_new(dtype, 1, &n, data, NULL);
}

/* Runs a lookup with these indices; the first element of the result, or -1. */
static double look_up(struct model_tensor *ids, struct model_error *err)
{
    struct model *m = lookup();
    struct model_session_options o = {.threads = 1};
    struct model_session *s = model_session_new(m, &o, err);
    struct model_tensor *out = NULL;
    double first = -1;
    model_free(m);
    if (s && model_session_run(s, &ids, &out, err) == 0)
        first = ((const float *)model_tensor_data(out))[0];
    model_tensor_free(out);
    model_session_free(s);
    model_tensor_free(ids);
    return first;
}

static void inputs_are_converted_without_loss(void)
{
    static const int32_t narrow[] = {2};
    static const uint64_t large[] = {UINT64_MAX};
    static const float real[] = {1};
    static const int64_t row[] = {4};
    struct model_error err = {""};
    CHECK(look_up(tensor("i64", 1, row), &err) == 0.25); /* element 8 of the table */
    CHECK(look_up(tensor("i32", 1, narrow), &err) == 1);
    CHECK(look_up(tensor("u64", 1, large), &err) < 0);
    CHECK_STR(err.text, "input 'ids': given u64 1, wants i64 N");
    CHECK(look_up(tensor("f32", 1, real), &err) < 0);
    CHECK(look_up(NULL, &err) < 0);
    CHECK_STR(err.text, "input 'ids': not given, wants i64 N");
    static const int64_t beyond[] = {5};
    CHECK(look_up(tensor("i64", 1, beyond), &err) < 0);
}

static void floats_are_converted(void)
{
    static const int64_t dims[] = {1, 3, 3, 3};
    double ones[27];
    struct model_error err = {""};
    struct model *m = convolution(1);
    struct model_session *s = model_session_new(m, NULL, &err);
    for (int i = 0; i < 27; i++)
        ones[i] = 1;
    struct model_tensor *x = model_tensor_new("f64", 4, dims, ones, &err), *y = NULL;
    CHECK_MSG(s && model_session_run(s, &x, &y, &err) == 0, "%s", err.text);
    CHECK(y && model_tensor_count(y) == 4 && ((const float *)model_tensor_data(y))[0] == 46.5f);
    model_tensor_free(x);
    model_tensor_free(y);
    model_session_free(s);
    model_free(m);
}

static void precisions(void)
{
    struct model_error err = {""};
    struct model *m = convolution(0);
    struct model_session_options fast = {.precision = "fast", .threads = 2}, odd = {.precision = "f33"};
    struct model_session *s = model_session_new(m, &fast, &err);
    CHECK_MSG(s != NULL, "%s", err.text);
    model_session_free(s);
    CHECK(!model_session_new(m, &odd, &err));
    struct model_session_options chosen = {.precision = model_precision_chosen("fast")};
    s = model_session_new(m, &chosen, &err);
    CHECK_MSG(s != NULL, "%s", err.text);
    model_session_free(s);
    model_free(m);
}

static void unknown_operators_are_listed(void)
{
    static const char *const dims[] = {"4"};
    char text[100];
    struct model_error err = {""};
    struct graph *g = graph_new(NULL);
    struct value *x = input(g, "x", DTYPE_F32, 1, dims);
    struct model *m = finish(g, add(g, "Wobble", add(g, "Wibble", x, NULL, "a"), NULL, "b"));
    CHECK(model_unknown(m, text, sizeof text) == 2);
    CHECK(!model_session_new(m, NULL, &err) && strstr(err.text, "Wibble") && strstr(err.text, "Wobble"));
    model_free(m);
}

static void random_inputs(void)
{
    struct model_error err = {""};
    struct model *m = lookup();
    CHECK(!model_tensor_random(m, 0, 1, &err) && !model_tensor_filled(m, 0, 1, &err)); /* its size is open */
    CHECK(model_bind_rest(m, &err) == 1);
    bool seen[5] = {false};
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct model_tensor *t = model_tensor_random(m, 0, seed, &err);
        int64_t id = ((const int64_t *)model_tensor_data(t))[0];
        CHECK(id >= 0 && id < 5);
        if (id >= 0 && id < 5)
            seen[id] = true;
        model_tensor_free(t);
    }
    CHECK(seen[0] && seen[1] && seen[2] && seen[3] && seen[4]);
    struct model_tensor *a = model_tensor_random(m, 0, 7, &err), *b = model_tensor_random(m, 0, 7, &err);
    CHECK(tensor_equal(model_inner_tensor(a), model_inner_tensor(b)));
    model_tensor_free(a);
    model_tensor_free(b);
    model_free(m);
}

/* The difference of two vectors of three. */
static struct model_difference apart(const float *a, const float *b)
{
    struct model_tensor *x = tensor("f32", 3, a), *y = tensor("f32", 3, b);
    struct model_difference d = {0};
    CHECK(model_tensor_compare(x, y, &d, NULL) == 0);
    model_tensor_free(x);
    model_tensor_free(y);
    return d;
}

static void differences(void)
{
    static const float a[] = {1, -4, 2}, b[] = {1, -4.5f, 2}, n[] = {NAN, -4, 2}, i[] = {INFINITY, -4, 2};
    struct model_difference d = apart(a, b);
    CHECK(d.largest == 0.5 && d.at == 1 && d.reference == 4.5 && d.differing == 1);
    CHECK(fabs(d.rms - sqrt(0.25 / 3)) < 1e-12);
    d = apart(a, a);
    CHECK(d.largest == 0 && d.differing == 0 && d.at == 0);
    d = apart(n, n);
    CHECK(d.largest == 0 && d.reference == 4);
    d = apart(a, n);
    CHECK(isinf(d.largest) && d.at == 0);
    CHECK(isinf(apart(n, a).largest) && isinf(apart(i, a).largest) && isinf(apart(a, i).largest));
    CHECK(apart(i, i).largest == 0);
    struct model_error err = {""};
    struct model_tensor *x = tensor("f32", 3, a), *y = tensor("f32", 2, a), *z = tensor("i32", 3, a);
    CHECK(model_tensor_compare(x, y, &d, &err) < 0);
    CHECK_STR(err.text, "f32 3, want f32 2");
    CHECK(model_tensor_compare(x, z, &d, &err) < 0);
    model_tensor_free(x);
    model_tensor_free(y);
    model_tensor_free(z);
}

static void rows(void)
{
    static const int64_t dims[] = {2, 3};
    static const float data[] = {1, 2, 3, 4, 5, 6};
    struct model_error err = {""};
    struct model_tensor *t = model_tensor_new("f32", 2, dims, data, &err), *row = model_tensor_row(t, 1, &err);
    char *text = model_tensor_text(row, 2, &err);
    CHECK(row && model_tensor_dims(row)[0] == 1 && model_tensor_dims(row)[1] == 3);
    CHECK_STR(text, "4 5");
    free(text);
    CHECK(!model_tensor_row(t, 2, &err) && !model_tensor_row(t, -1, &err));
    CHECK(!model_tensor_new("str", 2, dims, data, &err) && !model_tensor_new("f33", 2, dims, data, &err));
    model_tensor_free(row);
    model_tensor_free(t);
}

static void models_are_compared(void)
{
    struct model_agreement a;
    struct model_error err = {""};
    struct model *m = convolution(0.1f), *same = convolution(0.1f), *other = convolution(0.2f), *odd = lookup();
    CHECK(model_optimize(same, NULL, NULL, &err) == 0);
    CHECK_MSG(model_compare(same, m, 2, 1e-5, NULL, &a, &err) == 0 && a.agrees && a.runs == 2, "%s %g", err.text,
              a.worst);
    CHECK(model_compare(other, m, 2, 1e-5, NULL, &a, &err) == 0 && !a.agrees && a.runs == 1 && a.worst > 1e-3);
    CHECK(model_compare(odd, m, 1, 1e-5, NULL, &a, &err) < 0);
    struct model *steps = rounding();
    CHECK_MSG(model_compare(steps, steps, 2, 0, NULL, &a, &err) == 0 && a.agrees, "%s %g", err.text, a.worst);
    model_free(steps);
    model_free(m);
    model_free(same);
    model_free(other);
    model_free(odd);
}

/* An input that has a value when none is given takes another one all the same, run after run. */
static void defaults_give_way(void)
{
    static const char *const dims[] = {"3"};
    static const float x[] = {1, 2, 3}, state[] = {10, 20, 30};
    struct model_error err = {""};
    struct graph *g = graph_new(NULL);
    struct value *a = input(g, "x", DTYPE_F32, 1, dims), *s = constant(g, "s", 1, (int64_t[]){3}, 0);
    CHECK(graph_add_input(g, s, NULL) == 0);
    struct model *m = finish(g, add(g, "Add", a, s, "s_out"));
    struct model_session *session = model_session_new(m, NULL, &err);
    for (int i = 0; i < 3; i++) {
        struct model_tensor *in[] = {tensor("f32", 3, x), i % 2 ? tensor("f32", 3, state) : NULL}, *out[1] = {NULL};
        CHECK_MSG(session && model_session_run(session, in, out, &err) == 0, "%s", err.text);
        CHECK(out[0] && ((const float *)model_tensor_data(out[0]))[1] == (i % 2 ? 22 : 2.25f));
        model_tensor_free(in[0]);
        model_tensor_free(in[1]);
        model_tensor_free(out[0]);
    }
    model_session_free(session);
    model_free(m);
}

static void described(void)
{
    static const int64_t dims[] = {1, 3, 8, 6};
    struct model_error err = {""};
    struct model_summary s;
    struct model *m = convolution(0);
    CHECK(model_summarize(m, &s, &err) == 0 && s.macs == 0 && s.macs_open == 1 && s.activations_open == 3);
    model_summary_release(&s);
    CHECK(model_bind(m, "x", 4, dims, &err) == 0 && model_summarize(m, &s, &err) == 0);
    CHECK(s.layers == 2 && s.nodes == 2 && s.op_count == 2 && s.parameters == 108 && s.constant_bytes == 432);
    CHECK(s.macs == 6 * 4 * 4 * 27 && s.macs_open == 0);
    CHECK(s.activations == 144 + 96 && s.activations_open == 0); /* x and the convolution's result */
    model_summary_release(&s);

    size_t count;
    struct model_statistic *w = model_statistics(m, &count, &err);
    CHECK(w && count == 1 && w->least == 0 && w->greatest == 1.5 && w->elements == 108 && w->zeros == 16);
    CHECK(w && w->rank == 4 && w->dims[0] == 4 && w->dims[3] == 3);
    free(w);
    char *dot = model_dot(m, &err);
    CHECK(dot && strncmp(dot, "digraph", 7) == 0 && strstr(dot, "Conv\\nconv\\n4x3x3x3"));
    free(dot);
    model_free(m);
}

static void tables_end(void)
{
    struct model_format f;
    struct model_pass p;
    struct model_row r;
    size_t n = 0;
    while (model_format_at(n, &f))
        n++;
    CHECK(n >= 2);
    for (n = 0; model_pass_at(n, &p); n++)
        CHECK(p.name && p.what);
    for (n = 0; model_scheme_at(n, &r); n++)
        CHECK(r.name && r.what);
    CHECK(n == 4);
    CHECK(model_precision_at(0, &r) && !model_precision_at(99, &r) && !model_task_at(99, &r));
    CHECK(!model_read("/dev/null", "nothing", NULL));
}

int main(void)
{
    RUN(shapes_are_bound);
    RUN(parts_are_cut_out);
    RUN(properties_are_checked);
    RUN(inputs_are_converted_without_loss);
    RUN(floats_are_converted);
    RUN(precisions);
    RUN(unknown_operators_are_listed);
    RUN(random_inputs);
    RUN(differences);
    RUN(rows);
    RUN(models_are_compared);
    RUN(defaults_give_way);
    RUN(described);
    RUN(tables_end);
    return TEST_END();
}
