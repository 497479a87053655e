/* Symbols of MXNet and networks of Core ML whose lists and blocks grow beyond all memory. */
#include <stdio.h>
#include <stdlib.h>

#include "hostile.h"

static void number(struct out *o, const char *format, int value)
{
    char text[200];
    int n = snprintf(text, sizeof text, format, value);
    hostile_add(o, text, (size_t)n);
}

/* ---- MXNet ---- */

#define SYMBOL_BEGIN "{\"nodes\":[{\"op\":\"null\",\"name\":\"x\",\"attrs\":{\"__shape__\":\"(1, 3)\"},\"inputs\":[]}"

static void end_symbol(struct out *o, int last)
{
    number(o, "],\"arg_nodes\":[0],\"heads\":[[%d,0,0]]}", last);
}

static void symbol_nodes(struct out *o)
{
    hostile_say(o, SYMBOL_BEGIN);
    for (int i = 0; i < 10000; i++)
        number(o, ",{\"op\":\"relu\",\"name\":\"r\",\"inputs\":[[%d,0,0]]}", i);
    end_symbol(o, 10000);
}

/* Each node joins the one before twice. */
static void symbol_doublings(struct out *o)
{
    hostile_say(o, SYMBOL_BEGIN);
    for (int i = 0; i < 70; i++)
        number(o, ",{\"op\":\"Concat\",\"name\":\"c\",\"inputs\":[[%1$d,0,0],[%1$d,0,0]]}", i);
    end_symbol(o, 70);
}

/* Each node has the place of its last output named, but does not make it. */
static void symbol_outputs(struct out *o)
{
    hostile_say(o, SYMBOL_BEGIN);
    for (int i = 0; i < 1000; i++)
        number(o, ",{\"op\":\"Warp\",\"name\":\"w\",\"inputs\":[[%1$d,0,0],[%1$d,260000,0]]}", i);
    end_symbol(o, 1000);
}

static void symbol_parts(struct out *o)
{
    hostile_say(o, SYMBOL_BEGIN ",{\"op\":\"SliceChannel\",\"name\":\"s\",\"attrs\":{\"num_outputs\":\"9000000000\"},"
                                "\"inputs\":[[0,0,0]]}");
    end_symbol(o, 1);
}

static void symbol_many_parts(struct out *o)
{
    hostile_say(o, SYMBOL_BEGIN);
    for (int i = 0; i < 20000; i++)
        number(o,
               ",{\"op\":\"SliceChannel\",\"name\":\"s\",\"attrs\":{\"num_outputs\":\"4096\"},\"inputs\":[[%d,0,0]]}",
               i);
    end_symbol(o, 20000);
}

static void symbol_boxes(struct out *o)
{
    hostile_say(o, "{\"nodes\":[{\"op\":\"null\",\"name\":\"x\",\"attrs\":{\"__shape__\":\"(1, 3, 900000, 900000)\"},"
                   "\"inputs\":[]},{\"op\":\"_contrib_MultiBoxPrior\",\"name\":\"p\",\"attrs\":{},"
                   "\"inputs\":[[0,0,0]]}");
    end_symbol(o, 1);
}

static void symbol_inputs(struct out *o)
{
    hostile_say(o, SYMBOL_BEGIN);
    for (int i = 1; i < 20000; i++)
        number(o, ",{\"op\":\"null\",\"name\":\"x%d\",\"inputs\":[]}", i);
    for (int i = 0; i < 20000; i++) {
        if (i % 4000 == 0)
            hostile_say(o, i ? "]},{\"op\":\"Warp\",\"name\":\"s\",\"inputs\":["
                             : ",{\"op\":\"Warp\",\"name\":\"s\",\"inputs\":[");
        number(o, i % 4000 ? ",[%d,0,0]" : "[%d,0,0]", i);
    }
    hostile_say(o, "]}");
    end_symbol(o, 20000);
}

/* Each node has 62,500 cells of 63 boxes. */
static void symbol_many_boxes(struct out *o)
{
    hostile_say(o, "{\"nodes\":[{\"op\":\"null\",\"name\":\"x\",\"attrs\":{\"__shape__\":\"(1, 3, 250, 250)\"},"
                   "\"inputs\":[]}");
    for (int i = 0; i < 1000; i++) {
        hostile_say(o, ",{\"op\":\"_contrib_MultiBoxPrior\",\"name\":\"p\",\"attrs\":{\"sizes\":\"(1");
        for (int k = 1; k < 32; k++)
            hostile_say(o, ",1");
        hostile_say(o, ")\",\"ratios\":\"(1");
        for (int k = 1; k < 32; k++)
            hostile_say(o, ",1");
        hostile_say(o, ")\"},\"inputs\":[[0,0,0]]}");
    }
    end_symbol(o, 1000);
}

/* ---- Core ML ---- */

static void put_varint(struct out *o, uint64_t value)
{
    unsigned char byte;
    do {
        byte = (unsigned char)((value & 127) | (value > 127 ? 128 : 0));
        hostile_add(o, &byte, 1);
    } while (value >>= 7);
}

