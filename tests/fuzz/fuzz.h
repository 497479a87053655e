/* The fuzzer's parts: making broken files, and doing with a file all that the programs do. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* A file's bytes. */
struct bytes {
    unsigned char *data;
    size_t size;
};

/* Variants of a file, numbered: first each truncation, or `truncations` of them spread evenly when there are more than
 * that many bytes, the last being the whole; then `mutations`, the same for the same number. Into out->data, which
 * holds original->size * 2 + 64 bytes. */
struct variants {
    struct bytes original;
    size_t truncations, mutations;
    uint64_t seed;
};

void variant_make(const struct variants *v, size_t index, struct bytes *out);

/* Files of a few bytes that ask for much, numbered: what each is, "" behind the last; and the bytes, for free(). */
const char *hostile_name(size_t index);
struct bytes hostile_make(size_t index);

/* Reads the model in `path`, infers, optimises, quantises, describes, writes it to `scratch` in every format, and runs
 * it on random input. `scratch` has a suffix. Returns NULL, or what is wrong with the library's behaviour, in a text
 * that stays until the next call: an error without a message, a message of two lines, a model that cannot be read back.
 */
typedef const char *attempt_fn(const char *path, const char *scratch);
attempt_fn attempt;

/* The same for a photo, which becomes an input by several recipes, and for a file that a recipe is made of. */
attempt_fn attempt_photo, attempt_settings;

/* Which of them is for a file of that name. */
attempt_fn *attempt_for(const char *name);

/* Writes to `path`, of `size` bytes, where a file of this process may lie for an attempt. */
void attempt_path(char *path, size_t size, const char *suffix);

#endif
