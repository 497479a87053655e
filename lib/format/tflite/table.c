/* The table of operators. */
#include <stdio.h>
#include <string.h>

#include "base/packed.h"
#include "format/tflite/operators.h"
#include "format/tflite/schema.h"

static const struct {
    void (*read)(struct tflite_op *o);
    int16_t code;
    int8_t act;
    bool moves;
} rest[] = {
#define ROW(number, name, function, onnx, act, moves) {tflite_read_##function, number, act, moves},
#include "format/tflite/operators.def"
#undef ROW
};

#include "format/tflite/operators.inc"
PACKED_TABLE(rows, struct tflite_row, 2, rest);

static const struct tflite_row customs[] = {
    {"TFLite_Detection_PostProcess", NULL, tflite_read_detection, TFLITE_CUSTOM, -1, false},
    {"Convolution2DTransposeBias", NULL, tflite_read_transpose_bias, TFLITE_CUSTOM, -1, false},
    {"MaxPoolingWithArgmax2D", NULL, tflite_read_pool_places, TFLITE_CUSTOM, -1, false},
    {"MaxUnpooling2D", NULL, tflite_read_unpool, TFLITE_CUSTOM, -1, false},
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

const struct tflite_row *tflite_row(int code)
{
    const struct tflite_row *row;
    for (size_t i = 0; (row = packed_row(&rows, i)) && row->code != code;)
        i++;
    return row;
}

const struct tflite_row *tflite_custom_row(const char *name)
{
    for (size_t i = 0; i < COUNT(customs); i++)
        if (strcmp(customs[i].name, name) == 0)
            return &customs[i];
    return NULL;
}

static const struct tflite_opaque opaques[] = {
#define OPAQUE(number, name, options, widths) {number, name, options, widths},
#include "format/tflite/opaque.def"
#undef OPAQUE
};

const struct tflite_opaque *tflite_opaque(int code)
{
    for (size_t i = 0; i < COUNT(opaques); i++)
        if (opaques[i].code == code)
            return &opaques[i];
    return NULL;
}

const struct tflite_opaque *tflite_opaque_by_name(const char *name)
{
    for (size_t i = 0; i < COUNT(opaques); i++)
        if (strcmp(opaques[i].name, name) == 0)
            return &opaques[i];
    return NULL;
}

const char *tflite_slot_name(int slot, char *text, size_t size)
{
    snprintf(text, size, "slot_%d", slot);
    return text;
}

const char *tflite_operator_at(size_t index)
{
    const struct tflite_row *row = packed_row(&rows, index);
    index -= rows.count;
    return row ? row->name : index < COUNT(customs) ? customs[index].name : NULL;
}
