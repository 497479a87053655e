/* The table of operators. */
#include <stdio.h>
#include <string.h>

#include "format/tflite/operators.h"
#include "format/tflite/schema.h"

static const struct tflite_row rows[] = {
#define ROW(number, name, function, onnx, act, moves) {number, name, tflite_read_##function, onnx, act, moves},
#include "format/tflite/operators.def"
#undef ROW
};

static const struct tflite_row customs[] = {
    {TFLITE_CUSTOM, "TFLite_Detection_PostProcess", tflite_read_detection, NULL, -1, false},
    {TFLITE_CUSTOM, "Convolution2DTransposeBias", tflite_read_transpose_bias, NULL, -1, false},
    {TFLITE_CUSTOM, "MaxPoolingWithArgmax2D", tflite_read_pool_places, NULL, -1, false},
    {TFLITE_CUSTOM, "MaxUnpooling2D", tflite_read_unpool, NULL, -1, false},
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

const struct tflite_row *tflite_row(int code)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        if (rows[i].code == code)
            return &rows[i];
    return NULL;
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
    if (index < COUNT(rows))
        return rows[index].name;
    index -= COUNT(rows);
    return index < COUNT(customs) ? customs[index].name : NULL;
}
