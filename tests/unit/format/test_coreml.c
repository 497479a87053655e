/* Core ML models made by hand: what hostile ones say, recipes, open sizes, folders, and what is kept of what is not
 * known. */
#include <stdlib.h>
#include <sys/stat.h>

#include "../../test.h"
#include "base/file.h"
#include "format/format.h"
#include "op/op.h"

static struct error err;
static char folder[] = "/tmp/test_coreml_XXXXXX";

/* ---- messages ---- */

struct message {
    uint8_t data[16384];
    size_t size;
};

static void put_varint(struct message *m, uint64_t value)
{
    for (; value > 127; value >>= 7)
        m->data[m->size++] = (uint8_t)(value | 128);
    m->data[m->size++] = (uint8_t)value;
}

static void put_int(struct message *m, int number, uint64_t value)
{
    put_varint(m, (uint64_t)number << 3);
    put_varint(m, value);
}

static void put_bytes(struct message *m, int number, const void *data, size_t size)
{
    put_varint(m, (uint64_t)number << 3 | 2);
    put_varint(m, size);
    memcpy(m->data + m->size, data, size);
    m->size += size;
}

static void put_text(struct message *m, int number, const char *text)
{
    put_bytes(m, number, text, strlen(text));
}

static void put(struct message *m, int number, const struct message *part)
{
    put_bytes(m, number, part->data, part->size);
}

static void put_float(struct message *m, int number, float value)
{
    put_varint(m, (uint64_t)number << 3 | 5);
    memcpy(m->data + m->size, &value, 4);
    m->size += 4;
}

/* ---- models ---- */

/* A feature: an array [3] (its type's field `more` may say which others), or an image of a colour. */
static struct message feature(const char *name, int64_t colour, const struct message *more, int field)
{
    struct message f = {.size = 0}, type = f, kind = f;
    if (colour) {
        put_int(&kind, 1, 2);
        put_int(&kind, 2, 2);
        put_int(&kind, 3, (uint64_t)colour);
    } else {
        put_int(&kind, 1, 3);
    }
    if (more)
        put(&kind, field, more);
    put(&type, colour ? 4 : 5, &kind);
    put_text(&f, 1, name);
    put(&f, 3, &type);
    return f;
}

/* A model of x to y: `kind` of that content. */
static struct message model(const struct message *in, int kind, const struct message *what)
{
    struct message m = {.size = 0}, description = m, out = feature("y", 0, NULL, 0);
    put(&description, 1, in);
    put(&description, 10, &out);
    put_int(&m, 1, 4);
    put(&m, 2, &description);
    put(&m, kind, what);
    return m;
}

static void write_file(const char *name, const void *data, size_t size)
{
    char path[200];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    fwrite(data, 1, size, f);
    fclose(f);
}

static struct graph *read_model(const struct message *m)
{
    char path[200];
    write_file("net.mlmodel", m->data, m->size);
    snprintf(path, sizeof(path), "%s/net.mlmodel", folder);
    err.text[0] = '\0';
    return format_read(path, NULL, &err);
}

static void check_refused(const struct message *m, const char *says)
{
    struct graph *g = read_model(m);
    CHECK_MSG(!g && strstr(err.text, says), "'%s', want '%s'", err.text, says);
    graph_free(g);
}

/* A layer of one field of parameters. */
static struct message layer(const char *in, const char *out, int kind, const struct message *params)
{
    struct message l = {.size = 0};
    put_text(&l, 1, "l");
    put_text(&l, 2, in);
    put_text(&l, 3, out);
    put(&l, kind, params);
    return l;
}

/* A network of one layer, whose arrays have their own axes. */
static struct message network(const char *in, int kind, const struct message *params)
{
    struct message net = {.size = 0}, l = layer(in, "y", kind, params);
    put(&net, 1, &l);
    put_int(&net, 5, 1);
    return net;
}

static struct message array_of_x(void)
{
    return feature("x", 0, NULL, 0);
}

static struct message simple(const char *in, int kind, const struct message *params)
{
    struct message x = array_of_x(), net = network(in, kind, params);
    return model(&x, 500, &net);
}

/* ---- networks ---- */

