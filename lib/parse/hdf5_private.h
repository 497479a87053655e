/* Shared by the sources of parse/hdf5. */
#ifndef PARSE_HDF5_PRIVATE_H
#define PARSE_HDF5_PRIVATE_H

#include "base/bytes.h"
#include "parse/hdf5.h"

#define HDF5_STEPS   (1 << 22) /* nodes, blocks, messages and entries read of one file */
#define HDF5_NAMES   (1 << 26) /* bytes of all names of one file */
#define HDF5_LOOKS   (1 << 28) /* at links, to find one by its name */
#define HDF5_LEVELS  32        /* of a B-tree */
#define HDF5_FILTERS 8

struct hdf5 {
    struct blob *blob;
    size_t base; /* addresses count from there */
    unsigned offset_size, length_size;
    size_t steps;      /* that are left */
    size_t looks;      /* that are left, likewise */
    size_t names;      /* bytes of names that may still be copied */
    uint64_t unpacked; /* bytes that chunks may still take, packed and not */
    struct arena arena;
    struct hdf5_object *root;
};

enum hdf5_layout { HDF5_COMPACT, HDF5_CONTIGUOUS, HDF5_CHUNKED };
enum hdf5_index { HDF5_BTREE, HDF5_SINGLE, HDF5_IMPLICIT, HDF5_FIXED, HDF5_EXTENSIBLE, HDF5_BTREE2 };

struct hdf5_filter {
    unsigned id, count;
    uint32_t value; /* the first parameter */
};

struct hdf5_storage {
    bool has_layout, has_space, has_type; /* a dataset has all */
    enum hdf5_layout layout;
    uint64_t address, size; /* of contiguous elements; of the index */
    const uint8_t *compact; /* elements within the header */
    enum hdf5_index index;
    int chunk_rank;
    uint64_t chunk[HDF5_MAX_RANK + 1]; /* elements; the last entry: bytes of one */
    uint64_t single_size;              /* of a single chunk that is filtered; 0: not said */
    uint32_t single_mask;
    int filter_count;
    struct hdf5_filter filters[HDF5_FILTERS];
};

/* The bytes from an address on, of which at most `size`; bad when it lies beyond the file. */
struct bytes hdf5_at(const struct hdf5 *f, uint64_t address, uint64_t size);
/* A number of 1 to 8 bytes; an address; a length. */
uint64_t hdf5_number(struct bytes *b, unsigned width);
uint64_t hdf5_address(const struct hdf5 *f, struct bytes *b);
uint64_t hdf5_length(const struct hdf5 *f, struct bytes *b);
/* Whether it is the address of nothing. */
bool hdf5_is_nowhere(const struct hdf5 *f, uint64_t address);
/* The next four bytes are these. */
bool hdf5_signed(struct bytes *b, const char *signature);
/* One more thing is read: -1 with a message beyond the limit. */
int hdf5_step(struct hdf5 *f, struct error *err);
/* A copy of a name: many may be the same bytes of the file, so that all together have a limit. NULL with a message. */
const char *hdf5_name(struct hdf5 *f, const char *name, size_t size, struct error *err);
int hdf5_damaged(struct error *err, const char *what);

/* Messages of an object's header (hdf5_message.c): those that are not known are passed over. */
int hdf5_read_message(struct hdf5 *f, struct hdf5_object *o, unsigned type, struct bytes body, struct error *err);

/* Links (hdf5_group.c). The name is copied. */
int hdf5_add_link(struct hdf5 *f, struct hdf5_object *o, const char *name, size_t size, uint64_t address,
                  struct error *err);
int hdf5_read_symbols(struct hdf5 *f, struct hdf5_object *o, struct bytes body, struct error *err);
int hdf5_read_link(struct hdf5 *f, struct hdf5_object *o, struct bytes body, struct error *err);
int hdf5_read_link_info(struct hdf5 *f, struct hdf5_object *o, struct bytes body, struct error *err);

#endif
