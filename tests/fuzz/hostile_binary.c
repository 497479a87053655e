/* Models of the mobile formats that say more than their bytes hold: tables that many refer to, shapes and counts beyond
 * all memory. */
#include <stdio.h>
#include <stdlib.h>

#include "hostile.h"
#include "parse/flatbuf_write.h"

/* ---- FlatBuffers ---- */

/* A vector of the same reference again and again. */
static uint32_t put_same(struct flatbuf_out *o, uint32_t ref, size_t count)
{
    uint32_t *refs = malloc(count * sizeof *refs);

    for (size_t i = 0; refs && i < count; i++)
        refs[i] = ref;
    ref = refs ? flatbuf_put_refs(o, refs, count) : 0;
    free(refs);
    return ref;
}

static uint32_t put_equal(struct flatbuf_out *o, int32_t number, size_t count)
{
    int32_t *numbers = malloc(count * sizeof *numbers);
    uint32_t ref;

    for (size_t i = 0; numbers && i < count; i++)
        numbers[i] = number;
    ref = numbers ? flatbuf_put_i32s(o, numbers, count) : 0;
    free(numbers);
    return ref;
}

static uint32_t put_table(struct flatbuf_out *o, const uint32_t *refs, int count)
{
    flatbuf_begin(o);
    for (int i = 0; i < count; i++)
        flatbuf_add_ref(o, i, refs[i]);
    return flatbuf_end(o);
}

static void finish(struct out *to, struct flatbuf_out *o, uint32_t root, const char *identifier)
{
    size_t size = 0;
    const uint8_t *data = flatbuf_finish(o, root, identifier, &size);

    hostile_add(to, data, size);
    flatbuf_out_release(o);
}

/* ---- TensorFlow Lite ---- */

/* One operator of this code with so many inputs, all the tensor 0, so often; tensors of this shape, so many, are one
 * table. */
struct lite {
    int code;
    size_t inputs, operators, tensors, subgraphs, codes;
    int32_t shape[4];
};

static void lite(struct out *to, const struct lite *l)
{
    struct flatbuf_out o;
    flatbuf_out_init(&o, NULL);
    uint32_t shape = flatbuf_put_i32s(&o, l->shape, 4), zero = put_equal(&o, 0, 1), one = put_equal(&o, 1, 1);
    uint32_t tensor = put_table(&o, &shape, 1), tensors = put_same(&o, tensor, l->tensors);
    uint32_t inputs = put_equal(&o, 0, l->inputs);
    uint32_t operator= put_table(&o, (uint32_t[]){0, inputs, one}, 3);
    uint32_t operators = put_same(&o, operator, l->operators);
    uint32_t graph = put_table(&o, (uint32_t[]){tensors, zero, one, operators}, 4);
    uint32_t graphs = put_same(&o, graph, l->subgraphs), buffer = put_table(&o, NULL, 0);
    uint32_t buffers = put_same(&o, buffer, 1);
    flatbuf_begin(&o);
    flatbuf_add_int(&o, 0, 1, l->code, -1);
    uint32_t codes = put_same(&o, flatbuf_end(&o), l->codes);
    flatbuf_begin(&o);
    flatbuf_add_int(&o, 0, 4, 3, 0);
    flatbuf_add_ref(&o, 1, codes);
    flatbuf_add_ref(&o, 2, graphs);
    flatbuf_add_ref(&o, 4, buffers);
    finish(to, &o, flatbuf_end(&o), "TFL3");
}

static void lite_tensors(struct out *o)
{
    lite(o, &(struct lite){19, 1, 1, 1000000, 1, 1, {1, 2, 2, 2}});
}

static void lite_operators(struct out *o)
{
    lite(o, &(struct lite){19, 1, 1000000, 2, 1, 1, {1, 2, 2, 2}});
}

static void lite_inputs(struct out *o)
{
    lite(o, &(struct lite){2, 100000, 2000, 2, 1, 1, {1, 2, 2, 2}}); /* CONCATENATION */
}

static void lite_subgraphs(struct out *o)
{
    lite(o, &(struct lite){19, 1, 10, 1000, 100000, 1, {1, 2, 2, 2}});
}

static void lite_codes(struct out *o)
{
    lite(o, &(struct lite){19, 1, 1, 2, 1, 1000000, {1, 2, 2, 2}});
}

static void lite_shape(struct out *o)
{
    lite(o, &(struct lite){19, 1, 1, 2, 1, 1, {2147483647, 2147483647, 2147483647, 2147483647}});
}

static void lite_sums(struct out *o)
{
    lite(o, &(struct lite){106, 1000000, 1, 2, 1, 1, {64, 64, 64, 1}}); /* ADD_N */
}

/* ---- MNN ---- */

struct mnn {
    int type; /* of the operators */
    size_t inputs, outputs, operators, names;
};

static uint32_t mnn_op(struct flatbuf_out *o, int type, uint32_t in, uint32_t out)
{
    flatbuf_begin(o);
    flatbuf_add_ref(o, 0, in);
    flatbuf_add_ref(o, 4, out);
    flatbuf_add_int(o, 5, 4, type, -1);
    return flatbuf_end(o);
}