static void operands_come_first(void)
{
    const struct message none = {.size = 0};
    struct message m = simple("y", 670, &none);
    check_refused(&m, "takes 'y', which no layer before it makes");
    m = simple("x", 670, &none);
    struct graph *g = read_model(&m);
    CHECK_MSG(g && node_is(g->first, "Floor") && strcmp(g->outputs[0]->name, "y") == 0, "%s", err.text);
    graph_free(g);
}

static void unknown_layers_are_kept(void)
{
    char text[200];
    const struct message none = {.size = 0};
    struct message m = simple("x", 500, &none);
    struct graph *g = read_model(&m);
    CHECK_MSG(g && op_list_unknown(g, text, sizeof(text)) == 1 && strstr(text, "coreml.layer500"), "%s", err.text);
    graph_free(g);
}

/* An inner product of 3 to 2 whose weights are raw. */
static struct message product(uint64_t bits, size_t size, int scales)
{
    struct message p = {.size = 0}, w = p, quant = p, linear = p;
    static const uint8_t raw[64];
    static const float ones[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    put_int(&p, 1, 3);
    put_int(&p, 2, 2);
    put_bytes(&linear, 1, ones, (size_t)scales * sizeof(*ones));
    put_int(&quant, 1, bits);
    put(&quant, 101, &linear);
    put_bytes(&w, 30, raw, size);
    put(&w, 40, &quant);
    put(&p, 20, &w);
    return p;
}

static void bits_must_fit(void)
{
    struct message p = product(4, 3, 2), m = simple("x", 140, &p);
    struct graph *g = read_model(&m);
    CHECK_MSG(g != NULL, "%s", err.text);
    graph_free(g);
    p = product(4, 2, 2);
    m = simple("x", 140, &p);
    check_refused(&m, "numbers as weight, want 6");
    p = product(99, 3, 2);
    m = simple("x", 140, &p);
    check_refused(&m, "numbers as weight, want 6");
    p = product(4, 3, 3);
    m = simple("x", 140, &p);
    check_refused(&m, "scales do not fit");
}

/* Raw weights of 9 bits, beside as many floats as are wanted. */
static void bits_are_checked_beside_floats(void)
{
    struct message p = {.size = 0}, w = p, quant = p;
    static const float list[6];
    static const uint8_t raw[3];
    put_int(&p, 1, 3);
    put_int(&p, 2, 2);
    put_int(&quant, 1, 9);
    put_bytes(&w, 1, list, sizeof(list));
    put_bytes(&w, 30, raw, sizeof(raw));
    put(&w, 40, &quant);
    put(&p, 20, &w);
    struct message m = simple("x", 140, &p);
    check_refused(&m, "numbers of 9 bits");
}

static void huge_sizes_are_refused(void)
{
    struct message p = {.size = 0};
    put_int(&p, 1, UINT64_C(1) << 40);
    put_int(&p, 2, UINT64_C(1) << 40);
    struct message m = simple("x", 140, &p);
    check_refused(&m, "as weight, want");
    struct message more = {.size = 0};
    put_int(&more, 1, UINT64_C(1) << 50);
    p.size = 0;
    struct message x = feature("x", 0, NULL, 0), net = network("x", 670, &p), big = {.size = 0};
    put_int(&big, 1, UINT64_C(1) << 50);
    put_int(&big, 1, 3);
    struct message type = {.size = 0};
    put(&type, 5, &big);
    put(&x, 3, &type);
    m = model(&x, 500, &net);
    check_refused(&m, "has a dim of");
}

/* value = sample / 128 + bias */
static void scalers_become_recipes(void)
{
    const struct message none = {.size = 0};
    struct message image = feature("x", 30, NULL, 0), net = network("x", 670, &none), scaler = none, step = none;
    put_float(&scaler, 10, 1 / 128.0f);
    put_float(&scaler, 20, -0.5f);
    put_float(&scaler, 22, -1);
    put_text(&step, 1, "x");
    put(&step, 10, &scaler);
    put(&net, 2, &step);
    struct message m = model(&image, 500, &net);
    struct graph *g = read_model(&m);
    CHECK_MSG(g != NULL, "%s", err.text);
    const struct str *recipe = g ? graph_property(g, "recipe") : NULL;
    CHECK(recipe && recipe->size == 33 && memcmp(recipe->data, "bgr,mean=64:0:128,scale=0.0078125", 33) == 0);
    CHECK(g && g->inputs[0]->type.rank == 4 && g->inputs[0]->type.dims[1] == 3);
    graph_free(g);
}

static void ranges_are_symbols(void)
{
    const struct message none = {.size = 0};
    struct message range = none, ranges = none, net = network("x", 670, &none);
    put_int(&range, 1, 1);
    put_int(&range, 2, 9);
    put(&ranges, 1, &range);
    struct message x = feature("x", 0, &ranges, 31), m = model(&x, 500, &net);
    struct graph *g = read_model(&m);
    CHECK_MSG(g && g->inputs[0]->type.dims[0] < 0, "%s", err.text);
    graph_free(g);
}

static void pipelines_end(void)
{
    const struct message none = {.size = 0};
    struct message m = simple("x", 670, &none), x = array_of_x();
    for (int i = 0; i < 5; i++) {
        struct message pipeline = {.size = 0};
        put(&pipeline, 1, &m);
        m = model(&x, 202, &pipeline);
    }
    struct graph *g = read_model(&m);
    CHECK_MSG(g && g->input_count == 1 && g->node_count == 1, "%s", err.text);
    graph_free(g);
    for (int i = 0; i < 30; i++) {
        struct message pipeline = {.size = 0};
        put(&pipeline, 1, &m);
        m = model(&x, 202, &pipeline);
    }
    check_refused(&m, "deep");
}

/* ---- programs ---- */

/* A tensor type of f32 [n]. */
static struct message type_of(uint64_t n)
{
    struct message type = {.size = 0}, tensor = type, dim = type, size = type;
    put_int(&size, 1, n);
    put(&dim, 1, &size);
    put_int(&tensor, 1, 11);
    put_int(&tensor, 2, 1);
    put(&tensor, 3, &dim);
    put(&type, 1, &tensor);
    return type;
}

static struct message named(const char *name)
{
    struct message n = {.size = 0}, type = type_of(3);
    put_text(&n, 1, name);
    put(&n, 2, &type);
    return n;
}

static void put_operand(struct message *op, const char *role, const char *name)
{
    struct message binding = {.size = 0}, argument = binding, entry = binding;
    put_text(&binding, 1, name);
    put(&argument, 1, &binding);
    put_text(&entry, 1, role);
    put(&entry, 2, &argument);
    put(op, 2, &entry);
}

/* A constant w, in the file of weights. */
static struct message weight(const char *file, uint64_t offset)
{
    struct message op = {.size = 0}, value = op, place = op, entry = op, type = type_of(3), out = named("w");
    put_text(&place, 1, file);
    put_int(&place, 2, offset);
    put(&value, 2, &type);
    put(&value, 5, &place);
    put_text(&entry, 1, "val");
    put(&entry, 2, &value);
    put_text(&op, 1, "const");
    put(&op, 3, &out);
    put(&op, 5, &entry);
    return op;
}

/* y = type(x, w), w what an operation makes. */
static struct message program_of(const char *type, const struct message *w)
{
    struct message op = {.size = 0}, block = op, entry = op, function = op, functions = op, all = op, y = named("y");
    struct message in = named("x"), x = array_of_x();
    put_text(&op, 1, type);
    put_operand(&op, "x", "x");
    put_operand(&op, "y", "w");
    put(&op, 3, &y);
    put_text(&block, 2, "y");
    put(&block, 3, w);
    put(&block, 3, &op);
    put_text(&entry, 1, "CoreML6");
    put(&entry, 2, &block);
    put(&function, 1, &in);
    put_text(&function, 2, "CoreML6");
    put(&function, 3, &entry);
    put_text(&functions, 1, "main");
    put(&functions, 2, &function);
    put_int(&all, 1, 1);
    put(&all, 2, &functions);
    return model(&x, 502, &all);
}

/* w is a constant at an offset of a file. */
static struct message program(const char *type, const char *file, uint64_t offset)
{
    struct message w = weight(file, offset);
    return program_of(type, &w);
}

/* The record of a weight at 0, whose bytes lie at `offset`. */
static void write_weights(const char *name, uint64_t size, uint64_t offset)
{
    uint8_t data[100] = {0};
    memcpy(data, &(uint32_t){0xDEADBEEF}, 4);
    memcpy(data + 8, &size, 8);
    memcpy(data + 16, &offset, 8);
    memcpy(data + 64, (float[]){1, 2, 3}, 12);
    write_file(name, data, sizeof(data));
}

static void weights_stay_inside(void)
{
    struct message m = program("add", "@model_path/w.bin", 0);
    write_weights("w.bin", 12, 64);
    struct graph *g = read_model(&m);
    CHECK_MSG(g && tensor_get_f64(g->first->in[1]->constant, 2) == 3, "%s", err.text);
    graph_free(g);
    write_weights("w.bin", 12, 96);
    check_refused(&m, "no weights at 0");
    write_weights("w.bin", UINT64_MAX, 64);
    check_refused(&m, "no weights at 0");
    write_weights("w.bin", 8, 64);
    check_refused(&m, "3 elements of 32 bits in 8 bytes");
    write_weights("w.bin", 12, 64);
    m = program("add", "@model_path/w.bin", 64);
    check_refused(&m, "no weights at 64");
    m = program("add", "@model_path/w.bin", UINT64_MAX);
    check_refused(&m, "no weights at");
    m = program("add", "@model_path/../w.bin", 0);
    check_refused(&m, "without \"..\"");
    m = program("add", "/etc/passwd", 0);
    check_refused(&m, "relative to the model's folder");
}

/* A constant whose value is a list of no operands, and a join of a list that is not called as it should be. */
static void empty_operands_are_refused(void)
{
    struct message op = {.size = 0}, entry = op, none = op, out = named("w");
    put_text(&entry, 1, "val");
    put(&entry, 2, &none);
    put_text(&op, 1, "const");
    put(&op, 3, &out);
    put(&op, 2, &entry);
    struct message m = program_of("add", &op);
    check_refused(&m, "takes 'w', which no operation before it makes");
    op.size = 0;
    put_text(&op, 1, "concat");
    put(&op, 3, &out);
    put(&op, 2, &entry);
    m = program_of("add", &op);
    check_refused(&m, "its operand val is missing");
}

static void unknown_operations_are_kept(void)
{
    char text[200];
    write_weights("w.bin", 12, 64);
    struct message m = program("warp", "@model_path/w.bin", 0);
    struct graph *g = read_model(&m);
    CHECK_MSG(g && op_list_unknown(g, text, sizeof(text)) == 1 && strstr(text, "coreml.warp"), "%s", err.text);
    CHECK(g && g->first->in_count == 2 && node_attr(g->first, "operands"));
    graph_free(g);
}

static void packages_are_folders(void)
{
    char path[300], name[100];
    struct message m = program("add", "@model_path/weights/weight.bin", 0);
    static const char *const parts[] = {"net.mlpackage", "net.mlpackage/Data", "net.mlpackage/Data/com.apple.CoreML",
                                        "net.mlpackage/Data/com.apple.CoreML/weights"};
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, parts[i]);
        CHECK(mkdir(path, 0700) == 0);
    }
    snprintf(name, sizeof(name), "%s/weight.bin", parts[3]);
    write_weights(name, 12, 64);
    snprintf(name, sizeof(name), "%s/model.mlmodel", parts[2]);
    write_file(name, m.data, m.size);
    snprintf(path, sizeof(path), "%s/net.mlpackage", folder);
    struct graph *g = format_read(path, NULL, &err);
    CHECK_MSG(g && node_is(g->first, "Add"), "%s", err.text);
    graph_free(g);
    snprintf(path, sizeof(path), "%s/%s", folder, name); /* the file inside alone */
    g = format_read(path, NULL, &err);
    CHECK_MSG(g && node_is(g->first, "Add"), "%s", err.text);
    graph_free(g);
}