static void put_int(struct out *o, int field, uint64_t value)
{
    put_varint(o, (uint64_t)field << 3);
    put_varint(o, value);
}

static void put_bytes(struct out *o, int field, const char *bytes, size_t n)
{
    put_varint(o, (uint64_t)field << 3 | 2);
    put_varint(o, n);
    hostile_add(o, bytes, n);
}

/* Takes the part. */
static void put(struct out *o, int field, struct out part)
{
    put_bytes(o, field, part.data ? part.data : "", part.size);
    free(part.data);
}

static void put_name(struct out *o, int field, const char *format, int value)
{
    char name[40];
    put_bytes(o, field, name, (size_t)snprintf(name, sizeof name, format, value));
}

static struct out feature(const char *name, int last)
{
    struct out f = {NULL, 0, 0}, type = {NULL, 0, 0}, array = {NULL, 0, 0};
    put_int(&array, 1, 3);
    put(&type, 5, array);
    put_name(&f, 1, name, last);
    put(&f, 3, type);
    return f;
}

/* A model of v0 to v<last>. */
static void put_model(struct out *o, int kind, struct out what, int last)
{
    struct out description = {NULL, 0, 0};
    put(&description, 1, feature("v%d", 0));
    put(&description, 10, feature("v%d", last));
    put_int(o, 1, 4);
    put(o, 2, description);
    put(o, kind, what);
}

/* Layer i takes v<i>, `times` times, and gives v<i + 1>. */
static void put_layer(struct out *net, int i, int times, int kind)
{
    struct out layer = {NULL, 0, 0}, params = {NULL, 0, 0};
    put_name(&layer, 1, "l%d", i);
    for (int k = 0; k < times; k++)
        put_name(&layer, 2, "v%d", i);
    put_name(&layer, 3, "v%d", i + 1);
    put(&layer, kind, params);
    put(net, 1, layer);
}

static void network_of(struct out *o, int layers, int times, int kind)
{
    struct out net = {NULL, 0, 0};
    for (int i = 0; i < layers; i++)
        put_layer(&net, i, times, kind);
    put_int(&net, 5, 1);
    put_model(o, 500, net, layers);
}

static void network_layers(struct out *o)
{
    network_of(o, 60000, 1, 670);
}

static void network_doublings(struct out *o)
{
    network_of(o, 70, 2, 980);
}

static void network_operands(struct out *o)
{
    network_of(o, 8, 100000, 980);
}

static void network_pipelines(struct out *o)
{
    struct out model = {NULL, 0, 0};
    network_of(&model, 1, 1, 670);
    for (int i = 0; i < 2000; i++) {
        struct out pipeline = {NULL, 0, 0}, outer = {NULL, 0, 0};
        put(&pipeline, 1, model);
        put_model(&outer, 202, pipeline, 1);
        model = outer;
    }
    hostile_add(o, model.data, model.size);
    free(model.data);
}

/* Operations "cond" within each other, each of which has its block twice. */
static void program_blocks(struct out *o)
{
    struct out block = {NULL, 0, 0}, entry = {NULL, 0, 0}, function = {NULL, 0, 0}, main = {NULL, 0, 0};
    for (int i = 0; i < 17; i++) {
        struct out op = {NULL, 0, 0}, outer = {NULL, 0, 0};
        put_name(&op, 1, i ? "cond" : "warp%d", i);
        for (int k = 0; k < (i ? 2 : 0); k++)
            put_bytes(&op, 4, block.data ? block.data : "", block.size);
        put(&outer, 3, op);
        free(block.data);
        block = outer;
    }
    put_name(&entry, 1, "o%d", 0);
    put(&entry, 2, block);
    put(&function, 3, entry);
    put_name(&main, 1, "main", 0);
    put(&main, 2, function);
    struct out program = {NULL, 0, 0};
    put(&program, 2, main);
    put_model(o, 502, program, 1);
}

const struct hostile_case hostile_layers[] = {
    {"MXNet: 10,000 nodes", symbol_nodes},
    {"MXNet: 70 doublings by Concat", symbol_doublings},
    {"MXNet: 1,000 nodes of 260,000 outputs", symbol_outputs},
    {"MXNet: a split into 9,000,000,000 parts", symbol_parts},
    {"MXNet: 20,000 splits into 4,096 parts", symbol_many_parts},
    {"MXNet: boxes of 810,000,000,000 cells", symbol_boxes},
    {"MXNet: 20,000 inputs", symbol_inputs},
    {"MXNet: 1,000 layers of 3,937,500 boxes", symbol_many_boxes},
    {"Core ML: 60,000 layers", network_layers},
    {"Core ML: 70 doublings by concat", network_doublings},
    {"Core ML: layers of 100,000 operands", network_operands},
    {"Core ML: 2,000 pipelines within each other", network_pipelines},
    {"Core ML: 17 branches within each other", program_blocks},
    {NULL, NULL},
};