/* An input, then the same operator on it so often. */
static void mnn(struct out *to, const struct mnn *m)
{
    struct flatbuf_out o;
    flatbuf_out_init(&o, NULL);
    uint32_t zero = put_equal(&o, 0, 1), input = mnn_op(&o, 34, 0, zero), name = flatbuf_put_string(&o, "a");
    uint32_t op = mnn_op(&o, m->type, put_equal(&o, 0, m->inputs), put_equal(&o, 1, m->outputs));
    uint32_t *ops = malloc((m->operators + 1) * sizeof *ops);
    for (size_t i = 0; ops && i <= m->operators; i++)
        ops[i] = i ? op : input;
    uint32_t list = ops ? flatbuf_put_refs(&o, ops, m->operators + 1) : 0, names = put_same(&o, name, m->names);
    free(ops);
    flatbuf_begin(&o);
    flatbuf_add_ref(&o, 3, list);
    flatbuf_add_ref(&o, 7, names);
    finish(to, &o, flatbuf_end(&o), NULL);
}

static void mnn_operators(struct out *o)
{
    mnn(o, &(struct mnn){81, 1, 1, 1000000, 2});
}

static void mnn_inputs(struct out *o)
{
    mnn(o, &(struct mnn){10, 100000, 1, 2000, 2}); /* Concat */
}

static void mnn_outputs(struct out *o)
{
    mnn(o, &(struct mnn){81, 1, 100000, 2000, 2});
}

static void mnn_names(struct out *o)
{
    mnn(o, &(struct mnn){81, 1, 1, 10, 2000000});
}

/* ---- ncnn ---- */

static void ncnn_begin(struct out *o, long layers)
{
    char text[100];
    snprintf(text, sizeof text, "7767517\n%ld %ld\nInput in 0 1 b0 0=8 1=8 2=8\n", layers, 2 * layers);
    hostile_say(o, text);
}

/* `lines` of a text so often. */
static void ncnn_chain(struct out *o, int count, int lines, const char *format)
{
    char text[200];
    ncnn_begin(o, count * lines + 1);
    for (int i = 0; i < count; i++) {
        snprintf(text, sizeof text, format, i, i + 1);
        hostile_say(o, text);
    }
}

static void ncnn_doubling_concat(struct out *o)
{
    ncnn_chain(o, 70, 2, "Split s%1$d 1 2 b%1$d x%1$d y%1$d\nConcat c%1$d 2 1 x%1$d y%1$d b%2$d\n");
}

static void ncnn_layers(struct out *o)
{
    ncnn_chain(o, 8000, 1, "Sigmoid s%1$d 1 1 b%1$d b%2$d\n");
}

static void ncnn_interp(struct out *o)
{
    ncnn_chain(o, 20, 1, "Interp i%1$d 1 1 b%1$d b%2$d 0=1 1=1000 2=1000\n");
}

static void ncnn_memory(struct out *o)
{
    ncnn_begin(o, 3);
    hostile_say(o, "MemoryData m 0 1 b1 0=65535 1=65535 2=65535\nBinaryOp a 2 1 b0 b1 c 0=0\n");
}

static void ncnn_many_inputs(struct out *o)
{
    hostile_say(o, "7767517\n2 2\nInput in 0 1 b0 0=8 1=8 2=8\nConcat c 1000000 1");
    for (int i = 0; i < 1000000; i++)
        hostile_say(o, " b0");
    hostile_say(o, " b1\n");
}

static void ncnn_list(struct out *o)
{
    ncnn_begin(o, 2);
    hostile_say(o, "Permute p 1 1 b0 b1 -23300=1000000");
    for (int i = 0; i < 1000000; i++)
        hostile_say(o, ",1");
    hostile_say(o, "\n");
}

static void ncnn_counts(struct out *o)
{
    static const uint32_t words[] = {7767517, 0x7fffffff, 0x7fffffff, 26, 0x7fffffff, 0x7fffffff, 0};
    hostile_add(o, words, sizeof words);
}

const struct hostile_case hostile_binaries[] = {
    {"TensorFlow Lite: 1,000,000 tensors that are one", lite_tensors},
    {"TensorFlow Lite: 1,000,000 operators that are one", lite_operators},
    {"TensorFlow Lite: 2,000 operators of 100,000 inputs", lite_inputs},
    {"TensorFlow Lite: 100,000 subgraphs that are one", lite_subgraphs},
    {"TensorFlow Lite: 1,000,000 operator codes", lite_codes},
    {"TensorFlow Lite: a tensor of 2^124 elements", lite_shape},
    {"TensorFlow Lite: a sum of 1,000,000", lite_sums},
    {"MNN: 1,000,000 operators that are one", mnn_operators},
    {"MNN: 2,000 operators of 100,000 inputs", mnn_inputs},
    {"MNN: 2,000 operators of 100,000 outputs", mnn_outputs},
    {"MNN: 2,000,000 names", mnn_names},
    {"ncnn: 70 doublings by Concat", ncnn_doubling_concat},
    {"ncnn: 8,000 layers", ncnn_layers},
    {"ncnn: 20 enlargements by 1000", ncnn_interp},
    {"ncnn: MemoryData of 2^48 elements", ncnn_memory},
    {"ncnn: a layer of 1,000,000 inputs", ncnn_many_inputs},
    {"ncnn: a list of 1,000,000", ncnn_list},
    {"ncnn: counts of 2^31 in a .param.bin", ncnn_counts},
    {NULL, NULL},
};
