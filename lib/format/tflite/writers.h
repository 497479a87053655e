/* The functions of the rows in writers.def, and what the table says of builtin operators. */
#ifndef FORMAT_TFLITE_WRITERS_H
#define FORMAT_TFLITE_WRITERS_H

#include "format/tflite/write.h"
#include "op/op.h"

#define WRITES(op, function, code, act)                                                                                \
    void tflite_write_##function(struct tflite_writer *w, struct node *n, const struct tflite_writes *row);
#include "format/tflite/writers.def"
#undef WRITES

/* Whether n can compute on stored numbers and gives them in the scale that it takes them in. */
bool tflite_keeps_scale(const struct tflite_writer *w, struct node *n, bool can_act);

/* The number of the table of options that goes with a code, and the version of the operator that is meant. */
int tflite_options_of(int code);
int tflite_version_of(int code);

#endif
