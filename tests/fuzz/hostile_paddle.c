/* Programs of PaddlePaddle whose blocks, lists and shapes grow beyond all memory. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "hostile.h"

static void number(struct out *o, const char *format, int value)
{
    char text[400];
    int n = snprintf(text, sizeof text, format, value);
    hostile_add(o, text, (size_t)n);
}

/* ---- PIR ---- */

#define PIR_BEGIN                                                                                                      \
    "{\"base_code\":{\"magic\":\"pir\",\"version\":4},\"program\":{\"regions\":[{\"blocks\":[{\"ops\":["               \
    "{\"#\":\"1.data\",\"I\":[],\"A\":[{\"N\":\"name\",\"AT\":{\"#\":\"0.a_str\",\"D\":\"x\"}}],"                      \
    "\"O\":[{\"%\":1,\"TT\":{\"#\":\"0.t_dtensor\",\"D\":[{\"#\":\"0.t_f32\"},[1,3],\"NCHW\",[],0]}}]}"
#define PIR_END "]}]}]}}"

static void pir_operators(struct out *o)
{
    hostile_say(o, PIR_BEGIN);
    for (int i = 1; i < 40000; i++) {
        number(o, ",{\"#\":\"1.relu\",\"I\":[{\"%%\":%d}],\"A\":[],", i);
        number(o, "\"O\":[{\"%%\":%d}]}", i + 1);
    }
    hostile_say(o, PIR_END);
}

/* Each list holds the join of the one before twice. */
static void pir_lists(struct out *o)
{
    hostile_say(o, PIR_BEGIN);
    for (int i = 1; i < 70; i++) {
        number(o, ",{\"#\":\"0.combine\",\"I\":[{\"%%\":%1$d},{\"%%\":%1$d}],\"A\":[],", i);
        number(o, "\"O\":[{\"%%\":%d}]}", 100 + i);
        number(o, ",{\"#\":\"1.concat\",\"I\":[{\"%%\":%d}],\"A\":[],", 100 + i);
        number(o, "\"O\":[{\"%%\":%d}]}", i + 1);
    }
    hostile_say(o, ",{\"#\":\"1.fetch\",\"I\":[{\"%\":70}],\"A\":[],\"O\":[]}" PIR_END);
}

static void pir_shape(struct out *o)
{
    hostile_say(o,
                PIR_BEGIN ",{\"#\":\"1.full\",\"I\":[],\"A\":[{\"N\":\"shape\",\"AT\":{\"#\":\"1.a_intarray\",\"D\":["
                          "9e18,9e18,9e18]}},{\"N\":\"value\",\"AT\":{\"#\":\"0.a_f32\",\"D\":1.5}}],"
                          "\"O\":[{\"%\":2}]},{\"#\":\"1.fetch\",\"I\":[{\"%\":2}],\"A\":[],\"O\":[]}" PIR_END);
}

/* A list of many, passed on again and again. */
static void pir_passed(struct out *o)
{
    hostile_say(o, PIR_BEGIN ",{\"#\":\"0.combine\",\"I\":[{\"%\":1}");
    for (int i = 1; i < 30000; i++)
        hostile_say(o, ",{\"%\":1}");
    hostile_say(o, "],\"A\":[],\"O\":[{\"%\":2}]}");
    for (int i = 2; i < 10000; i++) {
        number(o, ",{\"#\":\"1.assign\",\"I\":[{\"%%\":%d}],\"A\":[],", i);
        number(o, "\"O\":[{\"%%\":%d}]}", i + 1);
    }
    hostile_say(o, PIR_END);
}

static void pir_filled(struct out *o)
{
    hostile_say(o, PIR_BEGIN);
    for (int i = 2; i < 20000; i++) {
        hostile_say(o, ",{\"#\":\"1.full\",\"I\":[],\"A\":[{\"N\":\"shape\",\"AT\":{\"#\":\"1.a_intarray\","
                       "\"D\":[65536]}}],");
        number(o, "\"O\":[{\"%%\":%d}]}", i);
    }
    hostile_say(o, PIR_END);
}