/* What a network of these layers makes of x [3, dims], which is zeros but for the last number; NULL with a message. */
static struct item *run_layers(const struct message *net, int64_t rows, int64_t columns, double last)
{
    struct message sizes = {.data = {(uint8_t)rows, (uint8_t)columns}, .size = 2}, x = feature("x", 0, &sizes, 1);
    struct message m = model(&x, 500, net);
    struct graph *g = read_model(&m);
    struct tensor *t = tensor_new(DTYPE_F32, 3, (int64_t[]){3, rows, columns}, &err);
    struct item *in = item_of_tensor(t, &err), *out = NULL;
    tensor_set_f64(t, t->count - 1, last);
    CHECK_MSG(g && op_run(g, &in, &out, 1 << 20, 0, &err) == 0, "%s", err.text);
    item_unref(in);
    graph_free(g);
    return out;
}

/* Two numbers that are 1 from their mean, over the root of their variance and epsilon 3. */
static void deviations_have_epsilon_inside(void)
{
    struct message params = {.size = 0};
    put_int(&params, 2, 1);
    put_float(&params, 3, 3);
    struct message net = network("x", 165, &params);
    struct item *out = run_layers(&net, 1, 2, 2);
    CHECK(out && tensor_get_f64(out->tensor, 4) == -0.5 && tensor_get_f64(out->tensor, 3) == 0);
    item_unref(out);
}

