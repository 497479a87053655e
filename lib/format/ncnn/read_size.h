/* Inside the ncnn reader: sizes that are numbers where the file or the blobs tell them, else values of the graph. */
#ifndef FORMAT_NCNN_READ_SIZE_H
#define FORMAT_NCNN_READ_SIZE_H

#include "format/ncnn/read.h"

struct size {
    int64_t number;      /* when there is no value */
    struct value *value; /* i64 [1], or NULL */
};

struct size ncnn_size_number(int64_t n);
/* An axis of a blob by its letter: w, h, d, c, or n for the batch; 1 where the blob has no such axis. */
struct size ncnn_size_of(struct reader *r, struct value *v, char letter);

/* "0w,*(0h,2),-1": numbers, sizes of inputs, and functions of these, written in front of their arguments. Returns how
 * many, at most `max`; a failure for others. Source of the grammar: ncnn's documentation of expressions. */
int ncnn_size_parse(struct reader *r, const char *text, struct size *sizes, int max);

/* All of them as one i64 [count]. */
struct value *ncnn_size_list(struct reader *r, int count, const struct size *sizes);
bool ncnn_size_all_numbers(int count, const struct size *sizes);

#endif