/* Twelve axes, the last of which to the first become one; and a branch of the other form. */
static void pir_backwards(struct out *o)
{
    hostile_say(o, PIR_BEGIN ",{\"#\":\"1.reshape\",\"I\":[{\"%\":1}],\"A\":[{\"N\":\"shape\",\"AT\":{\"#\":"
                             "\"1.a_intarray\",\"D\":[1,1,1,1,1,1,1,1,1,1,1,3]}}],\"O\":[{\"%\":2}]}"
                             ",{\"#\":\"1.flatten\",\"I\":[{\"%\":2}],\"A\":[{\"N\":\"start_axis\",\"AT\":{\"#\":"
                             "\"0.a_i32\",\"D\":11}},{\"N\":\"stop_axis\",\"AT\":{\"#\":\"0.a_i32\",\"D\":0}}],"
                             "\"O\":[{\"%\":3}]}" PIR_END);
}

static void pir_branch(struct out *o)
{
    hostile_say(o, PIR_BEGIN ",{\"#\":\"1.conditional_block\",\"I\":[{\"%\":1}],\"A\":[],\"O\":[{\"%\":2}]}"
                             ",{\"#\":\"1.select_input\",\"I\":[{\"%\":1},{\"%\":1}],\"A\":[],"
                             "\"O\":[{\"%\":3}]}" PIR_END);
}

static void pir_nested(struct out *o)
{
    hostile_say(o, PIR_BEGIN);
    for (int i = 0; i < 10000; i++)
        hostile_say(o, ",{\"#\":\"1.if\",\"I\":[{\"%\":1}],\"A\":[],\"O\":[],\"regions\":[{\"blocks\":[{\"ops\":[{}");
}

/* ---- ProgramDesc ---- */

static void put_varint(struct out *o, size_t value)
{
    unsigned char byte = value & 0x7f;
    for (; value >= 0x80; value >>= 7, byte = value & 0x7f)
        hostile_add(o, &(unsigned char){byte | 0x80}, 1);
    hostile_add(o, &byte, 1);
}

/* A field of bytes, of a message or a text, which is let go. */
static void put(struct out *o, int field, struct out inside)
{
    put_varint(o, (size_t)field << 3 | 2);
    put_varint(o, inside.size);
    hostile_add(o, inside.data, inside.size);
    free(inside.data);
}

static void put_number(struct out *o, int field, size_t value)
{
    put_varint(o, (size_t)field << 3);
    put_varint(o, value);
}

static struct out text_of(const char *text)
{
    struct out o = {NULL, 0, 0};
    hostile_say(&o, text);
    return o;
}

static void put_slot(struct out *op, int field, const char *role, const char *first, const char *second)
{
    struct out slot = {NULL, 0, 0};
    put(&slot, 1, text_of(role));
    put(&slot, 2, text_of(first));
    if (second)
        put(&slot, 2, text_of(second));
    put(op, field, slot);
}

static void put_op(struct out *block, const char *type, struct out op)
{
    put(&op, 3, text_of(type));
    put(block, 4, op);
}

static struct out block_of(int index)
{
    struct out block = {NULL, 0, 0};
    put_number(&block, 1, (size_t)index);
    put_number(&block, 2, (size_t)-1);
    return block;
}

static void put_input(struct out *block, const char *name)
{
    struct out desc = {NULL, 0, 0}, dense = {NULL, 0, 0}, type = {NULL, 0, 0}, var = {NULL, 0, 0}, feed = {NULL, 0, 0};
    put_number(&desc, 1, 0);
    put_number(&desc, 2, 1);
    put(&dense, 1, desc);
    put_number(&type, 1, 7);
    put(&type, 3, dense);
    put(&var, 1, text_of(name));
    put(&var, 2, type);
    put(block, 3, var);
    put_slot(&feed, 2, "Out", name, NULL);
    put_op(block, "feed", feed);
}