/* x and its ReLU. */
static void channels_interleave(void)
{
    struct message relu = {.size = 0}, params = relu, net = relu, none = relu;
    put(&relu, 10, &none);
    put_int(&params, 1, 1);
    put_int(&params, 2, 1);
    struct message first = layer("x", "z", 130, &relu), second = layer("x", "y", 980, &params);
    put_text(&second, 2, "z");
    put(&net, 1, &first);
    put(&net, 1, &second);
    put_int(&net, 5, 1);
    struct item *out = run_layers(&net, 2, 1, -1);
    CHECK(out && tensor_get_f64(out->tensor, 9) == 0 && tensor_get_f64(out->tensor, 10) == -1);
    item_unref(out);
}

/* Ten rows by 0.70001 are seven, and the last one is the last one. */
static void factors_are_those_of_sizes(void)
{
    struct message params = {.size = 0};
    put_int(&params, 5, 1);
    put_int(&params, 6, 1);
    put_float(&params, 7, 0.70001f);
    put_float(&params, 7, 1);
    struct message net = network("x", 210, &params);
    struct item *out = run_layers(&net, 10, 1, 1);
    CHECK(out && out->tensor->count == 21 && tensor_get_f64(out->tensor, 20) == 1);
    item_unref(out);
}

/* What a program that coremltools made makes of x, zeros but for one number: that element of the result. Run in the
 * folder that holds `tests`. */
