/* NumPy's archives of arrays: zip files of .npy members. */
#ifndef DATA_NPZ_H
#define DATA_NPZ_H

#include "graph/tensor.h"

struct data_npz;

/* Reads the archive's directory. Keeps a reference to the blob. */
struct data_npz *data_npz_open(struct blob *blob, struct error *err);
void data_npz_close(struct data_npz *npz); /* NULL is allowed */

size_t data_npz_count(const struct data_npz *npz);

/* A member's name, without ".npy"; lives as long as the archive. */
const char *data_npz_name(const struct data_npz *npz, size_t i);

/* A member's array; the message of an error begins with the member's name. Of more than `most` bytes: an error. */
struct tensor *data_npz_read(const struct data_npz *npz, size_t i, size_t most, struct error *err);

#endif