/* A branch, of block `index`, that makes v; and the choice of v or v, which reads that block twice. */
static void put_branch(struct out *block, const char *v, const char *to, size_t index)
{
    struct out branch = {NULL, 0, 0}, choice = {NULL, 0, 0}, attr = {NULL, 0, 0};
    put(&attr, 1, text_of("sub_block"));
    put_number(&attr, 2, 8);
    put_number(&attr, 12, index);
    put_slot(&branch, 1, "Cond", "m", NULL);
    put_slot(&branch, 2, "Out", v, NULL);
    put(&branch, 4, attr);
    put_op(block, "conditional_block", branch);
    put_slot(&choice, 1, "X", v, v);
    put_slot(&choice, 1, "Mask", "m", NULL);
    put_slot(&choice, 2, "Out", to, NULL);
    put_op(block, "select_input", choice);
}

/* Blocks that are each read twice by the one before; the last is read by itself, or makes what is asked of it. */
static void program_of(struct out *o, int blocks, bool endless)
{
    for (int i = 0; i < blocks; i++) {
        char v[20], before[20];
        struct out block = block_of(i), last = {NULL, 0, 0};
        snprintf(v, sizeof v, "v%d", i);
        snprintf(before, sizeof before, i ? "v%d" : "end", i - 1);
        if (i == 0)
            put_input(&block, "m");
        if (i + 1 < blocks || endless) {
            put_branch(&block, v, before, (size_t)(i + 1 < blocks ? i + 1 : i));
        } else {
            put_slot(&last, 1, "X", "m", NULL);
            put_slot(&last, 2, "Out", before, NULL);
            put_op(&block, "logical_not", last);
        }
        if (i == 0) {
            struct out fetch = {NULL, 0, 0};
            put_slot(&fetch, 1, "X", "end", NULL);
            put_op(&block, "fetch", fetch);
        }
        put(o, 1, block);
    }
}

static void program_doubling(struct out *o)
{
    program_of(o, 30, false);
}

static void program_endless(struct out *o)
{
    program_of(o, 2, true);
}

/* An output whose first role has no operand. */
static void program_roles(struct out *o)
{
    struct out block = block_of(0), fetch = {NULL, 0, 0}, slot = {NULL, 0, 0};
    put_input(&block, "m");
    put(&slot, 1, text_of("Y"));
    put(&fetch, 1, slot);
    put_slot(&fetch, 1, "X", "m", NULL);
    put_op(&block, "fetch", fetch);
    put(o, 1, block);
}

/* An operator that is not known, with many operands. */
static void program_operands(struct out *o)
{
    struct out block = block_of(0), op = {NULL, 0, 0};
    put_input(&block, "m");
    for (int field = 1; field <= 2; field++) {
        struct out slot = {NULL, 0, 0};
        put(&slot, 1, text_of("X"));
        for (int i = 0; i < 300000; i++)
            put(&slot, 2, text_of(field == 1 ? "m" : "n"));
        put(&op, field, slot);
    }
    put_op(&block, "none", op);
    put(o, 1, block);
}

const struct hostile_case hostile_programs[] = {
    {"Paddle: 40,000 operators", pir_operators},
    {"Paddle: 70 doublings by concat", pir_lists},
    {"Paddle: a constant of 2^189 elements", pir_shape},
    {"Paddle: a list of 30,000 passed on 10,000 times", pir_passed},
    {"Paddle: 20,000 constants of 65,536 elements", pir_filled},
    {"Paddle: axes 11 to 0 become one", pir_backwards},
    {"Paddle: a branch without roles", pir_branch},
    {"Paddle: an output with an empty role", program_roles},
    {"Paddle: an operator of 600,000 operands", program_operands},
    {"Paddle: 10,000 branches within each other", pir_nested},
    {"Paddle: 30 blocks that are each read twice", program_doubling},
    {"Paddle: a block that reads itself", program_endless},
    {NULL, NULL},
};
