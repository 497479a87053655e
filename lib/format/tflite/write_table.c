/* The table of operators that are written. */
#include <string.h>

#include "base/packed.h"
#include "format/tflite/tflite.h"
#include "format/tflite/writers.h"

static const struct {
    void (*write)(struct tflite_writer *w, struct node *n, const struct tflite_writes *row);
    int16_t code;
    int8_t act;
    uint8_t stored;
} rest[] = {
#define WRITES(op, types, function, code, act, stored) {tflite_write_##function, code, act, stored},
#include "format/tflite/writers.def"
#undef WRITES
};

#include "format/tflite/writers.inc"
PACKED_TABLE(rows, struct tflite_writes, 2, rest);

const struct tflite_writes *tflite_writes_of(const struct node *n)
{
    size_t length = strlen(n->domain);
    const struct tflite_writes *row;
    for (size_t i = 0; (row = packed_row(&rows, i)); i++) {
        const char *op = row->op;
        bool is_own = length && strncmp(op, n->domain, length) == 0 && op[length] == '.';
        if (strcmp(is_own ? op + length + 1 : length ? "" : op, n->op) == 0)
            return row;
    }
    return NULL;
}

/* Code, number of its options in the union, version: the one that takes int8, or per-channel scales. */
static const struct {
    int code, options, version;
} builtins[] = {
    {0, 11, 2},    {1, 5, 2},     {2, 10, 2},    {3, 1, 3},     {4, 2, 3},     {5, 94, 1},    {6, 38, 3},
    {9, 8, 4},     {14, 0, 2},    {17, 5, 2},    {18, 21, 2},   {19, 0, 2},    {21, 0, 2},    {22, 17, 1},
    {23, 15, 3},   {25, 9, 2},    {26, 19, 2},   {28, 0, 2},    {34, 22, 2},   {36, 23, 2},   {39, 26, 2},
    {40, 27, 2},   {41, 28, 2},   {42, 29, 1},   {45, 32, 2},   {53, 37, 1},   {55, 39, 2},   {57, 39, 2},
    {74, 27, 2},   {82, 27, 2},   {89, 27, 2},   {97, 74, 3},   {98, 75, 2},   {114, 89, 1},  {126, 101, 2},
    {60, 43, 2},   {13, 13, 1},   {44, 71, 1},   {48, 34, 1},   {49, 35, 1},   {50, 36, 1},   {54, 0, 1},
    {56, 40, 1},   {65, 48, 1},   {67, 49, 3},   {69, 51, 1},   {77, 55, 1},   {79, 57, 1},   {85, 61, 1},
    {94, 68, 1},   {95, 72, 1},   {96, 73, 1},   {100, 77, 1},  {102, 79, 1},  {107, 83, 1},  {109, 85, 1},
    {112, 87, 1},  {118, 92, 1},  {119, 93, 1},  {122, 97, 1},  {123, 98, 1},  {128, 102, 1}, {129, 103, 1},
    {130, 104, 2}, {142, 111, 1}, {143, 112, 1}, {144, 113, 1}, {150, 116, 1}, {158, 123, 1}, {160, 125, 1},
    {43, 30, 1},   {70, 52, 1},   {81, 27, 1},   {132, 106, 1}, {141, 106, 1},
};

int tflite_options_of(int code)
{
    for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++)
        if (builtins[i].code == code)
            return builtins[i].options;
    return tflite_opaque(code) ? tflite_opaque(code)->options : 0;
}

int tflite_version_of(int code)
{
    for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++)
        if (builtins[i].code == code)
            return builtins[i].version;
    return 1;
}
