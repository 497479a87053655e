/* Reading HDF5 files: groups, attributes, and datasets of numbers or text, as h5py, Keras and PyTables write them.
 * Superblocks 0 to 3, groups as symbol tables and as lists of links, contiguous, compact and chunked datasets (B-trees
 * of version 1, single chunks, implicit and fixed arrays), the filters gzip, shuffle and fletcher32 (not checked).
 * What lies elsewhere or is not of this list (external files, soft links, committed types, dense storage) is refused
 * with a message, or absent. Source: the HDF5 File Format Specification, version 3.0.
 *
 * Every address, count and depth of the file is checked. Each thing that is read counts, also when it is met again, and
 * there is a limit to all of them, so that no structure that leads back into itself lasts. */
#ifndef PARSE_HDF5_H
#define PARSE_HDF5_H

#include <stdbool.h>

#include "base/mem.h"

#define HDF5_MAX_RANK 12

enum hdf5_class {
    HDF5_OTHER,
    HDF5_INT,
    HDF5_UINT,
    HDF5_FLOAT,
    HDF5_OPAQUE, /* bytes of which others tell what they are */
    HDF5_TEXT,
    HDF5_LONG_TEXT, /* of any length */
};

struct hdf5_type {
    enum hdf5_class class;
    unsigned size; /* bytes of an element */
    bool big_endian;
};

/* What attributes and datasets are. */
struct hdf5_array {
    struct hdf5_type type;
    int rank;
    uint64_t dims[HDF5_MAX_RANK], count;
};

struct hdf5_attr {
    struct hdf5_attr *next;
    const char *name;
    struct hdf5_array array;
    const uint8_t *data; /* count elements, as the file has them */
};

struct hdf5_object;

struct hdf5_link {
    struct hdf5_link *next;
    const char *name;
    uint64_t address;
    struct hdf5_object *object; /* NULL: not read yet */
};

struct hdf5_storage; /* where a dataset's elements lie */

/* A group or a dataset. */
struct hdf5_object {
    struct hdf5_link *links; /* lists, in no order */
    struct hdf5_attr *attrs;
    struct hdf5_array array;      /* of a dataset */
    struct hdf5_storage *storage; /* NULL: not a dataset */
};

struct hdf5;

bool hdf5_is(const struct blob *blob);

/* Reads the outermost group. Keeps a reference to the blob. NULL with a message. */
struct hdf5 *hdf5_open(struct blob *blob, struct error *err);
void hdf5_close(struct hdf5 *f); /* NULL is allowed */
const struct hdf5_object *hdf5_root(const struct hdf5 *f);

/* What the path "a/b" leads to from a group; it belongs to f. *object is NULL when there is none. -1 with a message
 * when what it leads through is malformed. */
int hdf5_find(struct hdf5 *f, const struct hdf5_object *from, const char *path, const struct hdf5_object **object,
              struct error *err);

/* NULL: there is none. */
const struct hdf5_attr *hdf5_attr(const struct hdf5_object *o, const char *name);

/* Element i of an attribute of text: its bytes, which stay in the file, without padding. NULL with a message when it is
 * no text, or malformed. */
const char *hdf5_text(struct hdf5 *f, const struct hdf5_attr *a, uint64_t i, size_t *size, struct error *err);

/* The elements of a dataset of numbers or opaque ones, row-major, in little-endian order: a part of the file where it
 * has them so, else unpacked. All that is ever unpacked of a file is bounded by what deflate can make of its size. The
 * caller unrefs; NULL with a message. */
struct blob *hdf5_read(struct hdf5 *f, const struct hdf5_object *dataset, struct error *err);

#endif
