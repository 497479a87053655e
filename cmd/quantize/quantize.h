/* Shared by nnquantize's files. */
#ifndef QUANTIZE_QUANTIZE_H
#define QUANTIZE_QUANTIZE_H

#include "../common/files.h"
#include "model.h"

struct request {
    const char *from, *weights, *report;
    const char **data, **keep;
    size_t data_count;
    struct model_calibration_options calibration;
    struct properties properties; /* the recipe */
    struct output out;
};

/* Weights alone, and what that costs on the data, if there are any. 0, or 1 with a message. */
int quantize_weights(const struct request *r, const char *path, const struct model *original);

/* Everything, by the data. */
int quantize_all(const struct request *r, const char *path, const struct model *original);

/* Opens what -r names, for records, and closes it; 0, or 1 with a message. */
int report_open(const struct request *r);
int report_close(const struct request *r);

#endif