static double run_program(const char *path, struct tensor *x, int64_t at, double number, int64_t wanted)
{
    struct graph *g = format_read(path, NULL, &err);
    CHECK_MSG(g != NULL, "%s", err.text);
    struct item *in = item_of_tensor(x, &err), *out = NULL;
    tensor_set_f64(x, at, number);
    CHECK_MSG(g && op_run(g, &in, &out, 1 << 20, 0, &err) == 0, "%s", err.text);
    double got = out && out->tensor ? tensor_get_f64(out->tensor, wanted) : -1;
    item_unref(out);
    item_unref(in);
    graph_free(g);
    return got;
}

/* Three rounds of x / 2. */
static void loops_run(void)
{
    struct tensor *x = tensor_new(DTYPE_F32, 2, (int64_t[]){2, 8}, &err);
    CHECK(run_program("tests/models/coreml/loop.mlmodel", x, 3, 40, 3) == 5);
}

/* Twice as wide, where pixels are counted from their corners: the second stands in the middle of both. */
static void corners_are_not_centers(void)
{
    struct tensor *x = tensor_new(DTYPE_F32, 4, (int64_t[]){1, 1, 1, 2}, &err);
    CHECK(run_program("tests/models/coreml/corners.mlmodel", x, 1, 4, 1) == 2);
}

int main(void)
{
    char command[100];
    CHECK(mkdtemp(folder) != NULL);
    RUN(operands_come_first);
    RUN(unknown_layers_are_kept);
    RUN(bits_must_fit);
    RUN(bits_are_checked_beside_floats);
    RUN(huge_sizes_are_refused);
    RUN(scalers_become_recipes);
    RUN(ranges_are_symbols);
    RUN(pipelines_end);
    RUN(weights_stay_inside);
    RUN(empty_operands_are_refused);
    RUN(unknown_operations_are_kept);
    RUN(packages_are_folders);
    RUN(deviations_have_epsilon_inside);
    RUN(channels_interleave);
    RUN(factors_are_those_of_sizes);
    RUN(loops_run);
    RUN(corners_are_not_centers);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    CHECK(system(command) == 0);
    return TEST_END();
}
