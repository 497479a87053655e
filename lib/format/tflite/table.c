/* The table of operators. */
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

const char *tflite_operator_at(size_t index)
{
    if (index < COUNT(rows))
        return rows[index].name;
    index -= COUNT(rows);
    return index < COUNT(customs) ? customs[index].name : NULL;
}
