/* The table of operators that are written. */
#include <string.h>

#include "format/tflite/writers.h"

static const struct tflite_writes rows[] = {
#define WRITES(op, function, code, act) {op, tflite_write_##function, code, act},
#include "format/tflite/writers.def"
#undef WRITES
};

const struct tflite_writes *tflite_writes_of(const struct node *n)
{
    for (size_t i = 0; n->domain[0] == '\0' && i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].op, n->op) == 0)
            return &rows[i];
    return NULL;
}

/* Code, number of its options in the union, version: the one that takes int8, or per-channel scales. */
static const struct {
    int code, options, version;
} builtins[] = {
    {0, 11, 2},  {1, 5, 2},    {2, 10, 2},    {3, 1, 3},   {4, 2, 3},   {5, 94, 1},  {6, 38, 3},  {9, 8, 4},
    {14, 0, 2},  {17, 5, 2},   {18, 21, 2},   {19, 0, 2},  {21, 0, 2},  {22, 17, 1}, {23, 15, 3}, {25, 9, 2},
    {26, 19, 2}, {28, 0, 2},   {34, 22, 2},   {36, 23, 2}, {39, 26, 2}, {40, 27, 2}, {41, 28, 2}, {42, 29, 1},
    {45, 32, 2}, {53, 37, 1},  {55, 39, 2},   {57, 39, 2}, {74, 27, 2}, {82, 27, 2}, {89, 27, 2}, {97, 74, 3},
    {98, 75, 2}, {114, 89, 1}, {126, 101, 2}, {60, 43, 2},
};

int tflite_options_of(int code)
{
    for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++)
        if (builtins[i].code == code)
            return builtins[i].options;
    return 0;
}

int tflite_version_of(int code)
{
    for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++)
        if (builtins[i].code == code)
            return builtins[i].version;
    return 1;
}
